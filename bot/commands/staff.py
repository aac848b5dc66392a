"""Commands for staff on conversations, on the functions that the console calls."""

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
