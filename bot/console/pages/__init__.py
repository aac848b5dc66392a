"""The pages by theme: each module has `routes(office)`, and is named here once."""

from __future__ import annotations

from bot.console.office import Office
from bot.console.pages import (
    account,
    audit,
    city_account,
    examples,
    export,
    handover,
    home,
    log,
    notices,
    operations,
    photos,
    replies,
    sign_in,
    staff,
    talk,
    ticket,
    tickets,
)
from bot.console.routes import Route

THEMES = (
    home,
    sign_in,
    city_account,
    account,
    staff,
    audit,
    handover,
    talk,
    tickets,
    ticket,
    photos,
    replies,
    operations,
    log,
    export,
    examples,
    notices,
)


def routes(office: Office) -> list[Route]:
    """The rows of all themes."""
    return [route for theme in THEMES for route in theme.routes(office)]
