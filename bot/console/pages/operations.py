"""How the assistant runs: unclear sends to decide on, failed turns, channels, queues, model, marks.

An unclear send may or may not have reached the citizen; only a person decides whether it goes out
again. What was said is shown behind the veil.
"""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.console.known import veils_over
from bot.console.office import Office
from bot.console.roles import Role
from bot.console.routes import Route
from bot.console.veil import Veil
from bot.console.visit import Visit
from bot.messages import DeliveryState
from bot.store.operations import Operations

DECISIONS: dict[str, DeliveryState] = {"sent": "sent", "again": "queued", "drop": "cancelled"}
SHOWN = 100


def routes(office: Office) -> list[Route]:
    return [
        Route("GET", "/operations", Role.AGENT, _page, nav="nav.operations", order=60),
        Route("POST", "/operations/sends/{id:[0-9]{1,12}}", Role.AGENT, _decide),
        Route("POST", "/operations/failed", Role.AGENT, _looked_at),
    ]


def _desk(visit: Visit) -> Operations:
    return Operations(visit.office.database, visit.office.clock)


async def _page(visit: Visit) -> web.StreamResponse:
    desk = _desk(visit)
    unclear = await visit.office.journal.unclear()
    refused = visit.office.more.get("refused") or {}
    return await visit.render(
        "operations/page.html",
        unclear=await _sends(visit, unclear[:SHOWN]),
        unclear_count=len(unclear),
        failed=await desk.failed(),
        channels=await desk.channels(sorted(visit.office.connectors)),
        refused=dict(refused),
        queues=await desk.queues(),
        model=_model(visit),
        marks=await desk.marks(),
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
    conversation = visit.field("conversation")[:40]
    if await _desk(visit).looked_at(conversation):
        await visit.note("failed_turn_seen", conversation)
        visit.office.bell.ring("desk")
    return await visit.redirect("/operations")
