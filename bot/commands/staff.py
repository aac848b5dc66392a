"""Commands for staff, on the functions that the console will call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from bot.commands.common import Arguments, Refused, database_of, say
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.store.journal import Journal


def _journal(settings: Settings) -> Journal:
    from bot.assembly import utc_now
    from bot.store.journal import Journal

    return Journal(database_of(settings), utc_now)


def flagged(arguments: Arguments, settings: Settings) -> int:
    """Who waits for a person."""
    rows = asyncio.run(_journal(settings).flagged())
    for row in rows:
        at = row["flagged_at"].astimezone(settings.zone).strftime("%Y-%m-%d %H:%M")
        say(f"{row['id']}  {row['channel']:<9} {at}  {row['flag_reason']}  {row['owner']}")
    say(f"{len(rows)} waiting")
    return 0


def transcript(arguments: Arguments, settings: Settings) -> int:
    """Both sides of a conversation."""

    async def show() -> None:
        journal = _journal(settings)
        row = await _known(journal, arguments.conversation)
        cursor = 0
        while entries := await journal.entries(row["id"], cursor):
            for entry in entries:
                cursor = entry.cursor
                at = entry.at.astimezone(settings.zone).strftime("%Y-%m-%d %H:%M")
                said = entry.body.get("text") or entry.body.get("label") or entry.body
                say(f"{at} {entry.sender:<8} {said}  [{entry.state}]")

    asyncio.run(show())
    return 0


async def _known(journal: Journal, conversation: str) -> dict[str, Any]:
    row = await journal.conversation(conversation)
    if row is None:
        raise Refused(f"no single conversation begins with {conversation!r}")
    return row


def reply(arguments: Arguments, settings: Settings) -> int:
    """Say something in person."""
    from bot import assembly
    from bot.messages import Reply
    from bot.staff import say_to

    async def act() -> None:
        database = database_of(settings)
        journal = _journal(settings)
        row = await _known(journal, arguments.conversation)
        if arguments.take:
            await journal.set_owner(row["id"], arguments.take)
        if arguments.text:
            connectors = assembly.renderers(settings)
            await say_to(journal, connectors, row, Reply(arguments.text), sender="agent")
        if arguments.give_back:
            await journal.set_owner(row["id"], "bot")
        database.close()

    if not (arguments.text or arguments.take or arguments.give_back):
        raise Refused("give a text, --take NAME or --give-back")
    asyncio.run(act())
    say("done")
    return 0


def ticket(arguments: Arguments, settings: Settings) -> int:
    """List, show, move, annotate."""
    from bot.assembly import utc_now
    from bot.civic.tickets import MoveRefused, State
    from bot.store.registers import TicketRegister, TicketUnknown

    register = TicketRegister(database_of(settings), utc_now)
    try:
        if arguments.what == "list":
            for one in register.newest(arguments.state):
                say(f"{one.reference}  {one.state.value:<11} {one.service:<22} {one.place}")
        elif arguments.what == "show":
            _show_ticket(register, arguments.reference, settings)
        elif arguments.what == "note":
            register.note(arguments.reference, arguments.text, "staff")
            say("noted")
        else:
            state = State(arguments.state)
            _move_ticket(register, arguments.reference, state, arguments.text, settings)
    except TicketUnknown:
        raise Refused(f"no ticket {arguments.reference}") from None
    except MoveRefused as error:
        raise Refused(f"{error.phrase}: {error.values}") from None
    except ValueError:
        states = ", ".join(s.value for s in State)
        raise Refused(f"{arguments.state!r} is no state; use one of {states}") from None
    return 0


def _show_ticket(register: Any, reference: str, settings: Settings) -> None:
    one = register.find(reference)
    if one is None:
        raise Refused(f"no ticket {reference}")
    for name in ("reference", "service", "desk", "place", "area_code", "details", "contact"):
        say(f"{name:<10} {getattr(one, name) or '-'}")
    say(f"{'state':<10} {one.state.value}")
    for event in register.history(reference):
        at = event["happened_at"].astimezone(settings.zone).strftime("%Y-%m-%d %H:%M")
        say(f"{at} {event['kind']:<7} {event['state'] or '':<11} {event['by']}: {event['text']}")


def _move_ticket(register: Any, reference: str, state: Any, text: str, settings: Settings) -> None:
    from bot import assembly
    from bot.brain.nlg import phrasebook
    from bot.staff import tell_reporter

    moved, event = register.move(reference, state, "staff", text)
    say(f"{moved.reference} is {moved.state.value} now")
    told = asyncio.run(
        tell_reporter(
            _journal(settings),
            assembly.renderers(settings),
            phrasebook(settings),
            assembly.catalogue(settings),
            moved,
            event,
            text,
        )
    )
    say("the reporter is told" if told else "there is no conversation to tell the reporter in")


def outbox(arguments: Arguments, settings: Settings) -> int:
    """Unclear sends."""
    journal = _journal(settings)
    if arguments.what == "list":
        rows = asyncio.run(journal.unclear())
        for row in rows:
            say(f"{row['id']}  {row['channel']:<9} {row['created_at']:%F %H:%M}  {row['code']}")
        say(f"{len(rows)} unclear")
        return 0
    state = {"sent": "sent", "again": "queued", "drop": "cancelled"}[arguments.decision]
    if not asyncio.run(journal.resolve(arguments.id, state)):  # type: ignore[arg-type]
        raise Refused(f"send {arguments.id} is not unclear")
    say("done")
    return 0
