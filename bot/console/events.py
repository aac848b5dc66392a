"""Live updates: a stream of server-sent events that says which list has news, and nothing else.

`/console/events?topics=log,tickets` listens to the bells of these topics. An event carries no data:
the page fetches itself again, with all checks. The stream ends when its session does.
"""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import web

from bot.bell import DELIVERIES, DESK, TURNS
from bot.console.office import Office
from bot.console.roles import Role
from bot.console.routes import Route
from bot.console.visit import HEADERS, SESSION_COOKIE, Visit

TOPICS: dict[str, tuple[str, ...]] = {
    "log": (TURNS, DELIVERIES),
    "handover": (DESK,),
    "tickets": ("console:tickets",),
    "desk": ("console:desk",),
}
"""The bells that each topic listens to. Ring them with `bell.ring(name)`."""
LOOK_AGAIN_SECONDS = 20.0
"""How often a quiet stream shows that it lives, and looks whether its session still does."""
SETTLE_SECONDS = 0.3
"""Rings that come close together are one event."""
MOST_STREAMS = 200


def bell_of_conversation(conversation: str) -> str:
    """The topic of one conversation, `conversation:<id>`, listens to its reader's bell."""
    from bot.bell import reader

    return reader(conversation)


def bells_of(topic: str) -> tuple[str, ...]:
    """The bells of a topic; empty for an unknown one."""
    kind, _, name = topic.partition(":")
    if kind == "conversation" and name:
        return (bell_of_conversation(name),)
    return TOPICS.get(topic, ())


def routes(office: Office) -> list[Route]:
    streams: set[asyncio.Task[object]] = set()

    async def stream(visit: Visit) -> web.StreamResponse:
        topics = [t for t in visit.query("topics").split(",")[:8] if bells_of(t)]
        if not topics:
            raise web.HTTPBadRequest
        if len(streams) >= MOST_STREAMS:
            raise web.HTTPServiceUnavailable
        response = web.StreamResponse(
            headers={**HEADERS, "Content-Type": "text/event-stream; charset=utf-8"}
        )
        response.headers["X-Accel-Buffering"] = "no"  # nginx would hold events back
        await response.prepare(visit.request)
        task = asyncio.current_task()
        assert task is not None
        streams.add(task)
        try:
            with contextlib.suppress(ConnectionError):
                await _tell(visit, response, topics)
        finally:
            streams.discard(task)
        return response

    office.more["streams"] = streams
    return [Route("GET", "/events", Role.READER, stream, live=True)]


async def close(office: Office) -> None:
    """End every stream, so that the server can stop without waiting for them."""
    for task in list(office.more.get("streams", ())):
        task.cancel()


async def _tell(visit: Visit, response: web.StreamResponse, topics: list[str]) -> None:
    bell = visit.office.bell
    token = visit.request.cookies.get(SESSION_COOKIE, "")
    listening = {(topic, name): bell.listen(name) for topic in topics for name in bells_of(topic)}
    await response.write(b"retry: 3000\n\n")
    try:
        while True:
            await asyncio.wait(
                listening.values(),
                timeout=LOOK_AGAIN_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            await asyncio.sleep(SETTLE_SECONDS)
            rung = [key for key, future in listening.items() if future.done()]
            for key in rung:
                listening[key] = bell.listen(key[1])
            for topic in dict.fromkeys(topic for topic, _ in rung):
                await response.write(f"event: {topic}\ndata: news\n\n".encode())
            if not rung:
                await response.write(b": still here\n\n")
                session = await visit.office.staff.session(token, touch=False)
                if session is None or session.stage != "full":
                    await response.write(b"event: over\ndata: over\n\n")
                    return
    finally:
        for (_, name), future in listening.items():
            bell.leave(name, future)
