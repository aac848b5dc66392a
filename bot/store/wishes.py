"""What a citizen's wish for a person writes, within the transaction of the turn that carries it.

A turn and the request that it opens are kept together or not at all, and a replayed
turn finds its request open and opens no second one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.messages import Answer, JsonObject, PersonWish
from bot.store import schema
from bot.store.rows import Claim

_handovers, _events = schema.handovers, schema.handover_events
_conversations = schema.conversations
OPEN = ("waiting", "claimed", "left")
ASKED_QUESTION = "question"
"""Owner of a conversation whose next words are a question for the desk."""
NOBODY = ("bot", ASKED_QUESTION)
"""Owners that are no person."""
FAILED_LATELY = timedelta(minutes=30)
"""How long after a failed turn a wish for a person is taken to come of it."""


def write_event(
    c: Connection, handover: int, kind: str, by: str, now: datetime, detail: str = ""
) -> None:
    c.execute(
        _events.insert().values(
            handover_id=handover, kind=kind, by=by, detail=detail[:120], happened_at=now
        )
    )


def open_of(c: Connection, conversation: str) -> Any:
    """The open request of a conversation, or None."""
    return c.execute(
        sa.select(_handovers).where(
            _handovers.c.conversation_id == conversation, _handovers.c.state.in_(OPEN)
        )
    ).first()


def open_request(
    c: Connection, conversation: str, wish: PersonWish, language: str, now: datetime, by: str
) -> int:
    """Open a request, or bring the open one in line with what is wished now; its id."""
    state = "left" if wish.kind == "left" else "waiting"
    known = open_of(c, conversation)
    if known is None:
        handover = int(
            c.execute(
                _handovers.insert().values(
                    conversation_id=conversation,
                    state=state,
                    reason=wish.reason,
                    language=language,
                    question=wish.question,
                    waiting_since=now,
                    last_citizen_at=now,
                    announce_at=now,
                )
            ).inserted_primary_key[0]
        )
        write_event(c, handover, "left" if state == "left" else "asked", by, now, wish.reason)
        return handover
    if known.state != "claimed":
        # A second question joins the first: nothing that was left for the desk is lost.
        question = "\n\n".join(filter(None, [known.question, wish.question]))
        changed = state != known.state or question != known.question
        values: dict[str, object] = {"question": question, "last_citizen_at": now, "state": state}
        if known.state == "left" and state == "waiting":
            values |= {"waiting_since": now, "announce_at": now, "announce_attempts": 0}
        c.execute(
            _handovers.update()
            .where(_handovers.c.id == known.id)
            .values(version=_handovers.c.version + 1, **values)
        )
        if changed:
            write_event(c, known.id, "left" if state == "left" else "asked", by, now, wish.reason)
    return int(known.id)


def with_reason(c: Connection, conversation: str, answer: Answer, now: datetime) -> Answer:
    """The answer; a wish in it has the failure as its reason where the assistant has just failed.

    The flag of a failed turn says so, until somebody at the desk has looked at it; so this is
    called before the flag of the wish covers it.
    """
    wish = answer.wish
    if wish is None or wish.kind not in ("wait", "left") or wish.reason != "asked":
        return answer
    flag = c.execute(
        sa.select(_conversations.c.flag_reason).where(
            _conversations.c.id == conversation, _conversations.c.flagged_at > now - FAILED_LATELY
        )
    ).scalar()
    return replace(answer, wish=replace(wish, reason="failed")) if flag == "failed" else answer


def withdraw(c: Connection, conversation: str, now: datetime) -> None:
    """The citizen wants nobody any more; whoever holds the conversation keeps it."""
    known = open_of(c, conversation)
    if known is None or known.state == "claimed":
        return
    c.execute(
        _handovers.update()
        .where(_handovers.c.id == known.id)
        .values(state="closed", closed_at=now, announce_at=None, version=_handovers.c.version + 1)
    )
    write_event(c, known.id, "withdrawn", "citizen", now)


def citizen_wrote(c: Connection, conversation: str, now: datetime) -> None:
    """A person holds the conversation and the citizen said something: the wait for them begins."""
    c.execute(
        _handovers.update()
        .where(_handovers.c.conversation_id == conversation, _handovers.c.state == "claimed")
        .values(
            last_citizen_at=now,
            unanswered_since=sa.func.coalesce(_handovers.c.unanswered_since, now),
        )
    )


def forget(c: Connection, conversation: str) -> None:
    """Nothing of the conversation's requests stays; whoever held it holds it no longer."""
    mine = sa.select(_handovers.c.id).where(_handovers.c.conversation_id == conversation)
    c.execute(_events.delete().where(_events.c.handover_id.in_(mine)))
    c.execute(_handovers.delete().where(_handovers.c.conversation_id == conversation))
    c.execute(
        _conversations.update()
        .where(_conversations.c.id == conversation)
        .values(owner="bot", flagged_at=None, flag_reason=None)
    )


def owner_after(claim: Claim, answer: Answer, outcome: str) -> JsonObject:
    """Who holds the conversation after the turn, where a wish for a person changes that."""
    if claim.owner not in NOBODY:
        return {}
    kind = answer.wish.kind if answer.wish else ""
    if kind == "question":
        return {"owner": ASKED_QUESTION}
    changes: JsonObject = {}
    if claim.owner == ASKED_QUESTION and outcome not in ("direct", "more"):
        changes["owner"] = "bot"
    if kind == "withdraw":
        changes |= {"flagged_at": None, "flag_reason": None}
    return changes
