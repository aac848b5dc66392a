"""What is told to Telegram once: where the webhook is, and what the commands mean.

Each function for the command line opens its own bot, does one thing and returns the lines to
print, or raises ChannelRefused with a sentence.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timezone
from urllib.parse import urlsplit

from telegram import Bot, BotCommand
from telegram.error import InvalidToken, TelegramError

from bot.channel import ChannelRefused
from connectors.telegram.line import Patience, TelegramBot
from connectors.telegram.parse import WANTED
from connectors.telegram.words import COMMANDS

PATH = "/telegram/webhook"
PRODUCTION = "https://api.telegram.org"
_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{5,100}")
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
"""https://core.telegram.org/bots/api#setwebhook"""


def check_token(token: str) -> int:
    """The bot's id, which its token begins with. Raises ChannelRefused."""
    if not _TOKEN.fullmatch(token):
        raise ChannelRefused(
            "Telegram is off: LIKEWISE_TELEGRAM_TOKEN is not a bot token. "
            "It looks like 123456:ABC-def; @BotFather on Telegram gives you one."
        )
    return int(token.partition(":")[0])


def check_secret(secret: str) -> None:
    """Raises ChannelRefused when Telegram would not take the secret."""
    if not _SECRET.fullmatch(secret):
        raise ChannelRefused(
            "Telegram is off: a webhook needs LIKEWISE_TELEGRAM_SECRET, "
            "1 to 256 letters, digits, _ or -."
        )


def unknown_token() -> ChannelRefused:
    return ChannelRefused("Telegram is off: it does not know the token in LIKEWISE_TELEGRAM_TOKEN.")


@contextlib.asynccontextmanager
async def _opened(token: str, api_url: str) -> AsyncIterator[Bot]:
    """A bot for one command; what goes wrong becomes a sentence."""
    check_token(token)
    bot = TelegramBot(token, api_url, Patience())
    try:
        yield bot
    except InvalidToken:
        raise unknown_token() from None
    except TelegramError as error:
        raise ChannelRefused(f"Telegram did not do it: {error.message}.") from None
    finally:
        await bot.close_lines()


async def set_webhook(
    token: str,
    secret: str,
    public_url: str,
    api_url: str = PRODUCTION,
    languages: Sequence[str] = ("en",),
) -> str:
    """Let Telegram post its updates to this server, and describe the commands."""
    check_secret(secret)
    parts = urlsplit(public_url)
    if not parts.netloc or (parts.scheme != "https" and api_url == PRODUCTION):
        raise ChannelRefused(
            "LIKEWISE_PUBLIC_URL must be an address that begins with https:// "
            "and that Telegram can reach."
        )
    address = public_url.rstrip("/") + PATH
    async with _opened(token, api_url) as bot:
        await bot.set_webhook(address, secret_token=secret, allowed_updates=list(WANTED))
        await describe_commands(bot, languages)
    return f"Telegram now posts to {address}. Run the server with LIKEWISE_TELEGRAM_MODE=webhook."


async def delete_webhook(token: str, api_url: str = PRODUCTION) -> str:
    """Stop Telegram's posts; what it has not delivered waits for the next webhook or poll."""
    async with _opened(token, api_url) as bot:
        await bot.delete_webhook(drop_pending_updates=False)
    return "Telegram posts nowhere now. Waiting messages are kept for up to a day."


async def status(token: str, api_url: str = PRODUCTION) -> str:
    """What Telegram knows of the bot, a line each."""
    async with _opened(token, api_url) as bot:
        me = await bot.get_me()
        hook = await bot.get_webhook_info()
    lines = [
        f"bot       @{me.username} ({me.id}), {me.first_name}",
        f"webhook   {hook.url or 'none: messages are fetched by polling'}",
        f"waiting   {hook.pending_update_count} updates",
    ]
    if hook.last_error_message:
        when = hook.last_error_date or datetime.fromtimestamp(0, timezone.utc)
        lines.append(f"trouble   {hook.last_error_message} ({when:%Y-%m-%d %H:%M} UTC)")
    return "\n".join(lines)


async def describe_commands(bot: Bot, languages: Sequence[str]) -> None:
    """Register the commands: for each language, and in the first for everyone else."""
    known = [language for language in languages if language in COMMANDS] or ["en"]
    for language in known:
        await bot.set_my_commands(_described(language), language_code=language)
    await bot.set_my_commands(_described(known[0]))


def _described(language: str) -> list[BotCommand]:
    return [BotCommand(name, words) for name, words in COMMANDS[language].items()]
