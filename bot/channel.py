"""What the core knows of a channel: a name, its limits, and four verbs.

A connector verifies and parses what its provider posts, hands it to `accept`, and answers only
after that returned. It renders channel-neutral replies into payloads without side effects, and
sends one payload at a time, telling the outcome as a value.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from aiohttp import web

from bot.messages import (
    Accepted,
    Address,
    ChannelName,
    DeliveryReport,
    Inbound,
    OutboxId,
    Payload,
    Receipt,
    Reply,
)

Accept = Callable[[Inbound], Awaitable[Accepted]]
"""Returns after the commit. Raises `ContentConflict` when the id is known with other content;
anything else it raises means that nothing was kept, and the provider should try again."""

Report = Callable[[DeliveryReport], Awaitable[None]]


@dataclass(frozen=True)
class Limits:
    """What one message of a channel can carry; None means without limit."""

    text: int | None = None
    choices: int | None = None
    label: int | None = None
    pictures: bool = True
    places: bool = True
    """Citizens can share their position."""
    opt_out: bool = False
    """STOP and its kin are the law of this channel: they opt the address out."""
    more: bool = False
    """Long replies are held back in part until the citizen asks for more."""


class ContentConflict(Exception):
    """The same external id came before with other content."""


class ChannelRefused(Exception):
    """The channel cannot start, and the sentence says why; the other channels go on."""


class FileUnavailable(Exception):
    """A citizen's file cannot be fetched: `code` says why, `again` whether it may come later."""

    def __init__(self, code: str, again: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.again = again


class PhotoRefused(Exception):
    """A picture that is not taken: `code` is photo_empty, photo_type, photo_pixels, photo_broken
    or too_large."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class PhotoUnavailable(Exception):
    """The photo store cannot do it now; nothing was kept, and it may be tried again."""


class Connector(Protocol):
    name: ChannelName
    limits: Limits

    def routes(self, accept: Accept, report: Report) -> Iterable[web.RouteDef]:
        """The connector's HTTP routes: verify, parse, accept, answer."""
        ...

    def render(self, reply: Reply, language: str) -> list[Payload]:
        """Pure: the same reply gives the same payloads."""
        ...

    async def send(self, to: Address, payload: Payload, key: OutboxId) -> Receipt:
        """Send one payload. Never raises for what a provider does: that is a `Receipt`."""
        ...

    async def typing(self, to: Address) -> None:
        """Show that an answer is being made, where the channel can. Best effort."""
        ...


class LookUp(Protocol):
    """A connector that can find out afterwards what became of an unclear send."""

    async def look_up(
        self, to: Address, payload: Payload, key: OutboxId, sent_after: datetime
    ) -> Receipt | None:
        """Sent or Refused when the provider knows the send, Later when it surely never got it,
        None when that cannot be told yet."""
        ...


class Poller(Protocol):
    """A connector that fetches messages itself because nobody can reach it from outside."""

    async def poll(self, accept: Accept, report: Report) -> None:
        """Run until cancelled; move the offset only after `accept` returned."""
        ...
