"""What the bot says of its own accord: queued once under a key, outside quiet hours.

Every strand that has news for a citizen says it here. The reply is made in the conversation's own
language and rendered for its channel; choices in it can be picked once it has left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace

from bot.bell import DELIVERIES, Bell, reader
from bot.channel import Connector
from bot.messages import ChannelName, ConversationId, Reply
from bot.quiet import QuietHours, rest_until
from bot.store.journal import Journal
from bot.store.rows import OutgoingReply


class Teller:
    """Pushes notices. `connectors` render; the dispatch loop sends."""

    def __init__(
        self,
        journal: Journal,
        connectors: Mapping[ChannelName, Connector],
        primary: str,
        quiet: QuietHours | None = None,
        bell: Bell | None = None,
    ) -> None:
        self.journal = journal
        self.connectors = connectors
        self.primary = primary
        self.quiet = quiet
        self.bell = bell

    async def push(
        self, conversation: str, make: Callable[[str], Reply], key: str, language: str = ""
    ) -> bool:
        """Queue `make(language)` for a conversation, once for this key.

        True when it is queued, now or before; False when nobody can be told any more: the
        conversation is gone, or its channel is not in use.
        """
        row = await self.journal.conversation(conversation)
        if row is None or row["id"] != conversation or row["channel"] not in self.connectors:
            return False
        spoken = row["language"] or language or self.primary
        reply = with_ids(make(spoken), key)
        payloads = self.connectors[ChannelName(row["channel"])].render(reply, spoken)
        await self.journal.say(
            ConversationId(conversation),
            [OutgoingReply(reply, tuple(payloads), "bot")],
            key,
            rest_until(self.quiet, row["channel"], self.journal.clock()),
        )
        if self.bell is not None:
            self.bell.ring(DELIVERIES)
            self.bell.ring(reader(conversation))
        return True


def with_ids(reply: Reply, key: str) -> Reply:
    """Choices with ids of their own, so that an old button is known as an old one. Short: a
    Telegram button carries at most 64 bytes (https://core.telegram.org/bots/api)."""
    stem = "n" + hashlib.sha256(key.encode()).hexdigest()[:12]
    named = (replace(c, id=c.id or f"{stem}.{n}") for n, c in enumerate(reply.choices, 1))
    return replace(reply, choices=tuple(named))
