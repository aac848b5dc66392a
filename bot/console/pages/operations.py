"""How the assistant runs: what needs a person, then channels, queues, model, backup and purge.

An unclear send may or may not have reached the citizen, and an unclear forward the organisation;
only a person decides whether it goes out again. What was said is shown behind the veil.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.console.known import veils_over
from bot.console.office import Office
from bot.console.roles import Role
from bot.console.routes import Route
from bot.console.veil import Veil
from bot.console.visit import Visit
from bot.messages import ConversationId, DeliveryState
from bot.store.forwards import Forward, Forwards, IdTaken
from bot.store.operations import Operations

DECISIONS: dict[str, DeliveryState] = {"sent": "sent", "again": "queued", "drop": "cancelled"}
FORWARDS = ("sent", "again", "drop")
SHOWN = 100
PURGE_LATE = timedelta(days=2)
"""A daily purge that was not done for so long was missed."""


@dataclass(frozen=True)
class Upkeep:
    """What the city has set: for how long a backup is new enough, is there a daily purge, is the
    desk told by a web hook."""

    backup_within: timedelta | None = None
    purges_daily: bool = False
    has_hook: bool = False


def routes(office: Office) -> list[Route]:
    return [
        Route("GET", "/operations", Role.AGENT, _page, nav="nav.operations", order=60),
        Route("POST", "/operations/sends/{id:[0-9]{1,12}}", Role.AGENT, _decide),
        Route("POST", "/operations/forwards/{reference}", Role.AGENT, _decide_forward),
        Route("POST", "/operations/failed", Role.AGENT, _looked_at),
        Route("POST", "/operations/failed/again", Role.AGENT, _try_again),
    ]


def _desk(visit: Visit) -> Operations:
    return Operations(visit.office.database, visit.office.clock)


async def _page(visit: Visit) -> web.StreamResponse:
    desk, more = _desk(visit), visit.office.more
    unclear = await visit.office.journal.unclear()
    failed = await desk.failed()
    refused = dict(more.get("refused") or {})
    upkeep = more.get("upkeep") or Upkeep()
    marks = {name: _mark(visit, name, mark) for name, mark in (await desk.marks()).items()}
    # On the first days there was nothing to purge.
    marks["purge"]["since"] = marks["purge"]["at"] or await desk.began_at() or visit.office.clock()
    lines, troubled = await _forwarding(visit)
    hook_trouble = await desk.hook_trouble() if upkeep.has_hook else 0
    wanted = [
        ("unclear", len(unclear)),
        ("failed", len(failed)),
        ("forwards", len([one for one in troubled if one.state != "pending"])),
        ("channels", len(refused)),
        ("hook", hook_trouble),
        ("backup", int(_is_late(visit, marks["backup"], upkeep.backup_within))),
        (
            "purge",
            int(_is_late(visit, marks["purge"], PURGE_LATE if upkeep.purges_daily else None)),
        ),
    ]
    return await visit.render(
        "operations/page.html",
        wanted=[(name, count) for name, count in wanted if count],
        unclear=await _sends(visit, unclear[:SHOWN]),
        unclear_count=len(unclear),
        failed=failed,
        forwarding=lines,
        troubled=troubled,
        channels=await desk.channels(sorted(visit.office.connectors)),
        refused=refused,
        queues=await desk.queues(),
        model=_model(visit),
        marks=marks,
        upkeep=upkeep,
        hook_trouble=hook_trouble,
    )


async def _sends(visit: Visit, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    veils = await veils_over(visit, [str(row["conversation_id"]) for row in rows])
    return [_send(row, veils[str(row["conversation_id"])]) for row in rows]


def _send(row: dict[str, Any], veil: Veil) -> dict[str, Any]:
    reply = row["reply"] or {}
    return {**row, "words": veil.words(str(reply.get("text") or ""))[:300]}


def _model(visit: Visit) -> dict[str, Any]:
    """Name and age of the model that answers now."""
    path = visit.office.more.get("model")
    if not isinstance(path, Path):
        return {"name": "", "trained_at": None}
    name = path.name.removesuffix(".tar.gz")
    if not path.exists():
        return {"name": name, "trained_at": None}
    return {"name": name, "trained_at": datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)}


# Backup and purge --------------------------------------------------------------------------------


def _mark(visit: Visit, name: str, mark: tuple[datetime, str] | None) -> dict[str, Any]:
    """When it was done, and what it told in the reader's words."""
    if mark is None:
        return {"at": None, "since": None, "told": ""}
    try:
        told = json.loads(mark[1])
        if name == "backup":
            megabytes = f"{float(told['bytes']) / 1_000_000:.1f}"
            words = visit.say("operations.told_backup", megabytes=megabytes, file=told["file"])
        else:
            numbers = {k: int(told[k]) for k in ("conversations", "reports", "photos")}
            words = visit.say("operations.told_purge", **numbers)
    except (ValueError, KeyError, TypeError):
        words = mark[1]
    return {"at": mark[0], "since": mark[0], "told": words}


