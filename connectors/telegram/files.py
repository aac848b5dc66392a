"""Fetching a citizen's file from Telegram by its reference, with a limit on its size."""

from __future__ import annotations

import httpx
from telegram import Bot
from telegram.error import BadRequest, Forbidden, TelegramError

from bot.channel import FileUnavailable

MAX_FILE = 20 * 1024 * 1024
"""What the Bot API hands out at most: https://core.telegram.org/bots/api#getfile"""


async def fetch(bot: Bot, reference: str, limit: int, timeout: float) -> bytes:
    """The file's bytes, at most `limit` of them. Raises FileUnavailable."""
    try:
        file = await bot.get_file(reference)
    except (BadRequest, Forbidden) as error:
        too_big = "too big" in error.message.lower()
        raise FileUnavailable("too_large" if too_big else "gone") from None
    except TelegramError as error:
        raise FileUnavailable(type(error).__name__, again=True) from None
    if file.file_size is not None and file.file_size > limit:
        raise FileUnavailable("too_large")
    address = file.file_path or ""
    if not address.startswith(("http://", "https://")):
        raise FileUnavailable("gone")
    return await _download(address, limit, timeout)


async def _download(address: str, limit: int, timeout: float) -> bytes:
    """Read until the end or the limit; what was announced as the size is not believed."""
    content = bytearray()
    try:
        async with httpx.AsyncClient(timeout=timeout) as client:
            async with client.stream("GET", address) as answer:
                if answer.status_code != 200:
                    again = answer.status_code >= 500 or answer.status_code == 429
                    raise FileUnavailable(f"status {answer.status_code}", again)
                async for chunk in answer.aiter_bytes():
                    content += chunk
                    if len(content) > limit:
                        raise FileUnavailable("too_large")
    except httpx.HTTPError as error:
        raise FileUnavailable(type(error).__name__, again=True) from None
    return bytes(content)
