"""Words that answer "is it fixed?" and "what is still wrong?", without a model."""

from __future__ import annotations

from typing import Any

import pytest

from bot.brain.awaited import answer_of, read
from bot.messages import Choice
from bot.turns import asked_of

REF = "LW-2026-00042"


@pytest.mark.parametrize(
    ("text", "decided"),
    [
        ("no", "not_fixed"),
        ("Nope!", "not_fixed"),
        ("nee", "not_fixed"),
        ("Nein.", "not_fixed"),
        ("nej", "not_fixed"),
        ("still broken", "not_fixed"),
        ("No, the lamp is dark again", "reason"),
        ("Nee, hij knippert nog steeds", "reason"),
        ("Nein, die Laterne ist immer noch aus", "reason"),
        ("Nej, den er stadig slukket", "reason"),
        ("de lamp doet het nog niet", "reason"),
        ("yes", "fixed"),
        ("Ja, dank u wel", "fixed"),
        ("ja", "fixed"),
        ("what is that?", None),
        ("yes? which lamp?", None),
        ("when is paper collected", None),
    ],
)
def test_words_after_the_question_are_read_as_its_answer(text: str, decided: str | None) -> None:
    assert answer_of(text, "") == decided


def parsed(text: str, intent: str = "report", confidence: float = 0.9) -> dict[str, Any]:
    return {
        "text": text,
        "intent": {"name": intent, "confidence": confidence},
        "entities": [],
        "topic": "service/pothole",
    }


def meaning(found: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return found["intent"]["name"], {e["entity"]: e["value"] for e in found["entities"]}


WAITS = {"kind": "ticket_answer", "decided": "reason", "reference": REF, "of": "inbox-7"}
REASON = ("ticket_status", {"ticket_reference": REF, "decided": "reason"})


def test_any_words_after_what_is_still_wrong_are_the_reason() -> None:
    for words in ("the hole in the road is still there", "dark", "hi", "LW-2026-00001 too"):
        assert meaning(read(parsed(words), {}, WAITS, "inbox-7")) == REASON


def test_a_day_later_in_a_new_session_they_still_are() -> None:
    assert meaning(read(parsed("dark"), {}, WAITS, "")) == REASON
    assert meaning(read(parsed("dark"), {}, WAITS, None)) == REASON


def test_after_something_else_was_said_they_are_not_any_more() -> None:
    found = parsed("a hole in the road")
    assert read(found, {}, WAITS, "inbox-9") is found


@pytest.mark.parametrize("intent", ["person", "cancel", "forget_me", "danger", "change_language"])
def test_what_always_works_works_here_too(intent: str) -> None:
    found = parsed("let me talk to someone", intent)
    assert read(found, {"is_it_fixed": REF}, WAITS, "inbox-7") is found
    unsure = parsed("nobody came", intent, 0.3)
    assert meaning(read(unsure, {}, WAITS, "inbox-7")) == REASON


def test_a_question_in_between_is_answered() -> None:
    found = parsed("When is paper collected?", "waste_day")
    assert read(found, {}, WAITS, "inbox-7") is found


def test_the_question_counts_only_while_it_is_the_last_thing_read() -> None:
    no = parsed("no", "deny")
    assert read(no, {}, None, "inbox-7") is no
    assert meaning(read(no, {"is_it_fixed": REF}, None, "inbox-7")) == (
        "ticket_status",
        {"ticket_reference": REF, "decided": "not_fixed"},
    )
    other = parsed("there is litter in the park")
    assert read(other, {"is_it_fixed": REF}, None, "") is other


def test_the_road_knows_which_ticket_was_asked_about() -> None:
    payload = '/ticket_status{"ticket_reference": "LW-2026-00042", "decided": "%s"}'
    asked = [Choice("n.1", "Yes", payload % "fixed"), Choice("n.2", "No", payload % "not_fixed")]
    assert asked_of(asked) == REF
    assert asked_of([Choice("1", "My report", "/ticket_status")]) is None
    assert asked_of([]) is None
