"""The service catalogue: what can be requested from the city, and what the crew must know.

Services are data (`data/catalogue/*.yml`); this module only says what a service is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Words = Mapping[str, str]
"""The same words by language code."""


def in_language(words: Words, language: str) -> str:
    """The words in `language`, else in the first language that has them."""
    if language in words:
        return words[language]
    return next(iter(words.values()), "")


@dataclass(frozen=True)
class Option:
    """One offered answer to an extra question."""

    id: str
    labels: Words


@dataclass(frozen=True)
class Question:
    """Something the crew needs to know beyond the place."""

    key: str
    ask: Words
    options: tuple[Option, ...] = ()


@dataclass(frozen=True)
class Service:
    """A kind of request. `target_days` counts working days; `danger` means call first.

    Reports within `radius` metres of one another may be about the same thing; 0 means that they
    never are, such as a bin of one household.
    """

    code: str
    desk: str
    target_days: int
    danger: bool
    names: Words
    descriptions: Words
    questions: tuple[Question, ...] = ()
    radius: float = 0.0

    @property
    def topic(self) -> str:
        return f"service/{self.code}"

    def name(self, language: str) -> str:
        return in_language(self.names, language)


class Catalogue:
    """All services by code."""

    def __init__(self, services: Iterable[Service]) -> None:
        self.services = {service.code: service for service in services}

    def get(self, topic: str | None) -> Service | None:
        """The service of a topic such as `service/pothole`, or of its bare code."""
        return self.services.get((topic or "").removeprefix("service/"))