def _is_late(visit: Visit, mark: dict[str, Any], within: timedelta | None) -> bool:
    """Never done, or too long ago; nothing is late that nobody set a limit for."""
    if within is None:
        return False
    return mark["since"] is None or mark["since"] < visit.office.clock() - within


# Open311 -----------------------------------------------------------------------------------------


async def _forwarding(visit: Visit) -> tuple[list[dict[str, Any]], list[Forward]]:
    """A line for each organisation with counts by state, and what wants a look."""
    forwards: Forwards | None = visit.office.more.get("forwards")
    if forwards is None:
        return [], []
    counts = await asyncio.to_thread(forwards.counts)
    troubled = await asyncio.to_thread(forwards.troubled, SHOWN)
    known = set(visit.office.more.get("endpoints") or ())
    lines = []
    for name in sorted(known | {endpoint for endpoint, _ in counts}):
        states = {state: n for (endpoint, state), n in sorted(counts.items()) if endpoint == name}
        lines.append({"name": name, "states": states, "known": name in known})
    return lines, troubled


async def _decide_forward(visit: Visit) -> web.StreamResponse:
    forwards: Forwards | None = visit.office.more.get("forwards")
    decision, reference = visit.field("decision"), visit.part("reference")
    if forwards is None or decision not in FORWARDS:
        raise web.HTTPBadRequest
    remote_id = visit.field("remote_id").strip()[:200] if decision == "sent" else ""
    if decision == "sent" and not remote_id:
        return await visit.redirect("/operations", "operations.forward_needs_id")
    try:
        done = await asyncio.to_thread(forwards.decide, reference, decision, remote_id)
    except IdTaken:
        return await visit.redirect("/operations", "operations.forward_id_taken")
    if not done:
        return await visit.redirect("/operations", "operations.decided_before")
    await visit.note("forward_decided", subject=reference, decision=decision)
    return await visit.redirect("/operations", "operations.decided")


# Sends and turns ---------------------------------------------------------------------------------


async def _decide(visit: Visit) -> web.StreamResponse:
    state = DECISIONS.get(visit.field("decision"))
    if state is None:
        raise web.HTTPBadRequest
    outbox_id = int(visit.part("id"))
    if not await visit.office.journal.resolve(outbox_id, state):
        return await visit.redirect("/operations", "operations.decided_before")
    await visit.note("send_decided", subject=str(outbox_id), decision=visit.field("decision"))
    visit.office.bell.ring("deliveries")
    return await visit.redirect("/operations", "operations.decided")


async def _looked_at(visit: Visit) -> web.StreamResponse:
    conversation = ConversationId(visit.field("conversation")[:40])
    if await visit.office.journal.looked_at(conversation, "failed"):
        await visit.note("failed_turn_seen", conversation)
        visit.office.bell.ring("desk")
    return await visit.redirect("/operations")


async def _try_again(visit: Visit) -> web.StreamResponse:
    conversation = visit.field("conversation")[:40]
    if not await _desk(visit).try_again(conversation):
        return await visit.redirect("/operations", "operations.decided_before")
    await visit.note("failed_turn_again", conversation)
    for ring in ("turns", "desk"):
        visit.office.bell.ring(ring)
    return await visit.redirect("/operations", "operations.trying_again")
