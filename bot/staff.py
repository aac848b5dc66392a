"""What staff say to citizens in person, through the same outbox as the bot's own replies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.channel import Connector
from bot.messages import ChannelName, ConversationId, Reply, Sender
from bot.store.journal import Journal
from bot.store.rows import OutgoingReply


async def say_to(
    journal: Journal,
    connectors: Mapping[ChannelName, Connector],
    conversation: Mapping[str, Any],
    reply: Reply,
    sender: Sender = "agent",
    notice_key: str | None = None,
) -> bool:
    """Queue a reply for a conversation; False when this notice was queued before."""
    connector = connectors[ChannelName(conversation["channel"])]
    payloads = tuple(connector.render(reply, conversation["language"]))
    return await journal.say(
        ConversationId(conversation["id"]), [OutgoingReply(reply, payloads, sender)], notice_key
    )
