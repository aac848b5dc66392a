"""The office of the staff console: what its pages may use."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bot.assembly.registers import staff_register, utc_now
from bot.console.office import ConsoleOptions, Office
from bot.console.pages.operations import Upkeep
from bot.console.provider import Provider, ProviderOptions, roles_of
from bot.handover.front import FrontDesk
from bot.masking import Masker
from bot.settings import Settings
from bot.store.audit import AuditLog
from bot.store.canned import CannedReplies
from bot.store.city import CityRegister
from bot.store.engine import Database
from bot.store.keys import own_key

if TYPE_CHECKING:
    from bot.assembly.road import Road


def _provider(settings: Settings) -> dict[str, Provider]:
    """The OpenID provider of the city's own accounts, when there is one."""
    if not settings.oidc_issuer:
        return {}
    options = ProviderOptions(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        name=settings.oidc_name,
        role_claim=settings.oidc_role_claim,
        roles=roles_of(settings.oidc_roles),
    )
    return {"provider": Provider(options, utc_now)}


def office_of(road: Road, archive: Database) -> Office:
    """What the pages of the staff console may use; `archive` answers long questions."""
    settings = road.settings
    return Office(
        database=road.database,
        archive=archive,
        journal=road.journal,
        bell=road.bell,
        clock=utc_now,
        staff=staff_register(settings, road.database),
        audit=AuditLog(road.database, utc_now),
        tickets=road.tickets,
        catalogue=road.catalogue,
        phrasebook=road.phrasebook,
        connectors=road.connectors,
        options=ConsoleOptions(
            zone=settings.zone,
            city=str(road.phrasebook.values.get("en", {}).get("city", "Likewise")),
            secure=settings.public_url.startswith("https://"),
            public_url=settings.public_url,
            languages=settings.languages,
        ),
        key=own_key(road.database, "console"),
        more={
            "masker": Masker(s.name for s in CityRegister(road.database).streets()),
            "places": road.finder,
            "city_dir": settings.city_dir,
            "model": getattr(road.brain, "model", None),
            "refused": road.refused,
            "forwards": road.forwarding.forwards,
            "endpoints": tuple(road.forwarding.endpoints),
            "upkeep": Upkeep(
                backup_within=timedelta(days=settings.backup_warn_days) or None,
                purges_daily=bool(settings.purge_at),
                has_hook=bool(settings.handover_webhook),
            ),
            "photos": road.photo_room,
            "shared": road.shared,
            "desk": FrontDesk(
                road.desk, road.presence, road.outlook, CannedReplies(road.database, utc_now)
            ),
            **_provider(settings),
        },
    )
