"""A report in the making, without a model: what a message changes, and what it must never do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.civic import reporting
from bot.civic.hearing import Heard
from bot.civic.reporting import (
    ASK,
    CHANGE,
    CONFIRMED,
    CONTACT,
    DETAIL,
    GIVEN,
    INVALID_CONTACT,
    NEXT,
    PHOTOS,
    PLACE,
    SERVICE,
    SLOTS,
    SPOTS,
    TEXT,
    TWIN,
    TWINS,
    take,
)
from bot.topics import load_catalogue

CATALOGUE = load_catalogue(Path(__file__).parents[1] / "data")
ASKED = (SERVICE, PLACE, DETAIL, TWIN, CONFIRMED, CONTACT, CHANGE)
OOSTERSTRAAT = {"text": "Oosterstraat 12", "known": True, "street": "Oosterstraat"}
VISMARKT = {"text": "Vismarkt", "known": True, "street": "Vismarkt"}
INTENTS = sorted(
    reporting.INTERRUPTS
    | reporting.NO_PLACE
    | {"report", "inform", "skip", "nlu_fallback", "", "something-new"}
)

spots = st.none() | st.fixed_dictionaries(
    {"text": st.text(max_size=20), "known": st.booleans()}, optional={"street": st.text()}
)
texts = st.text(max_size=60) | st.sampled_from(
    ["nee, nummer 14", "papier", "Is it one lamp?", "bij de molen", "/affirm", "1", "ja"]
)
messages = st.builds(
    Heard,
    text=texts,
    intent=st.sampled_from(INTENTS),
    confidence=st.floats(0, 1),
    service=st.none() | st.sampled_from(sorted(CATALOGUE.services)) | st.just("unheard-of"),
    guessed=st.floats(0, 1),
    spot=spots,
    house_number=st.none() | st.from_regex(r"\A[0-9]{1,4}[a-z]?\Z"),
    contact=st.none() | st.just("me@example.org"),
    change=st.none() | st.sampled_from(["place", "service", "detail", "contact", "weather"]),
    reference=st.booleans(),
    picked=st.booleans(),
    correcting=st.booleans(),
    twin=st.none() | st.sampled_from(["new", "LW-2026-00001", "LW-2026-99999"]),
    photos=st.sampled_from([(), ("p1",), ("p1", "p2")]),
    option=st.none() | st.sampled_from(["single", "paper", "other", "nonsense"]),
    words=st.none() | texts,
    language=st.sampled_from(["en", "nl", "de", "da", "xx"]),
)
drafts = st.fixed_dictionaries(
    {},
    optional={
        SERVICE: st.none() | st.sampled_from([*sorted(CATALOGUE.services), "removed-service"]),
        PLACE: spots,
        GIVEN: st.none() | st.dictionaries(st.sampled_from(["kind", "extent"]), st.text()),
        CONTACT: st.none() | st.text(max_size=10),
        TWIN: st.none() | st.just("new"),
        TWINS: st.none() | st.just(["LW-2026-00001"]),
        TEXT: st.none() | st.text(max_size=10),
    },
)


@settings(max_examples=400, deadline=None)
@given(heard=messages, asked=st.sampled_from(ASKED), slots=drafts)
def test_any_message_changes_known_slots_only_and_never_raises(
    heard: Heard, asked: str, slots: dict[str, Any]
) -> None:
    changes = take(heard, asked, slots, CATALOGUE)
    if changes is None:
        return
    assert set(changes) <= SLOTS | {ASK, INVALID_CONTACT}
    if changes.get(CONFIRMED):
        assert asked == CONFIRMED
        assert heard.intent == "affirm"
    after = {**slots, **{k: v for k, v in changes.items() if k in SLOTS}}
    assert reporting.missing(after, CATALOGUE) in ASKED
    assert set(reporting.settled(after, CATALOGUE)) == {DETAIL}


@settings(max_examples=200, deadline=None)
@given(heard=messages)
def test_any_opening_gives_every_slot_a_value(heard: Heard) -> None:
    first = reporting.first_slots(heard, CATALOGUE)
    assert set(first) == SLOTS
    assert first[CONFIRMED] is None


def heard(text: str, intent: str = "inform", **more: Any) -> Heard:
    return Heard(text=text, intent=intent, **more)


def draft(service: str = "street-light", **more: Any) -> dict[str, Any]:
    given = {"extent": "One lamp"}
    return {SERVICE: service, PLACE: OOSTERSTRAAT, GIVEN: given, TWIN: "new", **more}


def test_a_number_corrects_the_house_and_keeps_the_street() -> None:
    said = heard("no, number 14", "deny", house_number="14", correcting=True)
    changes = take(said, CONFIRMED, draft(), CATALOGUE)
    assert changes is not None
    assert changes[PLACE]["text"] == "Oosterstraat 14"


def test_a_corrected_number_takes_away_the_exact_position() -> None:
    exact = {**OOSTERSTRAAT, "lat": 53.2, "lon": 6.5}
    changes = take(
        heard("nummer 3", house_number="3"), CONFIRMED, draft(**{PLACE: exact}), CATALOGUE
    )
    assert changes is not None
    assert not {"lat", "lon"} & set(changes[PLACE])


def test_a_number_corrects_an_unknown_place_too() -> None:
    unknown = {"text": "Nergensweg 12", "known": False}
    said = heard("nee, 14", "deny", house_number="14", correcting=True)
    changes = take(said, CONFIRMED, draft(**{PLACE: unknown}), CATALOGUE)
    assert changes is not None
    assert changes[PLACE]["text"] == "Nergensweg 14"


def test_no_it_is_graffiti_changes_the_problem_and_keeps_the_place() -> None:
    said = heard("nee, het is graffiti", "report", service="graffiti", correcting=True)
    changes = take(said, CONFIRMED, draft("litter"), CATALOGUE)
    assert changes is not None
    assert changes[SERVICE] == "graffiti"
    assert PLACE not in changes


def test_a_second_problem_waits_with_its_place() -> None:
    said = heard("litter on Vismarkt too", "report", service="litter", spot=VISMARKT)
    changes = take(said, CONFIRMED, draft(), CATALOGUE)
    assert changes == {
        NEXT: {"service": "litter", "text": "litter on Vismarkt too", "spot": VISMARKT}
    }


@pytest.mark.parametrize("intent", ["person", "cancel", "forget_me", "change_language"])
@pytest.mark.parametrize("asked", ASKED)
def test_what_always_works_is_not_for_the_report(intent: str, asked: str) -> None:
    assert take(heard("x y z", intent), asked, draft(), CATALOGUE) is None


@pytest.mark.parametrize("asked", ASKED)
def test_a_question_is_not_for_the_report(asked: str) -> None:
    assert take(heard("when are you open?", "ask"), asked, draft(), CATALOGUE) is None


@pytest.mark.parametrize(
    "text", ["in front of the library", "naast het zwembad", "vor der Schule", "ved biblioteket"]
)
def test_words_that_tell_where_are_a_place_whatever_they_sound_like(text: str) -> None:
    changes = take(heard(text, "ask", confidence=0.99), PLACE, {SERVICE: "pothole"}, CATALOGUE)
    assert changes is not None
    assert changes[PLACE] == {"text": text, "known": False}


@pytest.mark.parametrize("text", ["I want to know my bin day", "am Ende egal, stop"])
def test_other_words_are_no_place_when_they_clearly_mean_something_else(text: str) -> None:
    said = heard(text, "waste_day", confidence=0.95)
    assert take(said, PLACE, {SERVICE: "pothole"}, CATALOGUE) is None


def test_an_answer_given_early_is_not_asked_for_again() -> None:
    said = heard("mijn papiercontainer is niet geleegd", "report", service="missed-bin")
    first = reporting.first_slots(said, CATALOGUE)
    assert first[GIVEN] == {"kind": "Paper"}
    dutch = Heard(**{**vars(said), "language": "nl", "spot": VISMARKT})
    slots = reporting.first_slots(dutch, CATALOGUE)
    assert slots[GIVEN] == {"kind": "Papier"}
    assert reporting.missing(slots, CATALOGUE) == TWIN
    assert reporting.missing({**slots, TWIN: "new"}, CATALOGUE) == CONFIRMED


def test_the_name_of_a_street_is_no_answer_to_another_question() -> None:
    said = heard("Papiermolenlaan 3", words="", spot=VISMARKT)
    changes = take(said, PLACE, {SERVICE: "missed-bin"}, CATALOGUE)
    assert changes is not None
    assert changes[PLACE] == VISMARKT
    assert GIVEN not in changes


def test_not_insulting_is_not_taken_for_insulting() -> None:
    said = heard("it is not insulting at all", "deny")
    changes = take(said, DETAIL, {SERVICE: "graffiti", PLACE: VISMARKT}, CATALOGUE)
    assert changes == {GIVEN: {"offensive": "Not insulting"}}


def test_the_beginning_of_a_label_is_enough_when_it_is_asked_for() -> None:
    changes = take(heard("several"), DETAIL, {SERVICE: "street-light"}, CATALOGUE)
    assert changes == {GIVEN: {"extent": "Several lamps"}}


def test_yes_confirms_only_where_it_is_asked() -> None:
    assert take(heard("yes", "affirm"), CONFIRMED, draft(), CATALOGUE) == {CONFIRMED: True}
    assert take(heard("yes", "affirm"), PLACE, {SERVICE: "pothole"}, CATALOGUE) is None


def test_a_contact_that_is_none_is_asked_for_again() -> None:
    changes = take(heard("ask my daughter"), CONTACT, draft(), CATALOGUE)
    assert changes == {CONTACT: None, INVALID_CONTACT: True}
    assert take(heard("skip", "skip"), CONTACT, draft(), CATALOGUE) == {CONTACT: ""}


def test_an_unsure_guess_at_another_problem_opens_no_second_report() -> None:
    said = heard(
        "the container at the church", "report", confidence=0.0, guessed=0.4, service="litter"
    )
    changes = take(said, PLACE, {SERVICE: "pothole"}, CATALOGUE)
    assert changes is not None
    assert changes[PLACE] == {"text": "the container at the church", "known": False}
    assert NEXT not in changes


def test_a_contact_told_early_is_kept_and_is_no_answer_to_the_question() -> None:
    said = heard("050 3123456", contact="0503123456")
    assert take(said, DETAIL, {SERVICE: "street-light"}, CATALOGUE) == {CONTACT: "0503123456"}


ONE = "LW-2026-00001"


def test_a_report_near_by_is_followed_when_it_is_picked_and_was_offered() -> None:
    asked = draft(**{TWIN: None, TWINS: [ONE, "LW-2026-00002"]})
    assert take(heard("", picked=True, twin=ONE), TWIN, asked, CATALOGUE) == {TWIN: ONE}
    other = heard("", picked=True, twin="LW-2026-99999")
    assert take(other, TWIN, asked, CATALOGUE) is None
    assert take(heard("", picked=True, twin="new"), TWIN, asked, CATALOGUE) == {TWIN: "new"}


def test_yes_follows_the_only_report_near_by_and_no_says_that_it_is_new() -> None:
    one = draft(**{TWIN: None, TWINS: [ONE]})
    two = draft(**{TWIN: None, TWINS: [ONE, "LW-2026-00002"]})
    assert take(heard("yes", "affirm"), TWIN, one, CATALOGUE) == {TWIN: ONE}
    assert take(heard("yes", "affirm"), TWIN, two, CATALOGUE) is None
    assert take(heard("no", "deny"), TWIN, two, CATALOGUE) == {TWIN: "new"}


def test_another_place_may_have_other_reports_near_by() -> None:
    changes = take(heard("Vismarkt", spot=VISMARKT), CONFIRMED, draft(), CATALOGUE)
    assert changes is not None
    assert changes[TWIN] is None
    assert reporting.missing({**draft(), **changes}, CATALOGUE) == TWIN


@pytest.mark.parametrize("asked", ASKED)
def test_a_photo_alone_is_kept_and_nothing_else_changes(asked: str) -> None:
    slots = draft(**{PHOTOS: ["first"]})
    changes = take(heard("", picked=True, photos=("second",)), asked, slots, CATALOGUE)
    assert changes == {PHOTOS: ["first", "second"]}


def test_a_photo_with_words_is_kept_beside_what_they_say() -> None:
    said = heard("Vismarkt", spot=VISMARKT, photos=("p",))
    changes = take(said, PLACE, {SERVICE: "pothole"}, CATALOGUE)
    assert changes is not None
    assert changes[PHOTOS] == ["p"]
    assert changes[PLACE] == VISMARKT


def test_a_name_of_several_places_leaves_the_place_open_and_keeps_the_choice() -> None:
    several = {**VISMARKT, "options": [VISMARKT, OOSTERSTRAAT]}
    first = reporting.first_slots(heard("x", "report", service="pothole", spot=several), CATALOGUE)
    assert first[PLACE] is None
    assert first[SPOTS] == [VISMARKT, OOSTERSTRAAT]
    chosen = take(heard("", picked=True, spot=OOSTERSTRAAT), PLACE, first, CATALOGUE)
    assert chosen is not None
    assert chosen[PLACE] == OOSTERSTRAAT
    assert chosen[SPOTS] is None


@pytest.mark.parametrize("service", ["missed-bin", "bin-damaged", "noise", "bulky-waste-pickup"])
def test_what_concerns_one_household_is_never_the_same_as_anothers(service: str) -> None:
    assert CATALOGUE.services[service].radius == 0


@pytest.mark.parametrize("asked", [CONFIRMED, TWIN])
def test_a_mere_guess_at_yes_sends_and_follows_nothing(asked: str) -> None:
    slots = {SERVICE: "pothole", PLACE: VISMARKT, TWINS: ["LW-1"], GIVEN: {}}
    guess = Heard(text="/affirm", intent="affirm", confidence=0.0, guessed=0.13)
    assert take(guess, asked, slots, CATALOGUE) is None
    assert take(Heard(text="yes", intent="affirm"), asked, slots, CATALOGUE)
