"""What actions need from the city, as small protocols, and the bundle that carries them.

`assembly` binds the real registers; tests bind small ones of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from bot.civic.answers import AnswerTopic
from bot.civic.areas import (
    Area,
    AreaHit,
    Crossing,
    Facility,
    LampPost,
    Official,
    Outline,
    Street,
)
from bot.civic.catalogue import Catalogue
from bot.civic.notices import Notice
from bot.civic.opening import Outlook
from bot.civic.tickets import Nearby, NewTicket, Ticket
from bot.civic.waste import Collection, Shift
from bot.phrases import Phrasebook
from bot.pictures.specs import Spec


class Tickets(Protocol):
    def open(self, new: NewTicket) -> Ticket: ...
    def find(self, ref: str) -> Ticket | None: ...
    def of_conversation(self, conversation: str) -> list[Ticket]: ...
    def look_up(self, ref: str, conversation: str) -> Ticket | None:
        """The ticket as asked for here; raises TooManyLookups when others' are guessed at."""
        ...

    def near(
        self,
        service: str,
        lat: float | None,
        lon: float | None,
        street: str | None,
        radius: float,
        limit: int = 3,
        conversation: str | None = None,
    ) -> list[Nearby]:
        """Open tickets of this service near by, nearest first, as others may see them."""
        ...

    def follow(self, ref: str, conversation: str, language: str = "") -> bool: ...
    def unfollow(self, ref: str, conversation: str) -> bool: ...
    def follows(self, ref: str, conversation: str) -> bool: ...
    def followed_by(self, conversation: str) -> list[Ticket]: ...
    def withdraw(self, ref: str, conversation: str) -> tuple[Ticket, int]: ...
    def reopen(self, ref: str, conversation: str, reason: str) -> tuple[Ticket, int]: ...


class Following(Protocol):
    """News of a report by another way than the conversation that asks."""

    @property
    def channels(self) -> frozenset[str]: ...
    def number(self, text: str) -> str | None: ...
    def by_sms(self, reference: str, conversation: str, number: str, language: str) -> None: ...
    def confirm(self, conversation: str, code: str, language: str) -> str | None: ...
    def link(self, reference: str, conversation: str) -> str: ...
    def redeem(self, token: str, conversation: str, language: str) -> str | None: ...


class Photos(Protocol):
    """Photos that came with messages, by their ids (`photos` in the message's metadata)."""

    def attach(self, photos: Iterable[str], reference: str) -> int:
        """Put photos to the ticket with this reference; how many belong to it now."""
        ...

    def loose(self, conversation: str, since: datetime) -> list[str]:
        """The conversation's photos since then that belong to no ticket yet."""
        ...

    def position_of(self, photo: str) -> tuple[float, float] | None:
        """(lat, lon) that the camera wrote into it; only to be used when the citizen agrees."""
        ...

    def agree(self, photo: str, agreed: bool) -> None:
        """Keep the position with the photo, or forget it now."""
        ...


class Areas(Protocol):
    def area(self, code: str) -> Area | None: ...
    def streets(self, name: str | None = None) -> list[Street]: ...
    def collections(self, area_code: str) -> list[Collection]: ...
    def shifts(self, area_code: str) -> list[Shift]: ...
    def officials(self, area_code: str) -> list[Official]: ...


class Answers(Protocol):
    def get(self, code: str) -> AnswerTopic | None: ...
    def names(self) -> dict[str, Mapping[str, str]]: ...


class Places(Protocol):
    """Where things are; see `bot.places.finder` and docs/places.md."""

    def area(self, code: str) -> Area | None: ...
    def areas_named(self, name: str) -> list[Area]: ...
    def streets_named(self, name: str) -> list[Street]: ...
    def streets_like(self, text: str, limit: int = 3) -> list[Street]: ...
    def landmark(self, name: str) -> list[Facility]: ...
    def postcode(self, text: str) -> list[Area]: ...
    def lamp_post(self, number: str, street: str | None = None) -> list[LampPost]: ...
    def crossing(self, one: str, other: str) -> Crossing | None: ...
    def area_at(self, lat: float, lon: float) -> AreaHit | None: ...
    def inside_city(self, lat: float, lon: float) -> bool: ...
    def nearest_street(self, lat: float, lon: float) -> tuple[Street, float] | None: ...
    def nearest_lamp_posts(
        self, lat: float, lon: float, n: int = 3
    ) -> list[tuple[LampPost, float]]: ...
    def lamp_posts_within(self, lat: float, lon: float, metres: float) -> list[LampPost]: ...
    def facility_kinds(self) -> list[str]: ...
    def nearest_facility(
        self, kind: str, lat: float, lon: float, n: int = 3
    ) -> list[tuple[Facility, float]]: ...
    def outline(self, area_code: str) -> Outline | None: ...
    def neighbours(self, area_code: str) -> list[Area]: ...
    def parts(self, area_code: str) -> list[Area]: ...
    def streets_of(self, area_code: str) -> list[Street]: ...


class Desk(Protocol):
    def outlook(self, conversation: str) -> Outlook:
        """What somebody in this conversation may expect who asks for a person now."""
        ...


class Remembered(Protocol):
    """The area that a citizen agreed to have remembered, by conversation."""

    def remember(self, conversation: str, area_code: str) -> None: ...
    def of(self, conversation: str) -> str | None: ...
    def forget(self, conversation: str) -> bool: ...


class Notices(Protocol):
    """What goes on in areas, and which conversations follow an area."""

    def of_areas(self, codes: Iterable[str]) -> list[Notice]: ...
    def follow(self, conversation: str, area_code: str) -> bool: ...
    def unfollow(self, conversation: str, area_code: str | None = None) -> list[str]: ...


class Pictures(Protocol):
    def keep(self, spec: Spec) -> str:
        """Keep what a picture shows; returns its address."""
        ...


@dataclass(frozen=True)
class Neighbourhood:
    """What actions need to speak about where people live."""

    remembered: Remembered
    notices: Notices
    pictures: Pictures
    open_reports: Callable[[Iterable[str]], Mapping[str, int]]
    """How many open reports of each service there are in these areas."""
    all_areas: Callable[[], list[Area]]


@dataclass(frozen=True)
class City:
    """Everything an action may ask."""

    catalogue: Catalogue
    tickets: Tickets
    following: Following
    photos: Photos
    areas: Areas
    answers: Answers
    desk: Desk
    neighbourhood: Neighbourhood
    finder: Callable[[], Places]
    languages: tuple[str, ...]
    phrasebook: Phrasebook
    clock: Callable[[], datetime]
    zone: ZoneInfo

    @property
    def places(self) -> Places:
        """Where things are now: an import into the running server is seen here."""
        return self.finder()

    def text(self, phrase: str, language: str, **values: object) -> str:
        """The words of a phrase, to be put into another."""
        return self.phrasebook.text(phrase, language, **values)

    def today(self) -> date:
        """The date where the city is."""
        return self.clock().astimezone(self.zone).date()
