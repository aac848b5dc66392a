"""Commands on tickets: look, move, plan, pass on, merge, route, annotate, and the watchdog.

They change the register; whoever follows a ticket is told through the outbox, and the server sends.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.common import Arguments, Refused, database_of, say
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.civic.tickets import Ticket
    from bot.store.registers import TicketRegister

BY = "staff"
Commands = argparse._SubParsersAction


def ticket_parser(sub: Commands[argparse.ArgumentParser]) -> None:
    """The parsers of `ticket ...` and `watchdog`."""
    ticket = sub.add_parser("ticket", help="staff: tickets, their states, desks and notes")
    kinds = ticket.add_subparsers(dest="what", required=True, metavar="WHAT")

    def kind(name: str, help_text: str, run: Callable[[Arguments, Settings], int]) -> Parser:
        made = kinds.add_parser(name, help=help_text)
        made.set_defaults(run=run)
        return made

    listing = kind("list", "newest first", list_tickets)
    listing.add_argument("--state", action="append", default=[], help="only this state")
    listing.add_argument("--desk", action="append", default=[], help="only this desk")
    listing.add_argument("--service", action="append", default=[], help="only this service")
    listing.add_argument("--text", default="", help="words in reference, place or details")
    listing.add_argument("--overdue", action="store_true", help="open past their target")
    kind("show", "one ticket with its history", show).add_argument("reference")
    move = kind("move", "change the state; who follows is told", move_ticket)
    move.add_argument("reference")
    move.add_argument("state")
    move.add_argument("--text", default="", help="what the citizen reads beside the state")
    move.add_argument("--date", type=_date, help="for planned: the day of the work")
    move.add_argument("--to", default="", help="for passed_on: the organisation")
    move.add_argument("--into", help="for duplicate: the other ticket's reference")
    plan = kind("plan", "plan the work for a day", plan_ticket)
    passing = kind("pass-on", "pass it on to another organisation", pass_on)
    merge = kind("merge", "close as a duplicate of another; followers go there", merge_ticket)
    for one, name, reader in ((plan, "date", _date), (passing, "to", str), (merge, "into", str)):
        one.add_argument("reference")
        one.add_argument(name, type=reader)
        one.add_argument("--text", default="", help="what the citizen reads beside the state")
    route = kind("route", "hand it to another desk", route_ticket)
    route.add_argument("reference")
    route.add_argument("desk")
    due = kind("due", "set the target date; 'none' takes it away", due_ticket)
    due.add_argument("reference")
    due.add_argument("date", type=lambda text: None if text == "none" else _date(text))
    note = kind("note", "add a note, internal unless --public", note_ticket)
    note.add_argument("reference")
    note.add_argument("text")
    note.add_argument("--public", action="store_true", help="who follows is told")

    export = kind("export", "write tickets as CSV or GeoJSON", export_tickets)
    export.add_argument("--format", choices=["csv", "geojson"], default="csv")
    export.add_argument("--state", action="append", default=[], help="only this state")
    export.add_argument("--since", type=_date, help="opened on or after this day")
    export.add_argument(
        "--with-contact", action="store_true", help="with what citizens wrote and their contact"
    )
    export.add_argument("--out", default="-", help="a file; - for standard output")
    loading = kind("import", "open the tickets of a CSV or GeoJSON file, all or none", import_file)
    loading.add_argument("file")

    watchdog = sub.add_parser("watchdog", help="staff: look once for targets that have passed")
    watchdog.set_defaults(run=watch)


Parser = argparse.ArgumentParser


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date such as 2026-12-31") from None


def _register(settings: Settings) -> TicketRegister:
    from bot import assembly

    return assembly.ticket_register(settings, database_of(settings))


def list_tickets(arguments: Arguments, settings: Settings) -> int:
    """One line a ticket."""
    from bot.store.registers import TicketFilter

    wanted = TicketFilter(
        states=arguments.state,
        desks=arguments.desk,
        services=arguments.service,
        text=arguments.text,
        overdue=arguments.overdue,
    )
    page = _register(settings).search(wanted, limit=100)
    for one in page.tickets:
        due = f"{one.due_on:%F}" if one.due_on else "-"
        say(f"{one.reference}  {one.state.value:<11} {due:<10}  {one.service:<22} {one.place}")
    if page.after:
        say(f"... and {page.total - len(page.tickets)} more")
    return 0


def show(arguments: Arguments, settings: Settings) -> int:
    """Everything about one ticket."""
    register = _register(settings)
    one = register.find(arguments.reference)
    if one is None:
        raise Refused(f"no ticket {arguments.reference}")
    for name in (
        "reference", "service", "desk", "place", "area_code", "details", "contact", "due_on",
        "planned_for", "passed_to", "duplicate_of",
    ):  # fmt: skip
        say(f"{name:<12} {getattr(one, name) or '-'}")
    say(f"{'state':<12} {one.state.value}")
    say(f"{'followers':<12} {len(register.followers(one.reference))}")
    for event in register.history(one.reference):
        at = event["happened_at"].astimezone(settings.zone).strftime("%Y-%m-%d %H:%M")
        facts = " ".join(f"{k}={v}" for k, v in (event["facts"] or {}).items() if v)
        words = " ".join(filter(None, [event["text"], facts]))
        say(f"{at} {event['kind']:<7} {event['state'] or '':<11} {event['by']}: {words}")
    return 0


def move_ticket(arguments: Arguments, settings: Settings) -> int:
    """Change the state."""
    from bot.civic.tickets import State

    try:
        state = State(arguments.state)
    except ValueError:
        states = ", ".join(s.value for s in State)
        raise Refused(f"{arguments.state!r} is no state; use one of {states}") from None
    return _change(
        settings,
        lambda register: register.move(
            arguments.reference,
            state,
            BY,
            arguments.text,
            planned_for=arguments.date,
            passed_to=arguments.to,
            duplicate_of=arguments.into,
        ),
    )


def plan_ticket(arguments: Arguments, settings: Settings) -> int:
    """Plan with a date."""
    arguments.state, arguments.to, arguments.into = "planned", "", None
    return move_ticket(arguments, settings)


def pass_on(arguments: Arguments, settings: Settings) -> int:
    """Pass on to another organisation."""
    arguments.state, arguments.date, arguments.into = "passed_on", None, None
    return move_ticket(arguments, settings)


def merge_ticket(arguments: Arguments, settings: Settings) -> int:
    """Close as a duplicate."""
    arguments.state, arguments.date, arguments.to = "duplicate", None, ""
    return move_ticket(arguments, settings)


def route_ticket(arguments: Arguments, settings: Settings) -> int:
    """Hand to another desk of the city."""
    from bot.tickets.desks import load_desks

    known = [desk.code for desk in load_desks(settings.city_dir)]
    if known and arguments.desk not in known:
        raise Refused(f"{arguments.desk!r} is no desk; use one of {', '.join(known)}")
    return _change(settings, lambda r: r.route(arguments.reference, arguments.desk, BY))


def due_ticket(arguments: Arguments, settings: Settings) -> int:
    """Set the target."""
    return _change(settings, lambda r: r.set_due(arguments.reference, arguments.date, BY))


def note_ticket(arguments: Arguments, settings: Settings) -> int:
    """Add a note."""
    from bot.civic.errors import CivicError

    try:
        _register(settings).note(arguments.reference, arguments.text, BY, arguments.public)
    except CivicError as error:
        raise _refusal(error, settings) from None
    say("noted")
    _tell(settings)
    return 0


def _change(settings: Settings, change: Callable[[TicketRegister], tuple[Ticket, int]]) -> int:
    from bot.civic.errors import CivicError

    try:
        changed, _ = change(_register(settings))
    except CivicError as error:
        raise _refusal(error, settings) from None
    due = f", due on {changed.due_on:%F}" if changed.due_on else ""
    say(f"{changed.reference} is {changed.state.value} now, at desk {changed.desk or '-'}{due}")
    _tell(settings)
    return 0


def _refusal(error: Exception, settings: Settings) -> Refused:
    from bot.brain.nlg import phrasebook
    from bot.civic.errors import CivicError
    from bot.civic.tickets import TicketUnknown

    assert isinstance(error, CivicError)
    if isinstance(error, TicketUnknown):
        return Refused(f"no ticket {error.values['reference']}")
    return Refused(phrasebook(settings).text(error.phrase, "en", **error.values))


def _tell(settings: Settings) -> None:
    """Queue the news at once; the server would do it within a second as well."""
    from bot import assembly

    told = asyncio.run(assembly.ticket_news(settings, database_of(settings)).tell())
    say(f"{told} told" if told else "nobody is to be told")


def export_tickets(arguments: Arguments, settings: Settings) -> int:
    """Write the tickets of a filter."""
    from bot.store.registers import TicketFilter
    from bot.tickets.files import every, write_csv, write_geojson

    since = arguments.since
    wanted = TicketFilter(
        states=arguments.state,
        since=datetime.combine(since, time.min, settings.zone) if since else None,
    )
    tickets = every(_register(settings), wanted)
    write = write_csv if arguments.format == "csv" else write_geojson
    if arguments.out == "-":
        write(tickets, sys.stdout, arguments.with_contact)
        return 0
    with open(arguments.out, "w", encoding="utf-8", newline="") as out:
        say(f"{write(tickets, out, arguments.with_contact)} tickets in {arguments.out}")
    return 0


def import_file(arguments: Arguments, settings: Settings) -> int:
    """Open the tickets of a file."""
    from bot import assembly
    from bot.store.city import CityRegister
    from bot.tickets.desks import load_desks
    from bot.tickets.importing import Importer, ImportRefused

    path = Path(arguments.file)
    if not path.is_file():
        raise Refused(f"{path} is no file")
    register = _register(settings)
    importer = Importer(
        register,
        assembly.catalogue(settings),
        {desk.code for desk in load_desks(settings.city_dir)},
        {area.code for area in CityRegister(register.database).areas()},
        settings.languages,
    )
    try:
        opened, known = importer.load(path)
    except ImportRefused as error:
        raise Refused(f"Nothing was imported:\n{error}") from None
    say(f"{opened} opened, {known} known already")
    return 0


def watch(arguments: Arguments, settings: Settings) -> int:
    """Mark targets that have passed and tell of them, each once."""
    from bot import assembly

    news = assembly.ticket_news(settings, database_of(settings))
    late = news.watch()
    told = asyncio.run(news.tell())
    say(f"{late} newly late, {told} told")
    return 0
