"""Commands of Open311: keys of those who may post to us, and what we pass on to others."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from bot.commands.common import Arguments, Refused, database_of, say
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.store.open311 import Open311Register


def open311_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """`open311 key add|list|revoke`."""
    top = sub.add_parser("open311", help="staff: keys for posting over Open311")
    what = top.add_subparsers(dest="what", required=True, metavar="WHAT")
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


def _register(settings: Settings) -> Open311Register:
    from bot import assembly
    from bot.store.open311 import Open311Register

    database = database_of(settings)
    tickets = assembly.ticket_register(settings, database)
    return Open311Register(database, tickets, assembly.utc_now)
