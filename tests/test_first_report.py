"""A citizen's first report: from "there is a hole in the road at Vismarkt" to a reference.

The path is measured in what the citizen has to send. The target is four messages at most; one
sentence that tells everything needs two.
"""

from __future__ import annotations

import re

import pytest

from bot.assembly import Road
from tests.talking import Citizen, clear_the_streets

MOST = 4
REFERENCE = re.compile(r"LW-\d{4}-\d{5}")
PATHS = {
    "en": ("there is a hole in the road at Vismarkt", "hi", "there is a hole in the road", "yes"),
    "nl": ("er zit een gat in de weg op de Vismarkt", "hallo", "er zit een gat in de weg", "ja"),
    "de": ("auf dem Vismarkt ist ein Loch in der Straße", "Hallo", "da ist ein Loch in der Straße", "ja"),
    "da": ("der er et hul i vejen på Vismarkt", "hej", "der er et hul i vejen", "ja"),
}  # fmt: skip


async def sent_until_reference(road: Road, language: str, *messages: str) -> int:
    """How many messages it took; fails when there is no reference after the last."""
    await clear_the_streets(road)
    citizen = await Citizen.arrive(road, language)
    heard = ""
    for number, message in enumerate(messages, start=1):
        heard = await citizen.say(message)
        if REFERENCE.search(heard):
            own = road.tickets.of_conversation(citizen.conversation)
            assert len(own) == 1
            assert (own[0].service, own[0].place) == ("pothole", "Vismarkt")
            return number
    raise AssertionError(heard)


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("language", PATHS)
async def test_one_sentence_and_a_yes_are_enough(road: Road, language: str) -> None:
    sentence, _, _, yes = PATHS[language]
    assert await sent_until_reference(road, language, sentence, yes) == 2


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("language", PATHS)
async def test_bit_by_bit_with_a_greeting_takes_four(road: Road, language: str) -> None:
    _, hello, problem, yes = PATHS[language]
    assert await sent_until_reference(road, language, hello, problem, "Vismarkt", yes) <= MOST
