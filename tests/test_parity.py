"""Channel parity: every phrase, choice list and answer on web, Telegram and SMS, in every language.

No raw payload is shown, no choice is out of reach, no picture loses its words, and every message is
within its channel's limits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot import assembly, topics
from bot.brain.nlg import phrasebook
from bot.channel import Connector
from bot.choices import by_text
from bot.messages import ChannelName, Picture, Reply
from bot.phrases import fill
from bot.profile import Profile
from bot.settings import ROOT, load
from bot.turns import numbered
from connectors.sms.simulator.network import ACCOUNT_SID, AUTH_TOKEN, CITY_NUMBER
from connectors.telegram.simulator.server import TOKEN

SETTINGS = load(
    telegram_token=TOKEN,
    twilio_account_sid=ACCOUNT_SID,
    twilio_auth_token=AUTH_TOKEN,
    twilio_from=CITY_NUMBER,
    public_url="https://assistant.city.example",
)
CONNECTORS = assembly.renderers(SETTINGS)
BOOK = phrasebook(SETTINGS)
LANGUAGES = SETTINGS.languages
RAW = re.compile(r"/\w+\{|\{\w+\}")
NAMES = re.compile(r"\{([a-z][a-z0-9_]*)\}")
SAMPLE = dict.fromkeys(
    set(NAMES.findall(repr(BOOK.books))) - {*BOOK.values[LANGUAGES[0]], "language"}, "x"
)
"""A value for every name that any phrase wants filled in."""


def replies(language: str) -> Iterator[tuple[str, Reply]]:
    """Every phrase, every answer, and a picture."""
    for key in BOOK.books[language]:
        yield key, BOOK.reply(key, language, **SAMPLE)
    values = Profile.load(ROOT / "data").values(language)
    for answer in topics.load_answers(ROOT / "data").values():
        text = fill(answer.texts[language], values)
        yield answer.topic, BOOK.reply("utter_answer_sample", language, answer=text)
    picture = Picture("https://assistant.city.example/map.png", "A map of Paddepoel")
    yield "picture", replace(BOOK.reply("utter_help", language), image=picture)
    yield "picture alone", Reply(image=picture)


@pytest.mark.parametrize("channel", ["web", "telegram", "sms"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reply_arrives_whole(channel: str, language: str) -> None:
    connector = CONNECTORS[ChannelName(channel)]
    for key, reply in replies(language):
        offered = numbered([reply], 7)[0]
        payloads = connector.render(offered, language)
        shown = str(payloads)
        assert payloads, (key, channel)
        assert not RAW.search(shown), (key, channel, RAW.search(shown))
        for choice in offered.choices:
            assert choice.label in shown or channel == "sms", (key, channel, choice.label)
            assert choice.payload not in shown, (key, channel)
            assert by_text(choice.label, offered.choices) == choice, (key, choice.label)
        if reply.image:
            assert "map.png" in shown, (key, channel)
            # A text message carries the link; its words say already what the picture shows.
            assert reply.image.alt in shown or (channel == "sms" and reply.text), (key, channel)
        check_limits(connector, payloads, key)


def check_limits(connector: Connector, payloads: list[dict[str, Any]], key: str) -> None:
    if connector.limits.text:
        for payload in payloads:
            assert len(str(payload.get("text", ""))) <= connector.limits.text * 2, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_sms_shows_every_choice_with_its_number(language: str) -> None:
    connector = CONNECTORS[ChannelName("sms")]
    for key, reply in replies(language):
        offered = numbered([reply], 7)[0]
        text = "\n".join(str(p) for p in connector.render(offered, language))
        for n, _ in enumerate(offered.choices, start=1):
            assert re.search(rf"(^|\D){n}\D", text), (key, n, text)
