"""The pages that ship with the web chat: the demo city, its privacy statement, the widget."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
STATIC = Path(__file__).resolve().parent / "static"
PAGES = {"/": "demo.html", "/privacy": "privacy.html"}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(self), camera=(), microphone=()",
    "Cache-Control": "no-cache",
}


def routes(phones: Mapping[str, str] | None = None) -> Iterable[web.RouteDef]:
    """Pages by name, and exactly the files of the static folder.

    `phones` are the addresses of simulated phones by channel, for the demo page.
    """

    async def listed(request: web.Request) -> web.Response:
        known = [{"channel": name, "url": url} for name, url in (phones or {}).items()]
        return web.json_response({"phones": known}, headers=HEADERS)

    served = [web.get(path, _file(STATIC / name)) for path, name in PAGES.items()]
    assets = [path for path in sorted(STATIC.iterdir()) if path.suffix != ".html"]
    served.append(web.get("/demo/phones", listed))
    return [*served, *(web.get(f"/static/{path.name}", _file(path)) for path in assets)]


def _file(path: Path) -> Handler:
    async def serve(request: web.Request) -> web.StreamResponse:
        headers = dict(HEADERS)
        if path.suffix == ".js":
            headers["Access-Control-Allow-Origin"] = "*"  # the city's own site loads the widget
        return web.FileResponse(path, headers=headers)

    return serve
