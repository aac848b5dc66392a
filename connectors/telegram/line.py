"""The line to Telegram: the library's bot with our time-outs, raw updates and kept statuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from telegram import Bot
from telegram.error import NetworkError
from telegram.request import HTTPXRequest

from bot.messages import JsonObject


@dataclass(frozen=True)
class Patience:
    """How long calls may take, in seconds. A send and the knock before it stay below the 60
    seconds that the road gives them."""

    connect: float = 5.0
    write: float = 5.0
    read: float = 20.0
    knock: float = 5.0
    """Read time-out of the small question that tells whether Telegram answers at all."""
    poll: int = 25
    """How long Telegram holds a poll open when there is nothing to tell."""
    pause: float = 1.0
    """The first wait after a failed poll; it doubles up to a minute."""


class ServerTrouble(NetworkError):
    """Telegram answered with a status of 500 or above."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


class Line(HTTPXRequest):
    """The library's own HTTP client, which else drops the status of an answer."""

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        status, body = await super().do_request(*args, **kwargs)
        if status >= 500:
            raise ServerTrouble(status)
        return status, body


class TelegramBot(Bot):
    """The library's bot on two lines: one for polls, which stay open long, and one for the rest."""

    def __init__(self, token: str, api_url: str, patience: Patience) -> None:
        polls, calls = (
            Line(
                connection_pool_size=size,
                connect_timeout=patience.connect,
                write_timeout=patience.write,
                read_timeout=patience.read,
            )
            for size in (1, 16)
        )
        super().__init__(
            token,
            base_url=f"{api_url}/bot",
            base_file_url=f"{api_url}/file/bot",
            request=calls,
            get_updates_request=polls,
        )

    async def raw_updates(self, offset: int, hold: int, wanted: Sequence[str]) -> list[JsonObject]:
        """Updates as JSON: the library gives up a whole batch for one that it cannot read."""
        line = self._request[0]
        found = await self._post(
            "getUpdates",
            {"offset": offset, "timeout": hold, "allowed_updates": list(wanted)},
            read_timeout=(line.read_timeout or 0) + hold,
        )
        return [one for one in found if isinstance(one, dict) and type(one.get("update_id")) is int]

    async def close_lines(self) -> None:
        """Close both lines, whether or not Telegram was ever reached."""
        for line in self._request:
            await line.shutdown()
