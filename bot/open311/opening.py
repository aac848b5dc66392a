"""Opening the Open311 server as the settings say."""

from __future__ import annotations

from collections.abc import Callable

from bot.civic.catalogue import Catalogue
from bot.open311.publishing import Publisher
from bot.open311.server import Finder, Limit, Open311Options, Open311Server
from bot.phrases import Phrasebook
from bot.profile import Profile
from bot.settings import Settings
from bot.store.open311 import Open311Register
from bot.store.registers import TicketRegister


def open_server(
    settings: Settings,
    tickets: TicketRegister,
    catalogue: Catalogue,
    phrasebook: Phrasebook,
    finder: Callable[[], Finder],
    limit: Callable[[int], Limit],
) -> Open311Server:
    """The server. `limit` makes a limit of so many a minute."""
    profile = Profile.load(settings.city_dir)
    closed = (profile.data.get("desk_hours") or {}).get("closed") or {}
    return Open311Server(
        Open311Register(tickets.database, tickets, tickets.clock),
        Publisher(
            catalogue,
            phrasebook,
            lambda code: finder().area(code),
            settings.zone,
            settings.open311_publish,
        ),
        finder,
        Open311Options(
            jurisdiction=settings.open311_jurisdiction,
            public_url=settings.public_url,
            contact=str(profile.data.get("desk_email") or ""),
            region=str(closed.get("country") or "NL"),
        ),
        posts=limit(settings.open311_posts_per_minute),
        reads=limit(settings.open311_reads_per_minute),
    )
