"""Conversations for tests of the log: said and answered over the journal, as the rooms do it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy.engine import Connection

from bot.console.office import Office
from bot.messages import ConversationId, Understanding
from bot.store import schema
from tests.road.rooms import out, said

LEASE = timedelta(seconds=60)


async def talk(
    office: Office,
    address: str,
    *turns: tuple[str, str],
    language: str = "nl",
    intent: str = "ask",
    topic: str | None = "passport",
    confidence: float = 0.9,
    outcome: str = "answered",
    actions: tuple[str, ...] = ("action_answer",),
    candidates: tuple[dict[str, Any], ...] = (),
    entities: tuple[dict[str, Any], ...] = (),
) -> ConversationId:
    """Say each first text and answer with the second; gives the conversation."""
    understood = Understanding(intent, confidence, topic, confidence, candidates, entities, actions)
    journal = office.journal

    def work(c: Connection) -> ConversationId:
        """All at once, so that no worker of a running road takes a message first."""
        now = office.clock()
        conversation = journal.conversation_of(c, "sms", address, language, now)
        for n, (question, answer) in enumerate(turns):
            message = said(question, external=f"{address}-{n}-{now}", address=address)
            kept = c.execute(
                schema.inbox.insert().values(
                    conversation_id=conversation,
                    channel="sms",
                    external_id=message.external_id,
                    fingerprint=message.fingerprint(),
                    body=message.body(),
                    cursor=journal.next_cursor(c, conversation),
                    state="done",
                    received_at=now,
                )
            )
            inbox_id = kept.inserted_primary_key[0]
            c.execute(
                schema.turns.insert().values(
                    inbox_id=inbox_id,
                    conversation_id=conversation,
                    outcome=outcome,
                    language=language,
                    intent=understood.intent,
                    confidence=understood.confidence,
                    topic=understood.topic,
                    understanding={
                        "topic_confidence": understood.topic_confidence,
                        "candidates": list(understood.candidates),
                        "entities": list(understood.entities),
                        "actions": list(understood.actions),
                    },
                    milliseconds=12.3,
                    answered_at=now,
                )
            )
            journal.add_replies(c, conversation, out(answer), now, inbox_id=inbox_id)
        return conversation

    return await office.database.write(work)
