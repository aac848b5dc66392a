"""Whole conversations on Telegram and by SMS, over HTTP, with the trained model, in every language.

The simulated providers and the road's own web server run on loopback ports; a citizen acts through
the page of a simulator, and the test reads what arrived on the simulated phone. Telegram is tried
by polling and by webhook. Every line that arrives is checked for what no citizen should ever see.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from bot.bell import DELIVERIES
from bot.civic.tickets import State
from connectors.sms.parse import SMS
from tests.channels.phones import (
    BOT,
    LANGUAGES,
    PLACE,
    REFERENCE,
    WORDINGS,
    City,
    SmsPhone,
    TelegramPhone,
    by_poll_and_hook,
    by_poll_or_hook,
    in_every_language,
    in_module,
    opened,
    plain,
    until,
)
from tests.talking import clear_the_streets


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def polled(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    async with opened("polling", tmp_path_factory.mktemp("polled")) as city:
        yield city


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hooked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    async with opened("webhook", tmp_path_factory.mktemp("hooked")) as city:
        yield city


@pytest.fixture
def city(request: pytest.FixtureRequest) -> City:
    """The city of the test's parameter."""
    made: City = request.getfixturevalue(request.param)
    return made


# Telegram ----------------------------------------------------------------------------------------


@in_module
@by_poll_and_hook
@in_every_language
async def test_telegram_report(city: City, language: str) -> None:
    words, phone = WORDINGS[language], TelegramPhone(city, language)
    await clear_the_streets(city.road)

    heard = await phone.say("/start")
    assert city.phrase("utter_disclosure", language) in heard
    assert city.phrase("utter_greet", language) in heard
    heard = await phone.press(phone.button(city.label("utter_greet", language)))
    assert heard == city.phrase("utter_ask_service", language)

    heard = await phone.press(phone.button(city.service(language)))
    ask_place = city.phrase("utter_ask_place", language, service=city.service(language))
    assert heard == ask_place
    assert phone.wants_position

    heard = await phone.photo()
    assert heard.startswith(city.phrase("utter_photo_added", language))
    assert heard.endswith(ask_place), "the open question is asked again"
    heard = await phone.say(words.question)
    assert words.answer in heard
    assert heard.endswith(ask_place)
    assert phone.wants_position

    heard = await phone.share()
    one_lamp = phone.button(words.one_lamp)
    heard = await phone.press(one_lamp)
    assert PLACE in heard
    assert words.one_lamp in heard
    send = phone.button(city.label("utter_summary", language))

    heard = await phone.press(one_lamp)
    assert city.phrase("utter_stale_choice", language) in heard
    assert PLACE in heard, "the open question is asked again"
    send = phone.button(city.label("utter_summary", language))
    heard = await phone.press(send)
    [reference] = REFERENCE.findall(heard)
    assert not phone.chat.keyboard, "a position is not asked for any more"
    heard = await phone.press(send)
    assert heard.startswith(city.phrase("utter_stale_choice", language))
    assert not REFERENCE.search(heard)
    [ticket] = await city.tickets(phone.address)
    assert (ticket.reference, ticket.service, ticket.place, ticket.language) == (
        reference,
        "street-light",
        PLACE,
        language,
    )
    heard = await phone.say(words.status)
    assert reference in heard
    assert city.phrase("utter_state_received", language) in heard


@in_module
@by_poll_or_hook
async def test_telegram_commands(city: City, language: str) -> None:
    phone = TelegramPhone(city, language)
    heard = await phone.say("/start from-the-website")
    assert city.phrase("utter_disclosure", language) in heard
    assert city.phrase("utter_greet", language) in heard
    assert await phone.say("/help") == city.phrase("utter_help", language)
    assert phone.button(city.label("utter_help", language))
    heard = await phone.say("/privacy")
    assert city.phrase("utter_privacy", language) in heard
    links = [e for one in phone.last for e in one["entities"] if e.get("url")]
    assert [e["url"] for e in links] == [f"{city.road.settings.public_url}/privacy"]
    assert await phone.say("/status") == city.phrase("utter_ask_reference", language)
    assert await phone.say("/report") == city.phrase("utter_ask_service", language)
    assert phone.button(city.service(language))
    assert await phone.say("/stop") == city.phrase("utter_cancelled", language)
    assert await phone.say("/language") == city.phrase("utter_choose_language", language)
    other = "nl" if language != "nl" else "en"
    name = {"nl": "Nederlands", "en": "English"}[other]
    assert await phone.press(phone.button(name)) == city.phrase("utter_language_changed", other)
    assert await phone.say("/help") == city.phrase("utter_help", other)
    assert await city.tickets(phone.address) == []
    described = {command["command"] for command in city.world.commands[language]}
    assert described == {"help", "report", "status", "language", "privacy", "stop"}


