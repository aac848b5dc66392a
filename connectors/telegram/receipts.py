"""What a failed Bot API call means for the message that it carried: the table of errors.

Refused and Moved are Telegram's own words. Later is said only where Telegram surely has nothing: it
told us to wait, or the request never left. Everything else is Unclear. A 502 or 504 is Unclear
too: a gateway cannot know whether the server behind it had taken the message, and users report
doubled messages after 502 and a second try
(https://github.com/scraton/node-red-contrib-telegrambot-home/issues/14).
"""

from __future__ import annotations

from datetime import timedelta

import httpx
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
)

from bot.messages import Address, Later, Moved, Receipt, Refused, Unclear
from connectors.telegram.line import ServerTrouble

MAX_WAIT = 60.0
NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""Failures before a byte of the request was written."""
UNREACHABLE = (
    "chat not found", "user not found", "peer_id_invalid", "chat_write_forbidden",
    "have no rights", "not enough rights", "need administrator rights", "topic_closed",
    "group chat was deactivated",
)  # fmt: skip
"""Parts of what Telegram says when nothing reaches this chat."""
NO_PICTURE = (
    "http url content", "http url specified", "wrong file identifier", "wrong type of the web",
    "webpage_media_empty", "webpage_curl_failed", "photo_invalid", "image_process_failed",
)  # fmt: skip
"""Parts of what Telegram says when it cannot fetch or read a picture by its address."""


def receipt_of(error: TelegramError, failures: int = 0) -> Receipt:
    """What became of the message. `failures` in a row make the waits longer."""
    words = error.message.lower()
    wait = backoff(failures)
    if isinstance(error, RetryAfter):
        return Later(seconds(error.retry_after), "throttled")
    if isinstance(error, ChatMigrated):
        return Moved(Address(str(error.new_chat_id)))
    if isinstance(error, Forbidden):
        return Refused("blocked", error.message)
    if isinstance(error, InvalidToken):
        return Later(MAX_WAIT, "token")
    if isinstance(error, BadRequest):
        code = "unreachable" if any(part in words for part in UNREACHABLE) else "invalid"
        return Refused(code, error.message)
    if isinstance(error, Conflict):
        return Later(wait, "conflict")
    if isinstance(error, ServerTrouble) and error.status == 503:
        return Later(wait, "unavailable")
    if isinstance(error.__cause__, NEVER_LEFT):
        return Later(wait, "unreachable")
    return Unclear(f"{type(error).__name__}: {error.message}")


def lacks_picture(error: BadRequest) -> bool:
    """True when only the picture was at fault, so that its words can still be sent."""
    return any(part in error.message.lower() for part in NO_PICTURE)


def backoff(failures: int) -> float:
    """Seconds to wait after so many failures in a row."""
    return min(MAX_WAIT, 2.0 ** min(failures, 10))


def seconds(wait: int | timedelta) -> float:
    """Telegram's wait, at least a second."""
    given = wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
    return max(1.0, given)
