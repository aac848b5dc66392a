"""Messages that want more than one thing, first with a scripted understanding, then with ours."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.assembly import Road
from bot.brain.danger import possible
from bot.brain.mixed import Parsed, pieces, untangle
from bot.settings import ROOT
from bot.topics import load_catalogue
from tests.talking import Citizen, clear_the_streets

CATALOGUE = load_catalogue(ROOT / "data")


def parsed(intent: str, topic: str = "", confidence: float = 0.95, language: str = "en") -> Parsed:
    return {
        "intent": {"name": intent, "confidence": confidence},
        "guess": intent,
        "topic": topic or None,
        "topic_confidence": confidence if topic else 0.0,
        "candidates": [],
        "entities": [],
        "decision": "answer",
        "language": language,
    }


UNSURE = {**parsed("nlu_fallback", confidence=0.3), "guess": "ask", "decision": "clarify"}
MISSED_BIN = parsed("report", "service/missed-bin")
LIGHT = parsed("report", "service/street-light")
LIBRARY = parsed("ask", "answer/libraries")
PASSPORT = parsed("ask", "answer/passport")
WORDS = {
    "bin": MISSED_BIN,
    "lamp": LIGHT,
    "library": LIBRARY,
    "passport": PASSPORT,
    "gas": {**parsed("danger"), "danger": 0.99},
    "tile": {**parsed("danger"), "danger": 0.8},
    "slope": {**parsed("danger"), "danger": 0.95},
    "hi": parsed("greet"),
    "thanks": parsed("thanks"),
}


def taken(
    text: str, whole: Parsed = UNSURE, in_report: bool = False, alarmed: bool = False
) -> Parsed:
    """`text` untangled, where the first known word of a piece decides what it means."""

    async def parse(piece: str) -> Parsed:
        spoken = piece.lower().replace("?", " ").replace(",", " ").split()
        return next((dict(WORDS[word]) for word in spoken if word in WORDS), dict(UNSURE))

    return asyncio.run(untangle(text, whole, parse, in_report, alarmed))


def wants(found: Parsed) -> list[tuple[str, str | None]]:
    return [(p["intent"]["name"], p["topic"]) for p in [found, *found.get("also", ())]]


def test_a_report_leads_and_the_question_goes_beside_it() -> None:
    found = taken("hi, my bin was not emptied and when is the library open?")
    assert wants(found) == [("report", "service/missed-bin"), ("ask", "answer/libraries")]
    assert found["part"]["text"] == "my bin was not emptied"
    assert found["also"][0]["text"] == "when is the library open?"
    assert found["greets"]


def test_the_report_leads_also_when_it_comes_last() -> None:
    found = taken("When is the library open? The lamp here is dark.")
    assert wants(found) == [("report", "service/street-light"), ("ask", "answer/libraries")]


def test_two_questions_stay_in_their_order() -> None:
    found = taken("when is the library open and what does a passport cost")
    assert wants(found) == [("ask", "answer/libraries"), ("ask", "answer/passport")]


def test_two_problems_are_two_reports() -> None:
    found = taken("my bin was not emptied. The lamp here is dark too.")
    assert wants(found) == [("report", "service/missed-bin"), ("report", "service/street-light")]


@pytest.mark.parametrize(
    "text",
    [
        "my bin was not emptied",
        "my bin was not emptied, and it is full, and it stinks",
        "my bin was not emptied and the bin is full",
        "when is the library open? is the library open on Sunday?",
        "the library and the passport",  # no questions
        "hi, thanks, when is the library open?",
        "I went to the library. Then I came home, and my neighbour said hello.",
        "...", "a, b, c, d, e, f, g, h", "",
    ],
)  # fmt: skip
def test_one_wish_stays_as_it_was_understood(text: str) -> None:
    assert taken(text, PASSPORT) == PASSPORT


def test_a_part_that_is_not_sure_takes_nothing_apart() -> None:
    assert taken("my bin was not emptied and when is that thing?", MISSED_BIN) == MISSED_BIN


def test_danger_in_a_part_is_danger() -> None:
    text = "when is the library open? by the way I smell gas here"
    whole = {**UNSURE, "danger": 0.2}
    assert taken(text, whole)["intent"]["name"] == "danger"
    assert taken(text, UNSURE, alarmed=True)["intent"]["name"] == "danger"


def test_danger_in_a_part_of_a_whole_that_sounds_harmless_is_possible() -> None:
    whole = {**LIBRARY, "danger": 0.02}
    found = taken("when is the library open? I went down the slope", whole)
    assert found == {**LIBRARY, "danger": 0.95}
    assert possible(found, pattern=False)


def test_a_piece_that_only_sounds_like_danger_is_none_unless_a_pattern_agrees() -> None:
    text = "when is the library open? I fell over the tile"
    assert taken(text, LIBRARY) == LIBRARY

    assert taken(text, {**LIBRARY, "danger": 0.2}, alarmed=True)["intent"]["name"] == "danger"
    assert taken(text, {**LIBRARY, "danger": 0.2}) == {**LIBRARY, "danger": 0.2}


def test_inside_a_report_the_whole_stays_and_rest_and_question_travel_beside_it() -> None:
    found = taken("Oosterstraat 12 of course, when is the library open?", LIBRARY, in_report=True)
    assert found["intent"] == LIBRARY["intent"]
    assert found["rest"]["text"] == "Oosterstraat 12 of course"
    assert wants({**LIBRARY, "also": found["also"]})[1] == ("ask", "answer/libraries")
    assert taken("when is the library open?", LIBRARY, in_report=True) == LIBRARY
    assert taken("it is the lamp, in Oosterstraat", LIGHT, in_report=True) == LIGHT


@pytest.mark.parametrize(
    ("text", "language", "count"),
    [
        ("my bin was full and the lamp is out", "en", 2),
        ("de bak is vol en de lamp is stuk", "nl", 2),
        ("die Tonne ist voll und die Lampe ist aus", "de", 2),
        ("spanden er fuld og lampen er slukket", "da", 2),
        ("there is a hole at nr. 12 in our street", "en", 1),
        ("since 3.5 weeks the lamp is out", "en", 1),
        ("x" * 4000, "en", 1),
        ("a b. " * 500, "en", 6),
    ],
)
def test_a_text_is_cut_where_another_thought_may_begin(
    text: str, language: str, count: int
) -> None:
    found = pieces(text, language)
    assert len(found) == count
    for piece in found:
        assert piece.text.strip() == piece.text
        assert text[piece.start : piece.end].startswith(piece.text[:10])


@settings(max_examples=200, deadline=None)
@given(
    text=st.lists(
        st.sampled_from(
            [*WORDS, "when", "is", "?", ".", ",", "and", "the", "Müll", "\n", "/x", "12"]
        ),
        max_size=25,
    ).map(" ".join)
)
def test_whatever_is_taken_apart_has_at_least_two_different_wishes(text: str) -> None:
    found = taken(text, PASSPORT)
    whole = {key: value for key, value in found.items() if key != "danger"}
    if whole != PASSPORT and found["intent"]["name"] != "danger":
        assert len(set(wants(found))) == len(wants(found)) >= 2
    inside = taken(text, PASSPORT, in_report=True)
    assert inside["intent"]["name"] in ("ask", "danger")


# With the trained model.

SEVERAL = {
    "en": [
        ("hi, my bin was not emptied and when is the library open?", "missed-bin", "library"),
        ("There is a hole in the road. How do I apply for a passport?", "pothole", "passport"),
    ],
    "nl": [
        ("hallo, mijn container is niet geleegd en wanneer is de bibliotheek open?", "missed-bin", "bibliotheek"),
        ("Er zit een gat in de weg. Hoe vraag ik een paspoort aan?", "pothole", "paspoort"),
    ],
    "de": [
        ("Hallo, meine Mülltonne wurde nicht geleert und wann hat die Bibliothek geöffnet?", "missed-bin", "Biblioth"),
        ("Da ist ein Schlagloch in der Straße. Wie beantrage ich einen Reisepass?", "pothole", "Pass"),
    ],
    "da": [
        ("hej, min skraldespand er ikke blevet tømt, og hvornår har biblioteket åbent?", "missed-bin", "bibliotek"),
        ("Der er et hul i vejen. Hvordan får jeg et nyt pas?", "pothole", "pas"),
    ],
}  # fmt: skip


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(
    ("language", "text", "service", "word"),
    [(lang, *row) for lang, rows in SEVERAL.items() for row in rows],
)
async def test_a_report_with_a_question_gets_the_answer_and_goes_on(
    road: Road, language: str, text: str, service: str, word: str
) -> None:
    citizen = await Citizen.arrive(road, language)
    heard = await citizen.say(text)
    assert word.lower() in heard.lower(), heard
    name = CATALOGUE.get(service)
    assert name is not None
    assert heard.rstrip().split("\n\n")[-1].startswith(name.name(language)), heard
    again = await citizen.say("Zonnelaan 40")
    assert "Zonnelaan 40" in again or citizen.choices, again


TWO_QUESTIONS = {
    "en": ("How do I get a parking permit and how do I get a passport?", "permit", "passport"),
    "nl": ("Wanneer is de bibliotheek open en hoe vraag ik een paspoort aan?", "bibliotheek", "paspoort"),
    "de": ("Wann hat die Bibliothek geöffnet und wie beantrage ich einen Reisepass?", "Biblioth", "pass"),
    "da": ("Hvornår har biblioteket åbent, og hvordan bestiller jeg et nyt pas?", "bibliotek", "om pas"),
}  # fmt: skip


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("language", TWO_QUESTIONS)
async def test_two_questions_are_both_answered(road: Road, language: str) -> None:
    text, one, other = TWO_QUESTIONS[language]
    citizen = await Citizen.arrive(road, language)
    heard = (await citizen.say(text)).lower()
    assert one.lower() in heard, heard
    assert other.lower() in heard, heard


TWO_REPORTS = {
    "en": "The street light at Zonnelaan 40 is broken. There is also graffiti on the tunnel wall.",
    "nl": "De lantaarnpaal bij Zonnelaan 40 is kapot. Er staat ook graffiti op de muur van de tunnel.",
    "de": "Die Straßenlaterne in der Zonnelaan 40 ist kaputt. Im Tunnel ist die Wand voller Graffiti.",
    "da": "Gadelampen ved Zonnelaan 40 er i stykker. Der er også graffiti på tunnelvæggen.",
}


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("language", TWO_REPORTS)
async def test_of_two_reports_the_second_waits(road: Road, language: str) -> None:
    await clear_the_streets(road)
    citizen = await Citizen.arrive(road, language)
    heard = await citizen.say(TWO_REPORTS[language])
    assert road.phrasebook.text("utter_one_at_a_time", language) in heard
    light = CATALOGUE.get("street-light")
    assert light is not None
    await citizen.choose(light.questions[0].options[0].labels[language])
    sent = await citizen.choose(
        road.phrasebook.phrase("utter_summary", language)["buttons"][0]["title"]
    )
    graffiti = CATALOGUE.get("graffiti")
    assert graffiti is not None
    assert graffiti.name(language) in sent, sent
    assert citizen.choices


INSIDE = {
    "en": ("my bin was not emptied", "Hamburgerstraat 5, and when is the library open?", "library"),
    "nl": ("mijn container is niet geleegd", "Hamburgerstraat 5, en wanneer is de bibliotheek open?", "bibliotheek"),
    "de": ("Meine Mülltonne wurde nicht geleert", "Hamburgerstraat 5, und wann hat die Bibliothek geöffnet?", "Biblioth"),
    "da": ("min spand er ikke blevet tømt", "Hamburgerstraat 5, og hvornår har biblioteket åbent?", "bibliotek"),
}  # fmt: skip


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("language", INSIDE)
async def test_inside_a_report_an_answer_and_a_question_in_one_message_are_both_taken(
    road: Road, language: str
) -> None:
    opening, both, word = INSIDE[language]
    citizen = await Citizen.arrive(road, language)
    await citizen.say(opening)
    heard = await citizen.say(both)
    assert word.lower() in heard.lower(), heard
    question: Any = CATALOGUE.get("missed-bin")
    assert question.questions[0].ask[language] in heard, heard
