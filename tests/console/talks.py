"""Conversations for tests of the log: said and answered over the journal, as the rooms do it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot.console.office import Office
from bot.messages import Answer, ConversationId, Understanding
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
    conversation = ConversationId("")
    for n, (question, answer) in enumerate(turns):
        message = said(question, external=f"{address}-{n}-{office.clock()}", address=address)
        accepted = await office.journal.accept(message)
        conversation = accepted.conversation
        claim = await office.journal.claim_turn("test", LEASE)
        assert claim is not None
        understood = Understanding(
            intent, confidence, topic, confidence, candidates, entities, actions
        )
        await office.journal.commit_turn(
            claim, Answer((), language, understanding=understood), out(answer), outcome, 12.3
        )
    return conversation
