"""Commands for staff on conversations, on the functions that the console calls."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from bot.commands.common import Arguments, Refused, database_of, say
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.handover.desk import Agent, DeskWork
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
    """Say something in person; taking and giving back go the way that the console goes."""
    if not (arguments.text or arguments.take or arguments.give_back):
        raise Refused("give a text, --take NAME or --give-back")
    asyncio.run(_reply(arguments, settings))
    say("done")
    return 0


async def _reply(arguments: Arguments, settings: Settings) -> None:
    from bot import assembly
    from bot.messages import Reply
    from bot.staff import say_to
    from bot.store.handovers import Collision

    journal, desk = _journal(settings), assembly.desk_work(settings, database_of(settings))
    row = await _known(journal, arguments.conversation)
    try:
        if arguments.take:
            await _take(desk, row["id"], arguments.take)
        request = await _request(desk, row["id"])
        held = request is not None and request["state"] == "claimed"
        holder = _agent(request["claimed_by"] if held else arguments.take or "staff")
        if arguments.text and request is not None and request["state"] != "waiting":
            verb = desk.say if held else desk.answer_left
            await verb(request["id"], holder, Reply(arguments.text), None)
        elif arguments.text:
            await say_to(journal, desk.connectors, row, Reply(arguments.text), sender="agent")
        if arguments.give_back and held:
            await desk.give_back(request["id"], holder, None)
        elif arguments.give_back:
            await journal.set_owner(row["id"], "bot")
    except Collision as what:
        raise Refused(f"too late: {what.kind} by {what.by or 'somebody'}") from None


async def _request(desk: DeskWork, conversation: str) -> Any:
    """The open request for a person in this conversation, or None."""
    queue = await desk.handovers.queue()
    return next((r for r in queue if r["conversation_id"] == conversation), None)


async def _take(desk: DeskWork, conversation: Any, name: str) -> None:
    """Claim the conversation, unless this person has it already."""
    request = await _request(desk, conversation)
    if request is None or request["claimed_by"] != name or request["state"] != "claimed":
        await desk.claim(await desk.handovers.take(conversation, name), _agent(name))


def _agent(name: str) -> Agent:
    from bot.handover.desk import Agent

    return Agent(name, name.capitalize())


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
