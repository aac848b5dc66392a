"""A report while it is being made: what is known, what is missing, and what a message changes.

Pure and small on purpose: `take` gets what was said and the question that stands open, and gives
back the slots that change, or None when the message is about something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.civic.catalogue import Catalogue, Question, Service

SERVICE, PLACE, DETAIL = "report_service", "report_place", "report_detail"
CONFIRMED, CONTACT, CHANGE = "report_confirmed", "report_contact", "report_change"
NEXT, GIVEN = "report_next", "report_given"
SURE = 0.6
"""Confidence from which another intent interrupts an open question."""

INTERRUPTS = frozenset(
    [
        "ask",
        "ticket_status",
        "area_facts",
        "waste_day",
        "person",
        "cancel",
        "help",
        "identity",
        "privacy",
        "forget_me",
        "change_language",
        "danger",
        "insult",
        "smalltalk",
        "out_of_scope",
        "repeat",
        "goodbye",
        "compliment",
    ]
)
ALWAYS = frozenset({"person", "cancel", "forget_me", "danger", "change_language"})
QUESTIONS = frozenset({"ask", "ticket_status", "area_facts", "waste_day"})


@dataclass(frozen=True)
class Heard:
    """A message in the terms of a report."""

    text: str
    intent: str
    confidence: float = 1.0
    service: str | None = None
    spot: Mapping[str, Any] | None = None
    house_number: str | None = None
    contact: str | None = None
    change: str | None = None
    picked: bool = False
    correcting: bool = False
    option: str | None = None

    @property
    def asks(self) -> bool:
        """Does it read like a question rather than an answer?"""
        return "?" in self.text


@dataclass(frozen=True)
class Draft:
    """The report so far, as the slots hold it."""

    slots: Mapping[str, Any]
    catalogue: Catalogue

    @property
    def service(self) -> Service | None:
        return self.catalogue.get(self.slots.get(SERVICE))

    def open_question(self) -> Question | None:
        """The first extra question of the service that has no answer yet."""
        given = self.slots.get(GIVEN) or {}
        questions = self.service.questions if self.service else ()
        return next((q for q in questions if q.key not in given), None)


def missing(slots: Mapping[str, Any], catalogue: Catalogue) -> str:
    """The slot to ask for next."""
    if not slots.get(SERVICE):
        return SERVICE
    if not slots.get(PLACE):
        return PLACE
    if Draft(slots, catalogue).open_question():
        return DETAIL
    return CONFIRMED


def first_slots(heard: Heard) -> dict[str, Any]:
    """What the opening sentence of a report already tells."""
    return {
        SERVICE: heard.service,
        PLACE: dict(heard.spot) if heard.spot else None,
        GIVEN: {},
        DETAIL: None,
        CONFIRMED: None,
        CONTACT: heard.contact,
        CHANGE: None,
        NEXT: None,
        "report_text": heard.text if not heard.picked else "",
    }


def settled(slots: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """The detail slot as it follows from the answers given so far."""
    draft = Draft(slots, catalogue)
    complete = draft.service is not None and draft.open_question() is None
    return {DETAIL: "complete" if complete else None}


def take(
    heard: Heard, asked: str, slots: Mapping[str, Any], catalogue: Catalogue
) -> dict[str, Any] | None:
    """The slots that this message changes; None when it does not belong to the report."""
    if heard.intent in ALWAYS:
        return None
    about_place = heard.spot is not None or heard.house_number is not None
    if not heard.picked and heard.intent in INTERRUPTS and heard.confidence >= SURE:
        answers_where = asked == PLACE and about_place and not heard.asks
        if not answers_where and not (asked == DETAIL and heard.option):
            return None
    if heard.intent == "report" and heard.service:
        other = heard.service != slots.get(SERVICE)
        if other and slots.get(SERVICE) and not (heard.correcting or asked == SERVICE):
            if asked != PLACE or not about_place:
                return {NEXT: heard.service}
        if other:
            return _with_place({SERVICE: heard.service, GIVEN: {}}, heard, slots)
    if asked != PLACE and about_place and (asked != DETAIL or heard.correcting or heard.spot):
        return _with_place({}, heard, slots)
    if asked == SERVICE:
        return _with_place({}, heard, slots) if about_place else None
    if asked == PLACE:
        return _place(heard, slots)
    if asked == DETAIL:
        return _detail(heard, slots, catalogue)
    if asked == CONTACT:
        return _contact(heard)
    if asked == CHANGE:
        return _change(heard)
    return _confirm(heard)


def _with_place(changes: dict[str, Any], heard: Heard, slots: Mapping[str, Any]) -> dict[str, Any]:
    """Add the place that the message names, or the house number that it corrects."""
    if heard.spot:
        return {**changes, PLACE: dict(heard.spot)}
    known = slots.get(PLACE)
    if heard.house_number and known and known.get("street"):
        text = f"{known['street']} {heard.house_number}"
        return {**changes, PLACE: {**known, "text": text, "house_number": heard.house_number}}
    return changes


def _place(heard: Heard, slots: Mapping[str, Any]) -> dict[str, Any] | None:
    if heard.spot:
        return {PLACE: dict(heard.spot)}
    if heard.intent in ("greet", "thanks", "affirm", "deny") or not heard.text.strip():
        return None
    if heard.intent == "skip":
        return {PLACE: {"text": "", "known": False}}
    words = heard.text.strip()
    if len(words) < 3:
        return None
    return {PLACE: {"text": words[:300], "known": False}}


def _detail(heard: Heard, slots: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any] | None:
    question = Draft(slots, catalogue).open_question()
    if question is None:
        return {CONFIRMED: None}
    given = dict(slots.get(GIVEN) or {})
    if heard.intent == "skip" and not heard.option:
        return {GIVEN: {**given, question.key: ""}}
    words = heard.option or heard.text.strip()
    return {GIVEN: {**given, question.key: words[:1000]}} if words else None


def _contact(heard: Heard) -> dict[str, Any] | None:
    if heard.contact:
        return {CONTACT: heard.contact}
    if heard.intent in ("skip", "deny"):
        return {CONTACT: ""}
    return {CONTACT: None, "invalid_contact": True}


def _change(heard: Heard) -> dict[str, Any] | None:
    if heard.change == "place":
        return {PLACE: None}
    if heard.change == "service":
        return {SERVICE: None, GIVEN: {}}
    if heard.change == "detail":
        return {GIVEN: {}}
    if heard.intent in ("affirm", "skip"):
        return {CONFIRMED: None}
    return None


def _confirm(heard: Heard) -> dict[str, Any] | None:
    if heard.change == "contact" or (heard.contact and not heard.picked):
        return {CONTACT: heard.contact} if heard.contact else {"ask": CONTACT}
    if heard.intent == "affirm":
        return {CONFIRMED: True}
    if heard.intent == "deny" or heard.change:
        return {"ask": CHANGE}
    return None
