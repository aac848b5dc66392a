"""What staff say to citizens: in person, and news on a ticket, through the same outbox.

News on a ticket goes out once per ticket event and conversation, however often it is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.channel import Connector
from bot.civic.catalogue import Catalogue
from bot.civic.tickets import Ticket
from bot.messages import ChannelName, ConversationId, Reply, Sender
from bot.phrases import Phrasebook
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


async def tell_reporter(
    journal: Journal,
    connectors: Mapping[ChannelName, Connector],
    phrasebook: Phrasebook,
    catalogue: Catalogue,
    ticket: Ticket,
    event: int,
    text: str,
) -> bool:
    """Tell the reporter of a ticket's new state in their own language, if they can be reached."""
    if ticket.conversation is None:
        return False
    conversation = await journal.conversation(ticket.conversation)
    if conversation is None:
        return False
    language = conversation["language"] or ticket.language
    service = catalogue.get(ticket.service)
    reply = phrasebook.reply(
        "utter_ticket_moved",
        language,
        reference=ticket.reference,
        service=service.name(language) if service else ticket.service,
        state=phrasebook.text(f"utter_state_{ticket.state.value}", language),
        text=f"\n{text}" if text else "",
    )
    key = f"ticket-event-{event}-{ticket.conversation}"
    await say_to(journal, connectors, conversation, reply, sender="bot", notice_key=key)
    return True
