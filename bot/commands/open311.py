"""Commands of Open311: keys of those who may post to us, and what we pass on to others."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from bot.commands.common import Arguments, Refused, database_of, say
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.store.open311 import Open311Register


def open311_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """`open311 key add|list|revoke`, `open311 status`, `open311 resolve`."""
    top = sub.add_parser("open311", help="staff: Open311 keys, and what goes on to others")
    what = top.add_subparsers(dest="what", required=True, metavar="WHAT")
    what.add_parser("status", help="what goes on to others, and what is stuck").set_defaults(
        run=status
    )
    resolve = what.add_parser("resolve", help="decide on one that is unclear or failed")
    resolve.add_argument("reference")
    resolve.add_argument("decision", choices=["sent", "again", "drop"])
    resolve.add_argument("--remote-id", default="", help="its id there, when it was sent")
    resolve.set_defaults(run=decide)
    key = what.add_parser("key", help="keys of those who may post requests")
    acts = key.add_subparsers(dest="act", required=True, metavar="ACT")
    add = acts.add_parser("add", help="make a key; it is shown once")
    revoke = acts.add_parser("revoke", help="end a key")
    for one in (add, revoke):
        one.add_argument("name", help="who uses it")
    for one in (add, revoke, acts.add_parser("list", help="names and dates")):
        one.set_defaults(run=keys)


def keys(arguments: Arguments, settings: Settings) -> int:
    """Keys for posting."""
    from bot.store.open311 import KeyTaken

    register = _register(settings)
    if arguments.act == "add":
        name = arguments.name.strip()
        if not 0 < len(name) <= 80:
            raise Refused("a name has 1 to 80 characters")
        try:
            say(register.add_key(name))
        except KeyTaken:
            raise Refused(f"there is a key of {name!r} already; revoked names stay taken") from None
    elif arguments.act == "revoke":
        if not register.revoke_key(arguments.name.strip()):
            raise Refused(f"there is no key of {arguments.name!r} in use")
        say("the key is ended")
    else:
        for row in register.listed_keys():
            used = f"{row['used_at']:%F %H:%M}" if row["used_at"] else "never"
            ended = f"  ended {row['revoked_at']:%F}" if row["revoked_at"] else ""
            say(f"{row['name']:<30} made {row['created_at']:%F}  used {used}{ended}")
    return 0


def status(arguments: Arguments, settings: Settings) -> int:
    """Counts by endpoint and state, and what wants a look."""
    from bot import assembly
    from bot.open311.endpoints import load_endpoints
    from bot.store.forwards import Forwards

    forwards = Forwards(database_of(settings), assembly.utc_now)
    counts = forwards.counts()
    for name in sorted({*load_endpoints(settings.city_dir), *(name for name, _ in counts)}):
        states = {state: n for (endpoint, state), n in sorted(counts.items()) if endpoint == name}
        told = ", ".join(f"{n} {state}" for state, n in states.items()) or "nothing yet"
        say(f"{name}: {told}")
    troubled = forwards.troubled()
    for forward in troubled:
        at = forward.created_at.astimezone(settings.zone).strftime("%Y-%m-%d %H:%M")
        say(
            f"{forward.ticket.reference}  {forward.endpoint}  {forward.state}  since {at}  "
            f"{forward.attempts} tries  {forward.code}"
        )
    say(f"{len(troubled)} want a look")
    return 0


def decide(arguments: Arguments, settings: Settings) -> int:
    """A clerk's decision on a send."""
    from bot import assembly
    from bot.store.forwards import Forwards, IdTaken

    if arguments.decision == "sent" and not arguments.remote_id:
        raise Refused("give --remote-id, the id that the request has there")
    forwards = Forwards(database_of(settings), assembly.utc_now)
    try:
        done = forwards.decide(arguments.reference, arguments.decision, arguments.remote_id)
    except IdTaken:
        raise Refused(f"another request has the id {arguments.remote_id} there") from None
    if not done:
        raise Refused(f"{arguments.reference} is not unclear or failed")
    say("done")
    return 0


def _register(settings: Settings) -> Open311Register:
    from bot import assembly
    from bot.store.open311 import Open311Register

    database = database_of(settings)
    tickets = assembly.ticket_register(settings, database)
    return Open311Register(database, tickets, assembly.utc_now)
