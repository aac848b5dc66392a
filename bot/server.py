"""The HTTP server around the road: health, security headers, the connectors' routes.

`/healthz` says that the process is alive; `/readyz` that the model is loaded, the database answers
and the loops run. Nothing here knows what a message is.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping

from aiohttp import web
from aiohttp.typedefs import Middleware

log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Check = Callable[[], Awaitable[bool]]
MAX_BODY = 1024 * 1024


def application(
    routes: Iterable[web.AbstractRouteDef],
    checks: dict[str, Check],
    trusted_proxies: int,
    parts: Mapping[str, web.Application] = {},
) -> web.Application:
    """The aiohttp application; `parts` are applications of their own under a path."""
    app = web.Application(middlewares=[_guard, _behind(trusted_proxies)], client_max_size=MAX_BODY)
    app.add_routes(list(routes))
    app.add_routes([web.get("/healthz", _healthz), web.get("/readyz", _readyz_of(checks))])
    for path, part in parts.items():
        app.router.add_get(path, _redirect_to(f"{path}/"))
        app.add_subapp(path, part)
    return app


def _redirect_to(path: str) -> Handler:
    async def redirect(request: web.Request) -> web.Response:
        raise web.HTTPSeeOther(path)

    return redirect


async def _healthz(request: web.Request) -> web.Response:
    return web.json_response({"alive": True})


def _readyz_of(checks: dict[str, Check]) -> Handler:
    async def readyz(request: web.Request) -> web.Response:
        found = {}
        for name, check in checks.items():
            try:
                found[name] = await check()
            except Exception:
                log.exception("readiness check %s failed", name)
                found[name] = False
        return web.json_response(found, status=200 if all(found.values()) else 503)

    return readyz


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """No stack trace leaves the house; every answer says not to sniff or frame it."""
    try:
        response = await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = _error(error.status, error.reason)
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        response = _error(500, "Something went wrong here.")
    if not response.prepared:
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("X-Frame-Options", "SAMEORIGIN")
    return response


def _error(status: int, message: str) -> web.Response:
    code = {404: "not_found", 405: "method", 413: "too_large", 500: "failed"}.get(status, "http")
    return web.json_response({"error": {"code": code, "message": message}}, status=status)


def _behind(proxies: int) -> Middleware:
    """Believe X-Forwarded-For and -Proto from as many proxies as the city says stand in front."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if proxies:
            hops = [h.strip() for h in request.headers.get("X-Forwarded-For", "").split(",")]
            known = hops[-proxies] if len(hops) >= proxies else ""
            changes: dict[str, str] = {}
            with contextlib.suppress(ValueError):
                changes["remote"] = str(ipaddress.ip_address(known))
            scheme = request.headers.get("X-Forwarded-Proto", "")
            if scheme in ("http", "https"):
                changes["scheme"] = scheme
            if changes:
                request = request.clone(**changes)  # type: ignore[arg-type]
        return await handler(request)

    return middleware