@in_module
@by_poll_or_hook
async def test_telegram_edits(city: City, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its turn an edit replaces the words, afterwards it corrects; one ticket in all."""
    words, phone = WORDINGS[language], TelegramPhone(city, language)
    await clear_the_streets(city.road)
    gate, answer, asked = asyncio.Event(), city.road.brain.answer, []

    async def patient(turn: Any) -> Any:
        asked.append(turn.text)
        await gate.wait()
        return await answer(turn)

    monkeypatch.setattr(city.road.brain, "answer", patient)

    async def hasty() -> None:
        await phone.do(text=words.hello)
        await until(lambda: asked)
        await phone.do(text=words.broken.format(12))
        await phone.do(edit={"id": phone.newest, "text": words.broken.format(14)})
        await until(lambda: not city.world.pending)
        gate.set()

    heard = await phone.heard(hasty())
    number = phone.newest
    assert asked == [words.hello, words.broken.format(14)]
    assert "Oosterstraat 14" in heard
    assert "Oosterstraat 12" not in heard

    heard = await phone.edit(number, words.broken.format(16))
    assert "Oosterstraat 16" in heard
    assert "Oosterstraat 14" not in heard
    send = phone.button(city.label("utter_summary", language))
    assert REFERENCE.search(await phone.press(send))

    heard = await phone.edit(number, words.broken.format(18))
    [ticket] = await city.tickets(phone.address)
    assert ticket.place == "Oosterstraat 16"
    assert ticket.reference in heard
    assert city.phrase("utter_person", language) in heard
    assert "Oosterstraat 18" not in heard, "no second report is begun"
    row = await city.road.journal.conversation(await city.conversation(phone.address))
    assert row is not None
    assert row["flag_reason"] == "correction"

    heard = await phone.say(words.broken.format(20))
    assert "Oosterstraat 20" in heard, "a message of its own is a report of its own"


@in_module
@by_poll_or_hook
async def test_telegram_group(city: City, language: str) -> None:
    words, phone = WORDINGS[language], TelegramPhone(city, language, group=True)
    private = city.phrase("utter_group_private", language)
    assert await phone.say(words.question) == "", "not addressed"
    assert await phone.share() == ""
    heard = await phone.say(f"{BOT} {words.question}")
    assert words.answer in heard
    assert private in await phone.say(f"{BOT} {words.broken.format(12)}")
    assert private in await phone.say(f"/report{BOT}")
    assert private in await phone.say(f"/status{BOT}")
    assert city.phrase("utter_greet", language) in await phone.say(f"/start{BOT}")
    report = phone.button(city.label("utter_greet", language))
    assert private in await phone.press(report)
    assert private in await phone.say(f"{BOT}, {words.status}")
    assert await phone.say("/report@another_bot") == ""
    assert await city.tickets(phone.address) == []
    assert not phone.chat.keyboard

    own = TelegramPhone(city, language)
    await clear_the_streets(city.road)
    heard = await own.photo(caption=words.broken.format(12))
    assert "Oosterstraat 12" in heard, "the private chat is another conversation"


@in_module
async def test_telegram_down_for_an_hour(hooked: City) -> None:
    """Replies wait, go out in order afterwards, and none comes twice."""
    phones = {language: TelegramPhone(hooked, language) for language in LANGUAGES}
    for language, phone in phones.items():
        await phone.say(WORDINGS[language].hello)
    before = len(hooked.world.sent)
    hooked.world.faults.change({"down": True, "status": 503})
    try:
        for minute in range(60):
            if minute % 15 == 0:
                for language, phone in phones.items():
                    said = (WORDINGS[language].question, WORDINGS[language].help)
                    await phone.do(text=said[minute // 15 % 2])
                await hooked.arrived()
            knocks = len(hooked.world.calls)
            hooked.clock.shift += timedelta(minutes=1)
            hooked.road.bell.ring(DELIVERIES)
            await until(lambda: len(hooked.world.calls) > knocks)
            await hooked.at_rest()
        assert len(hooked.world.sent) == before
        waiting = [row["state"] for row in await hooked.outbox()]
        assert "refused" not in waiting
        assert "unclear" not in waiting
    finally:
        hooked.world.faults.down = False
    for _ in range(5):
        await asyncio.sleep(0.05)
        await hooked.at_rest()
        hooked.clock.shift += timedelta(minutes=1)
        hooked.road.bell.ring(DELIVERIES)
    await hooked.settled()
    for language, phone in phones.items():
        words = WORDINGS[language]
        sent = [one["text"] for one in hooked.world.sent[before:] if one["chat"] == phone.chat.id]
        help_text = hooked.phrase("utter_help", language)
        kinds = ["help" if t == help_text else "answer" for t in sent]
        assert kinds == ["answer", "help"] * 2, sent
        assert all(words.answer in text for text in sent[::2])


# SMS ---------------------------------------------------------------------------------------------


@in_module
@in_every_language
async def test_sms_report(polled: City, language: str) -> None:
    city, words, phone = polled, WORDINGS[language], SmsPhone(polled)
    await clear_the_streets(city.road)

    heard = await phone.say(words.hello)
    assert f"{city.road.settings.public_url}/privacy" in heard
    assert f"1 {city.label('utter_greet', language)}" in heard
    heard = await phone.say("1")
    assert f"1 {city.service(language)}" in heard
    heard = await phone.say("1.")
    service = city.service(language)
    ask_place = plain(city.phrase("utter_ask_place_in_words", language, service=service))
    assert plain(heard) == ask_place, "a text cannot carry a position"
    heard = await phone.say(words.question)
    assert words.answer in heard
    assert plain(heard).endswith(ask_place)
    heard = await phone.say("Oosterstraat 12")
    assert f"1 {words.one_lamp}" in heard
    heard = await phone.say(words.two)
    assert "Oosterstraat 12" in heard
    assert words.one_lamp not in heard
    assert f"1 {city.label('utter_summary', language)}" in heard
    heard = await phone.say(city.label("utter_summary", language).upper())
    [reference] = REFERENCE.findall(heard)
    [ticket] = await city.tickets(phone.address)
    assert (ticket.reference, ticket.place, ticket.language) == (
        reference,
        "Oosterstraat 12",
        language,
    )
    heard = await phone.say(words.status)
    assert reference in heard
    assert plain(city.phrase("utter_state_received", language)) in plain(heard)

    heard = await phone.say(words.help)
    told = [heard]
    while words.more in told[-1]:
        told.append(await phone.say(words.more))
    help_reply = city.road.phrasebook.reply("utter_help", language)
    assert len(told) == len(city.road.connectors[SMS].render(help_reply, language))
    whole = plain("\n".join(told))
    for line in city.phrase("utter_help", language).splitlines():
        assert plain(line.strip("• ")) in whole, line
    assert f"3 {city.label('utter_help', language, 2)}" in "\n".join(told)
    heard = await phone.say("1")
    assert f"1 {city.service(language)}" in heard, "choices that came with MORE can be picked"

    heard = await phone.say(words.stop)
    assert plain(heard) == plain(city.phrase("utter_opted_out", language))
    count = len(phone.received())
    assert await city.move(reference, State.IN_PROGRESS)
    await city.settled()
    assert len(phone.received()) == count, "nothing reaches a number that said stop"
    row = (await city.outbox())[-1]
    assert (row["state"], row["code"]) == ("refused", "opted_out")
    heard = await phone.say(words.start)
    assert plain(heard) == plain(city.phrase("utter_opted_in", language))
    assert await city.move(reference, State.FIXED)
    await city.settled()
    news = phone.received()[count + 1 :]
    assert len(news) == 1
    assert reference in news[0]
    assert plain(city.phrase("utter_state_fixed", language)) in plain(news[0])
    assert len(await city.tickets(phone.address)) == 1
