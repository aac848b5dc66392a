"""The first page after signing in: what there is, as far as this person may use it."""

from __future__ import annotations

from aiohttp import web

from bot.console.office import Office
from bot.console.roles import Role
from bot.console.routes import Route
from bot.console.visit import LANGUAGE_COOKIE, Visit
from bot.console.words import LANGUAGES

YEAR_SECONDS = 365 * 24 * 3600


def routes(office: Office) -> list[Route]:
    return [
        Route("GET", "/", Role.READER, _home),
        Route("GET", "/language/{language}", None, _language),
    ]


async def _home(visit: Visit) -> web.StreamResponse:
    return await visit.render("home.html")


async def _language(visit: Visit) -> web.StreamResponse:
    """Choose the console's language; harmless, so a plain link is enough."""
    language = visit.part("language")
    if language not in LANGUAGES:
        raise web.HTTPNotFound
    visit.set_cookie(LANGUAGE_COOKIE, language, YEAR_SECONDS)
    return await visit.redirect(visit.way_back(visit.query("next")))
