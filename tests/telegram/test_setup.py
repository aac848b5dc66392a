"""The commands that tell Telegram where the webhook is."""

from __future__ import annotations

import pytest

from bot.channel import ChannelRefused
from connectors.telegram import setup
from connectors.telegram.simulator import TOKEN
from connectors.telegram.words import CHOOSE, COMMANDS, SHARE_PLACE
from tests.telegram.conftest import SECRET, Telegram

UNKNOWN = "4242424242:another-one-that-is-not-known"


async def test_a_webhook_is_set_shown_and_deleted(telegram: Telegram) -> None:
    line = await setup.set_webhook(
        TOKEN, SECRET, "https://city.example/", telegram.url, ("nl", "en")
    )
    assert "https://city.example/telegram/webhook" in line
    assert telegram.world.webhook["secret"] == SECRET
    assert telegram.world.commands[""] == telegram.world.commands["nl"]
    shown = await setup.status(TOKEN, telegram.url)
    assert "@likewise_demo_bot" in shown
    assert "https://city.example/telegram/webhook" in shown
    assert "posts nowhere" in await setup.delete_webhook(TOKEN, telegram.url)
    assert telegram.world.webhook["url"] == ""
    assert "none: messages are fetched by polling" in await setup.status(TOKEN, telegram.url)


async def test_trouble_with_the_webhook_is_shown(telegram: Telegram) -> None:
    telegram.world.webhook |= {"url": "https://x.example", "error": "503", "error_at": 1767348000}
    assert "trouble   503 (2026-01-02 10:00 UTC)" in await setup.status(TOKEN, telegram.url)


@pytest.mark.parametrize("public_url", ["", "http://city.example", "city.example"])
async def test_telegram_itself_wants_a_public_https_address(public_url: str) -> None:
    with pytest.raises(ChannelRefused, match="LIKEWISE_PUBLIC_URL"):
        await setup.set_webhook(TOKEN, SECRET, public_url)


async def test_a_command_says_in_a_sentence_what_went_wrong(telegram: Telegram) -> None:
    with pytest.raises(ChannelRefused, match="does not know the token"):
        await setup.status(UNKNOWN, telegram.url)
    with pytest.raises(ChannelRefused, match="LIKEWISE_TELEGRAM_TOKEN"):
        await setup.status("", telegram.url)
    with pytest.raises(ChannelRefused, match="LIKEWISE_TELEGRAM_SECRET"):
        await setup.set_webhook(TOKEN, "", "https://city.example", telegram.url)
    with pytest.raises(ChannelRefused, match="did not do it"):
        await setup.status(TOKEN, "http://127.0.0.1:9")


def test_commands_have_the_same_names_in_every_language_and_fit() -> None:
    names = [list(words) for words in COMMANDS.values()]
    assert all(one == names[0] for one in names)
    assert all(3 <= len(text) <= 256 for words in COMMANDS.values() for text in words.values())
    assert set(COMMANDS) == set(SHARE_PLACE) == set(CHOOSE) == {"en", "nl", "de", "da"}
