"""What files and tables make, for the server and for commands: registers, finder, catalogue.

Nothing here needs a running road.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from bot import topics
from bot.civic.catalogue import Catalogue
from bot.keeping.purge import Limits, Purge
from bot.photos.opening import open_store
from bot.places.finder import PlaceFinder
from bot.settings import Settings
from bot.store.city import CityRegister
from bot.store.engine import Database
from bot.store.people import StaffRegister
from bot.store.registers import TicketRegister
from bot.tickets.desks import desks_of


def utc_now() -> datetime:
    return datetime.now(timezone.utc)


def catalogue(settings: Settings) -> Catalogue:
    """The service catalogue of the city's files."""
    return topics.load_catalogue(settings.city_dir)


def finder_of(register: CityRegister) -> PlaceFinder:
    """A finder over what the register holds now."""
    return PlaceFinder(
        register.areas(),
        register.streets(),
        register.lamp_posts(),
        register.facilities(),
        register.outlines(),
    )


def ticket_register(
    settings: Settings, database: Database, services: Catalogue | None = None
) -> TicketRegister:
    """The register with the city's desks and targets."""
    parents = {area.code: area.parent for area in CityRegister(database).areas()}
    desks = desks_of(settings.city_dir, services or catalogue(settings), settings.zone, parents.get)
    return TicketRegister(database, utc_now, desks)


def purge_of(settings: Settings, database: Database) -> Purge:
    """The purge with the city's limits. Raises SettingsError for a photo store that cannot be."""
    limits = Limits.of_days(settings.retention_days, settings.retention_report_days)
    return Purge(database, utc_now, open_store(settings), limits)


def staff_register(settings: Settings, database: Database) -> StaffRegister:
    """Accounts and sessions of staff, with the life times that the settings give."""
    return StaffRegister(
        database,
        utc_now,
        idle=timedelta(minutes=settings.console_idle_minutes),
        absolute=timedelta(hours=settings.console_hours),
    )
