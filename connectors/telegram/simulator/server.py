"""The simulator as an aiohttp application: the Bot API, the phone's page, and webhook delivery."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from connectors.telegram.simulator.botapi import BotApi
from connectors.telegram.simulator.delivery import deliver
from connectors.telegram.simulator.phone import Phone
from connectors.telegram.simulator.world import MAX_FILE, World

TOKEN = "4242424242:Likewise-simulator-not-a-secret"  # noqa: S105 - known to everyone
"""The one token that the simulator knows."""
WORLD: web.AppKey[World] = web.AppKey("world", World)


def simulator(token: str = TOKEN) -> web.Application:
    """The application for one bot. `app[WORLD]` is its inside, for tests."""
    world = World(token)
    api = BotApi(world)
    app = web.Application(client_max_size=MAX_FILE + 1024 * 1024)
    app[WORLD] = world
    app.add_routes(api.routes())
    app.add_routes(Phone(world, api.closing).routes())

    async def delivering(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(deliver(world))
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def close(_: web.Application) -> None:
        api.closing.set()
        world.ring()

    app.cleanup_ctx.append(delivering)
    app.on_shutdown.append(close)
    return app


async def run(
    host: str = "127.0.0.1",
    port: int = 8081,
    token: str = TOKEN,
    tell: Callable[[str], None] = print,
) -> None:
    """Serve until cancelled."""
    runner = web.AppRunner(simulator(token), access_log=None, shutdown_timeout=3)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        address = f"http://{host}:{runner.addresses[0][1]}"
        tell(f"phone     open {address} (stop with Ctrl-C)")
        tell("bot       start it with these two settings:")
        tell(f"          LIKEWISE_TELEGRAM_API_URL={address}")
        tell(f"          LIKEWISE_TELEGRAM_TOKEN={token}")
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
