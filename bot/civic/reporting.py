"""A report while it is being made: what is known, what is missing, and what a message changes.

Pure and small on purpose: `take` gets what was said and the question that stands open, and gives
back the slots that change, or None when the message is about something else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.civic.catalogue import Catalogue, Question, Service
from bot.civic.hearing import LIKELY, Heard, begun_label, options

SERVICE, PLACE, DETAIL = "report_service", "report_place", "report_detail"
CONFIRMED, CONTACT, CHANGE = "report_confirmed", "report_contact", "report_change"
NEXT, GIVEN, TEXT = "report_next", "report_given", "report_text"
TWIN, TWINS, PHOTOS, SPOTS = "report_twin", "report_twins", "report_photos", "report_spots"
SLOTS = frozenset(
    {SERVICE, PLACE, DETAIL, TWIN, CONFIRMED, CONTACT, CHANGE, NEXT, GIVEN, TEXT}
    | {TWINS, PHOTOS, SPOTS}
)
NEW = "new"
"""What the twin slot holds when nobody has reported the same, or not as far as we know."""
ASK, INVALID_CONTACT = "ask", "invalid_contact"
"""What `take` may say besides slots: the slot to ask for next, and that a contact is none."""

SURE = 0.6
"""Confidence from which another intent interrupts an open question."""
VERY_SURE = 0.85
"""The same for words that do not read like a question, where any words may be the answer."""
INTERRUPTS = frozenset(
    [
        "ask",
        "ticket_status",
        "area_contact",
        "withdraw_ticket",
        "unfollow_ticket",
        "area_facts",
        "area_news",
        "facility_find",
        "forget_area",
        "subscribe_area",
        "unsubscribe_area",
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
NO_PLACE = frozenset({"greet", "thanks", "affirm", "deny", "more", "help", "repeat", "goodbye"})

_TRAILING_NUMBER = re.compile(r"\s+\d{1,4}\s?[a-zA-Z]?$")


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
    return CONFIRMED if slots.get(TWIN) else TWIN


def first_slots(heard: Heard, catalogue: Catalogue) -> dict[str, Any]:
    """What the opening sentence of a report already tells."""
    return {
        SERVICE: heard.service,
        **placed(heard.spot),
        GIVEN: options(heard, catalogue.get(heard.service)),
        DETAIL: None,
        TWIN: None,
        TWINS: None,
        CONFIRMED: None,
        CONTACT: heard.contact,
        CHANGE: None,
        NEXT: None,
        PHOTOS: list(heard.photos) or None,
        TEXT: heard.text if not heard.picked else "",
    }


def settled(slots: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """The detail slot as it follows from the answers given so far."""
    draft = Draft(slots, catalogue)
    complete = draft.service is not None and draft.open_question() is None
    return {DETAIL: "complete" if complete else None}


def placed(spot: Mapping[str, Any] | None) -> dict[str, Any]:
    """The place slots for a spot: one that may be several places is still to be chosen."""
    if spot and spot.get("options"):
        return {PLACE: None, SPOTS: list(spot["options"])}
    return {PLACE: dict(spot) if spot else None, SPOTS: None}


def take(
    heard: Heard, asked: str, slots: Mapping[str, Any], catalogue: Catalogue
) -> dict[str, Any] | None:
    """The slots that this message changes; None when it does not belong to the report."""
    changes = _take(heard, asked, slots, catalogue)
    photos = [*(slots.get(PHOTOS) or ()), *heard.photos] if heard.photos else []
    if changes is None:
        return {PHOTOS: photos} if photos and not heard.text.strip() else None
    if photos:
        changes[PHOTOS] = photos
    if PLACE in changes:
        changes |= placed(changes[PLACE])
    if SERVICE in changes or PLACE in changes:
        changes.setdefault(TWIN, None)  # somebody may have reported it there
    return changes


def _take(
    heard: Heard, asked: str, slots: Mapping[str, Any], catalogue: Catalogue
) -> dict[str, Any] | None:
    if heard.reference or (heard.intent in ALWAYS and heard.likely):
        return None
    if heard.photos and not heard.text.strip():
        return {}
    about_place = heard.spot is not None or heard.house_number is not None
    given = options(heard, catalogue.get(slots.get(SERVICE)))
    if _interrupts(heard, asked, Draft(slots, catalogue), about_place, given):
        return None
    if heard.intent == "report" and heard.service:
        changed = _service(heard, asked, slots, about_place, catalogue)
        if changed is not None:
            return changed
    if heard.contact and not about_place and asked in (SERVICE, PLACE, DETAIL):
        return {CONTACT: heard.contact}  # told before it was asked
    answers = {GIVEN: {**(slots.get(GIVEN) or {}), **given}} if given else {}
    if asked == SERVICE and heard.intent != "inform":
        return None  # a description that is not clear yet; the place in it is not lost
    if asked != PLACE and about_place and (asked != DETAIL or heard.correcting or heard.spot):
        return _with_place(answers, heard, slots)
    if asked == SERVICE:
        return None
    if asked == PLACE:
        return _place(heard, answers)
    if asked == TWIN:
        return _twin(heard, slots)
    if asked == DETAIL:
        return answers or _detail(heard, Draft(slots, catalogue))
    if answers and not heard.picked:
        return {CONFIRMED: None, **answers}
    if asked == CONTACT:
        return _contact(heard)
    if asked == CHANGE:
        return _change(heard)
    return _confirm(heard)


def _interrupts(
    heard: Heard, asked: str, draft: Draft, about_place: bool, given: Mapping[str, str]
) -> bool:
    """Is the message about something else, for now?"""
    if heard.picked or heard.intent not in INTERRUPTS:
        return False
    if not heard.asks and (
        given or heard.change or (asked == PLACE and (about_place or heard.tells_where))
    ):
        return False
    question = draft.open_question()
    free = asked == PLACE or (asked == DETAIL and question is not None and not question.options)
    return heard.confidence >= (VERY_SURE if free and not heard.asks else SURE)


def _service(
    heard: Heard, asked: str, slots: Mapping[str, Any], about_place: bool, catalogue: Catalogue
) -> dict[str, Any] | None:
    """What a named problem changes; None when it is no more than words around an answer."""
    open_for_it = not slots.get(SERVICE) or asked in (SERVICE, CHANGE) or heard.correcting
    if heard.service == slots.get(SERVICE):
        said_again = asked == PLACE and heard.confidence >= SURE
        return {} if said_again and not about_place and not heard.tells_where else None
    if open_for_it and (heard.likely if heard.correcting else heard.confidence >= LIKELY):
        given = options(heard, catalogue.get(heard.service))
        changes: dict[str, Any] = {SERVICE: heard.service, GIVEN: given}
        if not slots.get(TEXT) and not heard.picked:
            changes[TEXT] = heard.text
        return _with_place(changes, heard, slots)
    surely = heard.confidence >= (SURE if asked in (PLACE, DETAIL) else LIKELY)
    if open_for_it or not surely or (asked == PLACE and heard.tells_where):
        return None
    spot = dict(heard.spot) if heard.spot else None
    return {NEXT: {"service": heard.service, "text": heard.text, "spot": spot}}


def _with_place(changes: dict[str, Any], heard: Heard, slots: Mapping[str, Any]) -> dict[str, Any]:
    """Add the place that the message names, or the house number that it corrects."""
    if heard.spot:
        return {**changes, PLACE: dict(heard.spot)}
    known = slots.get(PLACE)
    if not heard.house_number or not known or not known.get("text"):
        return changes
    stem = known.get("street") or _TRAILING_NUMBER.sub("", str(known["text"]))
    place = {**known, "text": f"{stem} {heard.house_number}", "house_number": heard.house_number}
    for exact in ("lat", "lon", "exact"):
        place.pop(exact, None)  # a house number never yields an exact position
    return {**changes, PLACE: place}


def _place(heard: Heard, answers: Mapping[str, Any]) -> dict[str, Any] | None:
    if heard.spot:
        return {**answers, PLACE: dict(heard.spot)}
    if answers and not heard.tells_where:
        return dict(answers)
    if heard.intent == "skip":
        return {PLACE: {"text": "", "known": False}}
    words = heard.text.strip()
    if heard.intent in NO_PLACE or heard.picked or heard.asks:
        return None
    if len(re.findall(r"\w", words)) < 3:
        return None
    return {PLACE: {"text": words[:300], "known": False}}


def _detail(heard: Heard, draft: Draft) -> dict[str, Any] | None:
    question = draft.open_question()
    if question is None:
        return {CONFIRMED: None}
    given = dict(draft.slots.get(GIVEN) or {})
    begun = begun_label(heard, question)
    if begun and not heard.picked:
        return {GIVEN: {**given, question.key: begun}}
    if heard.intent == "skip":
        return {GIVEN: {**given, question.key: ""}}
    words = heard.text.strip()
    not_an_answer = heard.picked or heard.asks
    if not words or not_an_answer or (question.options and heard.intent in NO_PLACE):
        return None
    return {GIVEN: {**given, question.key: words[:1000]}}


def _twin(heard: Heard, slots: Mapping[str, Any]) -> dict[str, Any] | None:
    """Which of the reports near by it is; "yes" will do when there is only one."""
    offered = list(slots.get(TWINS) or ())
    if heard.twin and (heard.twin == NEW or heard.twin in offered):
        return {TWIN: heard.twin}
    if heard.agrees and len(offered) == 1:
        return {TWIN: offered[0]}
    return {TWIN: NEW} if heard.intent == "deny" else None


def _contact(heard: Heard) -> dict[str, Any] | None:
    if heard.contact:
        return {CONTACT: heard.contact}
    if heard.intent in ("skip", "deny"):
        return {CONTACT: ""}
    return {CONTACT: None, INVALID_CONTACT: True}


def _change(heard: Heard) -> dict[str, Any] | None:
    if heard.change == "place":
        return {PLACE: None}
    if heard.change == "service":
        return {SERVICE: None, GIVEN: {}}
    if heard.change == "detail":
        return {GIVEN: {}}
    if heard.change == "contact":
        return {CONTACT: None, ASK: CONTACT}
    if heard.contact:
        return {CONTACT: heard.contact}
    if heard.intent in ("affirm", "skip", "deny"):
        return {CONFIRMED: None}
    return None


def _confirm(heard: Heard) -> dict[str, Any] | None:
    if heard.contact and not heard.picked:
        return {CONTACT: heard.contact}
    if heard.change == "contact":
        return {ASK: CONTACT}
    if heard.agrees:
        return {CONFIRMED: True}
    if heard.change:
        return _change(heard)
    return {ASK: CHANGE} if heard.intent == "deny" else None
