"""The audit log, for administrators: read it and filter it. Nobody can change it."""

from __future__ import annotations

from aiohttp import web

from bot.console.office import Office
from bot.console.roles import Role
from bot.console.routes import Route
from bot.console.visit import Visit

PAGE = 50


def routes(office: Office) -> list[Route]:
    return [Route("GET", "/audit", Role.ADMINISTRATOR, _list, nav="nav.audit", order=95)]


def number(text: str) -> int | None:
    """A whole number from an address, of a size that a database takes; None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


async def _list(visit: Visit) -> web.StreamResponse:
    before = visit.query("before")
    chosen = {
        "staff": visit.query("staff")[:60],
        "action": visit.query("action")[:40],
        "conversation": visit.query("conversation")[:40],
    }
    deeds = await visit.office.audit.newest(
        before=number(before),
        staff_name=chosen["staff"].casefold(),
        action=chosen["action"],
        conversation=chosen["conversation"],
        limit=PAGE + 1,
    )
    return await visit.render(
        "access/audit.html",
        deeds=deeds[:PAGE],
        older=deeds[PAGE - 1].id if len(deeds) > PAGE else None,
        chosen=chosen,
        actions=await visit.office.audit.actions(),
    )
