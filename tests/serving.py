"""A web application on a loopback port, for tests that talk to it over real HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from aiohttp import web


@contextlib.asynccontextmanager
async def served(
    app: web.Application, port: int = 0, shutdown_timeout: float = 0.2
) -> AsyncIterator[str]:
    """The application's address, as long as it runs; on any free port if none is given."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=shutdown_timeout)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()
