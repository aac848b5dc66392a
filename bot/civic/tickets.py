"""The life of a ticket: states, the moves between them, and the reference a citizen keeps.

`TRANSITIONS` is the whole workflow. A move that is not in the table does not happen; a state that a
ticket already has is no move, except where the table says so. `replay` tells from the events alone
where a ticket stands, which is how a test knows that the history is complete.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import Enum
from typing import Any

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
OPEN = frozenset(State) - CLOSED
NEEDS_TEXT = frozenset({State.CANNOT_FIX, State.NOT_OURS})
"""States that mean nothing to a citizen without a reason, or whom to ask instead."""
NEEDS_FACT = {
    State.PLANNED: "planned_for",
    State.PASSED_ON: "passed_to",
    State.DUPLICATE: "duplicate_of",
}
"""States that need a fact of their own: a date, an organisation, the other ticket's reference."""

_REFERENCE = re.compile(r"\bLW\s?[-–]?\s?(\d{4})\s?[-–]?\s?(\d{1,6})\b", re.IGNORECASE)


class MoveRefused(CivicError):
    """The table has no such move, or what the state needs is missing."""


class TicketUnknown(CivicError):
    """No ticket has this reference, or none that the asker may act on: the two look the same."""

    def __init__(self, ref: str) -> None:
        super().__init__("utter_ticket_unknown", reference=ref)


class TooManyLookups(CivicError):
    """This conversation has asked for too many reports that are not its own today."""

    def __init__(self) -> None:
        super().__init__("utter_ticket_lookups")


class TooManyFollowRequests(CivicError):
    """Codes or links were asked for too often today, by this conversation or for this number."""

    def __init__(self) -> None:
        super().__init__("utter_follow_limit")


class TicketChanged(CivicError):
    """Somebody else changed the ticket since it was read; read it again and decide again."""


@dataclass(frozen=True)
class NewTicket:
    """A request as a citizen confirmed it; `request_key` makes it happen once.

    `street` is the name alone, for finding reports near by where there is no position. `source`
    says how it came: chat, open311, console, import.
    """

    request_key: str
    conversation: str | None
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
    street: str | None = None
    source: str = "chat"


@dataclass(frozen=True)
class Ticket:
    """A ticket as the register knows it. `conversation` is the reporter's, if there is one."""

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
    place_known: bool = False
    lat: float | None = None
    lon: float | None = None
    street: str | None = None
    source: str = "chat"
    due_on: date | None = None
    planned_for: date | None = None
    passed_to: str = ""
    duplicate_of: str | None = None
    reopened_count: int = 0
    version: int = 1

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    def overdue(self, today: date) -> bool:
        """Is it open past its target?"""
        return self.is_open and self.due_on is not None and self.due_on < today


@dataclass(frozen=True)
class Nearby:
    """An open ticket near by, as other citizens may see it.

    `place` is empty unless it is a place the city knows: what somebody typed in their own words is
    not for others. `followers` counts everyone who is told, the reporter included; `metres` is
    None where only the street is the same.
    """

    reference: str
    service: str
    state: State
    place: str
    street: str
    area_code: str | None
    created_at: datetime
    followers: int
    metres: float | None


@dataclass(frozen=True)
class Follower:
    """A conversation that is told of a ticket's changes."""

    conversation: str
    language: str
    reporter: bool


@dataclass(frozen=True)
class Standing:
    """Where a ticket stands, as far as its events tell."""

    state: State
    desk: str = ""
    due_on: str | None = None
    planned_for: str | None = None
    passed_to: str = ""
    duplicate_of: str | None = None
    reopened_count: int = 0


@dataclass(frozen=True)
class Event:
    """One entry of a ticket's history. Dates in `facts` are ISO texts."""

    kind: str
    state: State | None
    facts: Mapping[str, Any] = field(default_factory=dict)


def reference(year: int, number: int) -> str:
    """`LW-2026-00042`: short enough to say on the telephone."""
    return f"LW-{year}-{number:05d}"


def find_reference(text: str) -> str | None:
    """The first ticket reference in a text, however it is spaced, in its written form."""
    match = _REFERENCE.search(text)
    return reference(int(match[1]), int(match[2])) if match else None


def check_move(
    current: State, new: State, text: str = "", facts: Mapping[str, Any] | None = None
) -> None:
    """Raise MoveRefused unless the table allows the move and it carries what it needs."""
    if new not in TRANSITIONS[current]:
        raise MoveRefused("utter_ticket_move_refused", current=current.value, new=new.value)
    needed = NEEDS_FACT.get(new)
    if needed and not (facts or {}).get(needed):
        raise MoveRefused("utter_ticket_move_needs_fact", new=new.value, needed=needed)
    if new in NEEDS_TEXT and not text.strip():
        raise MoveRefused("utter_ticket_move_needs_text", new=new.value)


def after_move(standing: Standing, new: State, facts: Mapping[str, Any]) -> Standing:
    """The standing after a move: what belonged to the state before is over."""
    due_on = facts.get("due_on") or standing.due_on
    return Standing(
        state=new,
        desk=standing.desk,
        due_on=due_on,
        planned_for=facts.get("planned_for") if new is State.PLANNED else None,
        passed_to=str(facts.get("passed_to") or "") if new is State.PASSED_ON else "",
        duplicate_of=facts.get("duplicate_of") if new is State.DUPLICATE else None,
        reopened_count=standing.reopened_count + (new is State.REOPENED),
    )


def replay(events: Iterable[Event]) -> Standing:
    """Where the events leave a ticket. Raises MoveRefused when they leave the table."""
    standing: Standing | None = None
    for event in events:
        if standing is None:
            standing = Standing(
                State.RECEIVED, str(event.facts.get("desk") or ""), event.facts.get("due_on")
            )
        elif event.kind == "moved" and event.state is not None:
            if event.state not in TRANSITIONS[standing.state]:
                raise MoveRefused(
                    "utter_ticket_move_refused", current=standing.state.value, new=event.state.value
                )
            standing = after_move(standing, event.state, event.facts)
        elif event.kind == "routed":
            standing = replace(standing, desk=str(event.facts["desk"]))
        elif event.kind == "due":
            standing = replace(standing, due_on=event.facts.get("due_on"))
    if standing is None:
        raise ValueError("a ticket has at least the event that opened it")
    return standing
