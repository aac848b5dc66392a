"""Short questions without a topic of their own lean on the answer before, and only those."""

from __future__ import annotations

import pytest

from bot.assembly import Road
from bot.civic.followups import is_follow_up
from tests.talking import Citizen


@pytest.mark.parametrize(
    "text",
    [
        "what does that cost?", "and where?", "how long does it take", "what do I need to bring?",
        "when?", "how much is it", "wat kost dat?", "en waar?", "hoe lang duurt het", "en wat moet ik meenemen",
        "was kostet das?", "und wo?", "wie lange dauert das", "was muss ich mitbringen?",
        "hvad koster det?", "og hvor?", "hvor lang tid tager det", "hvad skal jeg medbringe?",
        "what do you need?", "where are you?", "was ist das?", "hvad er det?", "hvad skal du bruge?",
    ],
)  # fmt: skip
def test_a_question_without_a_topic_leans_on_the_one_before(text: str) -> None:
    assert is_follow_up(text)


@pytest.mark.parametrize(
    "text",
    [
        "what does a passport cost?", "where is the library?", "hoe lang duurt een vergunning", "yes", "",
        "was kostet ein Parkausweis?", "hvad koster et pas?", "thank you", "it is", "that one please",
        "when is my bin collected?", "where do I live", "who are you?", "how are you?", "what do you do?",
        "wat kan je?", "was tun Sie?", "hvad kan du?", "hvem er du?", "og hvad gør du?", "what what what what what what what what what",
    ],
)  # fmt: skip
def test_a_message_with_a_topic_of_its_own_does_not(text: str) -> None:
    assert not is_follow_up(text)


CONVERSATIONS = {
    "en": ("how do I get a passport?", "and what does that cost?", "passport"),
    "nl": ("hoe vraag ik een paspoort aan?", "en wat kost dat?", "paspoort"),
    "de": ("Wie beantrage ich einen Reisepass?", "und was kostet das?", "Pass"),
    "da": ("hvordan får jeg et nyt pas?", "og hvad koster det?", "pas"),
}


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("language", CONVERSATIONS)
async def test_what_does_that_cost_is_about_the_answer_before(road: Road, language: str) -> None:
    question, leaning, word = CONVERSATIONS[language]
    citizen = await Citizen.arrive(road, language)
    first = await citizen.say(question)
    assert word.lower() in first.lower()
    heard = await citizen.say(leaning)
    honest = road.phrasebook.text("utter_followup", language, topic="|").partition("|")[0]
    assert heard.startswith(honest), heard
    assert word.lower() in heard.lower()
    other = await Citizen.arrive(road, language)
    alone = await other.say(leaning)
    assert honest not in alone
