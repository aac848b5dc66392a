"""The console as an aiohttp application: routes with their guard, templates, static files, errors.

`table(office)` is the whole list of routes, `application(office)` what `bot.assembly` mounts at
`/console`. Whatever goes wrong becomes a page in the reader's language without a word about why.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlencode

import aiohttp_jinja2
import jinja2
from aiohttp import web

from bot.console import events, pages
from bot.console.office import Office
from bot.console.roles import Role
from bot.console.routes import Route
from bot.console.times import Times
from bot.console.visit import HEADERS, PREFIX, SESSION_COOKIE, Visit
from bot.console.words import LANGUAGES

log = logging.getLogger(__name__)
HERE = Path(__file__).resolve().parent
STATIC = HERE / "static"
LIVE_HEADER = "X-Live"
"""Sent by pages that refresh themselves: it does not count as use of the session."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def table(office: Office) -> list[Route]:
    """Every route of the console."""
    return [*pages.routes(office), *events.routes(office)]


def application(office: Office) -> web.Application:
    """The application of all pages."""
    app = web.Application(middlewares=[_pages_for_errors(office)])
    routes = table(office)
    times = Times(office.options.zone, office.clock)
    aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(str(HERE / "templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        filters={"day": times.day, "moment": times.moment, "ago": times.ago, "clock": times.hour},
    )
    aiohttp_jinja2.get_env(app).globals.update(
        Role=Role,
        prefix=PREFIX,
        city=office.options.city,
        menu=sorted((r for r in routes if r.nav), key=lambda r: r.order),
        our_languages=LANGUAGES,
        version=_version(),
    )
    for route in routes:
        app.router.add_route(route.method, route.path, _guarded(office, route))

    async def closing(_: web.Application) -> None:
        await events.close(office)

    app.on_shutdown.append(closing)
    for path in sorted(STATIC.iterdir()):
        app.router.add_get(f"/static/{path.name}", _static(path))
    return app


def _version() -> str:
    """Changes with the static files, so that a browser never uses old ones."""
    return str(max(int(path.stat().st_mtime) for path in STATIC.iterdir()))


def _static(path: Path) -> Handler:
    async def serve(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(
            path,
            headers={
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "public, max-age=86400",
                "Content-Security-Policy": HEADERS["Content-Security-Policy"],
            },
        )

    return serve


async def visit_of(office: Office, request: web.Request, route: Route | None) -> Visit:
    """The visit of a request, with its session if it has one that is still good."""
    token = request.cookies.get(SESSION_COOKIE, "")
    touch = LIVE_HEADER not in request.headers
    session = await office.staff.session(token, touch) if token else None
    return Visit(office, request, route, session)


def _guarded(office: Office, route: Route) -> Handler:
    """The handler of a row: session, role and form token are looked at before the page is."""

    async def handle(request: web.Request) -> web.StreamResponse:
        visit = await visit_of(office, request, route)
        if route.role is not None:
            if not visit.signed_in:
                if request.method == "GET" and not route.live:
                    back = request.rel_url.raw_path_qs.removeprefix(PREFIX)
                    raise web.HTTPSeeOther(
                        f"{PREFIX}/sign-in?{urlencode({'next': visit.way_back(back)})}",
                        headers=HEADERS,
                    )
                raise web.HTTPUnauthorized
            if not visit.may(route.role):
                raise web.HTTPForbidden
        if request.method == "POST":
            await visit.read_form()
            if not visit.token_fits():
                raise FormExpired
        return await route.page(visit)

    return handle


class FormExpired(web.HTTPForbidden):
    """The form's token is missing or of another session."""


def _pages_for_errors(office: Office) -> Callable[..., Awaitable[web.StreamResponse]]:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            kind = "form" if isinstance(error, FormExpired) else str(error.status)
            status = error.status
        except Exception:
            log.exception("console: %s %s failed", request.method, request.path)
            kind, status = "500", 500
        try:
            visit = await visit_of(office, request, None)
            if not office.words.has(f"errors.title_{kind}"):
                kind = "500" if status >= 500 else "400"
            return await visit.render("error.html", status=status, kind=kind)
        except Exception:
            log.exception("console: not even the page for an error could be made")
            return web.Response(status=500, text="Something went wrong here.", headers=HEADERS)

    return middleware
