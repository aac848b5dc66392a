"""Rating the help on the web, on Telegram and by SMS, with the trained model, in every language.

The providers are simulated on loopback, see `phones`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from bot.handover.desk import Agent
from bot.messages import ConversationId
from bot.store import schema
from tests.channels.phones import (
    WORDINGS,
    City,
    SmsPhone,
    TelegramPhone,
    in_every_language,
    in_module,
    opened,
    plain,
)
from tests.talking import Citizen, clear_the_streets

THANKS = {"en": "thank you", "nl": "bedankt", "de": "danke schön", "da": "mange tak"}
COMMENT = {
    "en": "the answer was far too long for me",
    "nl": "het antwoord was veel te lang voor mij",
    "de": "die Antwort war mir viel zu lang",
    "da": "svaret var alt for langt",
}
ANN = Agent("ann", "Ann")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    async with opened("polling", tmp_path_factory.mktemp("rated")) as made:
        yield made


async def rating(city: City, conversation: str) -> dict[str, Any]:
    """The only rating of a conversation, with the words of its comment."""
    table, inbox = schema.ratings, schema.inbox
    query = (
        sa.select(table, inbox.c.body)
        .outerjoin(inbox, inbox.c.id == table.c.comment_inbox_id)
        .where(table.c.conversation_id == conversation)
    )
    (row,) = await city.road.database.read(lambda c: c.execute(query).all())
    return {**row._mapping, "comment": (row.body or {}).get("text", "")}


@in_module
@in_every_language
async def test_telegram_buttons_rate_and_the_reason_is_kept(city: City, language: str) -> None:
    words, phone = WORDINGS[language], TelegramPhone(city, language)
    await phone.say("/start")
    await phone.say(words.question)
    heard = await phone.say(THANKS[language])
    assert heard == city.phrase("utter_rating_thanks", language)
    no = phone.button(city.label("utter_rating_thanks", language, 1))
    assert await phone.press(no) == city.phrase("utter_rating_no", language)
    assert phone.button(city.label("utter_rating_no", language))
    heard = await phone.say(COMMENT[language])
    assert heard == city.phrase("utter_rating_comment", language)
    heard = await phone.press(phone.button(city.label("utter_rating_comment", language, 1)))
    assert heard == city.phrase("utter_rating_skipped", language)
    kept = await rating(city, await city.conversation(phone.address))
    assert (kept["about"], kept["helped"], kept["comment"]) == ("answer", False, COMMENT[language])
    heard = await phone.press(no)
    assert heard.startswith(city.phrase("utter_stale_choice", language))
    await phone.say(words.question)
    again = city.phrase("utter_rating_thanks", language)
    assert await phone.say(THANKS[language]) != again, "nobody is asked twice"


@in_module
@in_every_language
async def test_sms_numbers_and_words_rate(city: City, language: str) -> None:
    words = WORDINGS[language]
    by_number, by_word = SmsPhone(city), SmsPhone(city)
    for phone, yes in ((by_number, "1"), (by_word, city.label("utter_rating_thanks", language))):
        await phone.say(words.hello)
        await phone.say(words.question)
        heard = await phone.say(THANKS[language])
        assert plain(city.phrase("utter_rating_thanks", language)) in plain(heard)
        assert f"1 {city.label('utter_rating_thanks', language)}" in heard
        assert f"2 {city.label('utter_rating_thanks', language, 1)}" in heard
        heard = await phone.say(yes)
        assert plain(heard) == plain(city.phrase("utter_rating_yes", language))
        assert (await rating(city, await city.conversation(phone.address)))["helped"] is True


@in_module
@in_every_language
async def test_web_asks_after_a_report_and_other_words_stay_a_message(
    city: City, language: str
) -> None:
    await clear_the_streets(city.road)
    words, citizen = WORDINGS[language], await Citizen.arrive(city.road, language)
    await citizen.say(words.broken.format(12))
    heard = await citizen.choose(city.label("utter_summary", language))
    assert "LW-" in heard
    assert heard.endswith(city.phrase("utter_rating_report", language))
    assert citizen.choices == [city.label("utter_rating_report", language, n) for n in (0, 1)]
    heard = await citizen.say(words.question)
    assert words.answer in heard, "a question instead of a rating is answered"
    kept = await rating(city, citizen.conversation)
    assert (kept["about"], kept["helped"]) == ("report", None)


@in_module
async def test_web_comment_is_answered_when_that_is_wanted(city: City) -> None:
    citizen = await Citizen.arrive(city.road, "en")
    await citizen.say(WORDINGS["en"].question)
    await citizen.say(THANKS["en"])
    await citizen.say("no")
    heard = await citizen.say("I wanted to know when the library is open")
    assert heard == city.phrase("utter_rating_comment", "en")
    heard = await citizen.choose(city.label("utter_rating_comment", "en"))
    assert "library" in heard


@in_module
@in_every_language
async def test_closing_a_talk_asks_on_the_citizens_channel(city: City, language: str) -> None:
    desk = city.road.desk
    phone = TelegramPhone(city, language)
    await phone.say("/start")
    conversation = ConversationId(await city.conversation(phone.address))

    async def talk() -> None:
        handover = await desk.handovers.take(conversation, ANN.account)
        await desk.claim(handover, ANN)
        await desk.close(handover, ANN, None)

    heard = await phone.heard(talk())
    assert heard.endswith(city.phrase("utter_rating_person", language))
    heard = await phone.press(phone.button(city.label("utter_rating_person", language)))
    assert heard == city.phrase("utter_rating_yes", language)
    kept = await rating(city, conversation)
    assert (kept["about"], kept["helped"]) == ("person", True)
