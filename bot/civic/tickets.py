"""The life of a ticket: states, the moves between them, and the reference a citizen keeps.

`TRANSITIONS` is the whole workflow. A move that is not in the table does not happen; a state that a
ticket already has is no move.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from bot.civic.errors import CivicError


class State(str, Enum):
    """Where a ticket stands; values are what the table stores."""

    RECEIVED = "received"
    IN_PROGRESS = "in_progress"
    PLANNED = "planned"
    PASSED_ON = "passed_on"
    FIXED = "fixed"
    CANNOT_FIX = "cannot_fix"
    NOT_OURS = "not_ours"
    DUPLICATE = "duplicate"
    WITHDRAWN = "withdrawn"
    REOPENED = "reopened"


_WORK = {
    State.IN_PROGRESS,
    State.PLANNED,
    State.PASSED_ON,
    State.FIXED,
    State.CANNOT_FIX,
    State.NOT_OURS,
    State.DUPLICATE,
    State.WITHDRAWN,
}
TRANSITIONS: dict[State, frozenset[State]] = {
    State.RECEIVED: frozenset(_WORK),
    State.IN_PROGRESS: frozenset(_WORK - {State.IN_PROGRESS}),
    State.PLANNED: frozenset(_WORK),  # a date can be moved
    State.PASSED_ON: frozenset(_WORK),  # and passed on again
    State.FIXED: frozenset({State.REOPENED}),
    State.CANNOT_FIX: frozenset({State.REOPENED}),
    State.NOT_OURS: frozenset({State.REOPENED}),
    State.DUPLICATE: frozenset({State.REOPENED}),  # merged by mistake
    State.WITHDRAWN: frozenset({State.REOPENED}),  # the citizen changed their mind
    State.REOPENED: frozenset(_WORK),
}
CLOSED = frozenset(
    {State.FIXED, State.CANNOT_FIX, State.NOT_OURS, State.DUPLICATE, State.WITHDRAWN}
)
NEEDS_TEXT = frozenset({State.CANNOT_FIX, State.NOT_OURS, State.PASSED_ON})
"""States that mean nothing to a citizen without a reason or an addressee."""

_REFERENCE = re.compile(r"\bLW\s?[-–]?\s?(\d{4})\s?[-–]?\s?(\d{1,6})\b", re.IGNORECASE)


class MoveRefused(CivicError):
    """The table has no such move."""


@dataclass(frozen=True)
class NewTicket:
    """A request as a citizen confirmed it; `request_key` makes it happen once."""

    request_key: str
    conversation: str
    service: str
    desk: str
    language: str
    place: str
    place_known: bool
    details: str = ""
    contact: str | None = None
    area_code: str | None = None
    lat: float | None = None
    lon: float | None = None


@dataclass(frozen=True)
class Ticket:
    """A ticket as the register knows it."""

    id: int
    reference: str
    service: str
    desk: str
    state: State
    place: str
    area_code: str | None
    conversation: str | None
    language: str
    created_at: datetime
    changed_at: datetime
    details: str = ""
    contact: str | None = None


def reference(year: int, number: int) -> str:
    """`LW-2026-00042`: short enough to say on the telephone."""
    return f"LW-{year}-{number:05d}"


def find_reference(text: str) -> str | None:
    """The first ticket reference in a text, however it is spaced, in its written form."""
    match = _REFERENCE.search(text)
    return reference(int(match[1]), int(match[2])) if match else None


def check_move(current: State, new: State, text: str = "") -> None:
    """Raise MoveRefused unless the table allows the move and it carries what it needs."""
    if new not in TRANSITIONS[current]:
        raise MoveRefused("utter_ticket_move_refused", current=current.value, new=new.value)
    if new in NEEDS_TEXT and not text.strip():
        raise MoveRefused("utter_ticket_move_needs_text", new=new.value)
