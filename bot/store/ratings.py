"""Ratings in the database: may this conversation be asked now, and what was asked and answered.

A row is written within the turn, or the change of hands, that asks; a turn that is lost has asked
nothing. The log's marks follow by a trigger (`bot.store.log_triggers`).
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.messages import Rating
from bot.store import schema
from bot.store.wishes import NOBODY, OPEN

_ratings, _turns = schema.ratings, schema.turns
_conversations, _handovers = schema.conversations, schema.handovers
HELPFUL = (
    "ask",
    "report",
    "ticket_status",
    "waste_day",
    "area_facts",
    "area_contact",
    "area_news",
    "facility_find",
    "subscribe_area",
    "unsubscribe_area",
    "withdraw_ticket",
    "unfollow_ticket",
)
"""Intents whose answer somebody may have been helped by."""
FRESH = timedelta(days=1)
"""What was said so long ago is what a question can be about, and so long a danger silences it."""


def may_ask(c: Connection, conversation: str, about: str, now: datetime, rest: timedelta) -> bool:
    """May it be asked? Not twice within `rest`, and never near danger; while a person is wanted
    only about that person, at the end."""
    mine = _turns.c.conversation_id == conversation
    lately = [mine, _turns.c.answered_at > now - FRESH]
    asked = sa.exists().where(
        _ratings.c.conversation_id == conversation, _ratings.c.asked_at > now - rest
    )
    danger = sa.exists().where(*lately, _turns.c.intent == "danger")
    fits = [_conversations.c.id == conversation, ~asked, ~danger]
    if about != "person":
        wanted = sa.exists().where(
            _handovers.c.conversation_id == conversation, _handovers.c.state.in_(OPEN)
        )
        fits += [~wanted, _conversations.c.flagged_at.is_(None), _conversations.c.owner.in_(NOBODY)]
    if about == "answer":
        fits.append(
            sa.exists().where(*lately, _turns.c.outcome == "answered", _turns.c.intent.in_(HELPFUL))
        )
    return c.execute(sa.select(_conversations.c.id).where(*fits)).first() is not None


def write_rating(
    c: Connection, conversation: str, rating: Rating, now: datetime, inbox_id: int | None = None
) -> None:
    """Keep what a turn asked, or heard for the question asked last."""
    if rating.asked:
        c.execute(
            _ratings.insert().values(conversation_id=conversation, about=rating.asked, asked_at=now)
        )
        return
    last = c.execute(
        sa.select(sa.func.max(_ratings.c.id)).where(_ratings.c.conversation_id == conversation)
    ).scalar()
    change = _ratings.update().where(_ratings.c.id == last)
    if rating.comment:
        c.execute(change.where(_ratings.c.helped.is_(False)).values(comment_inbox_id=inbox_id))
    elif rating.helped is not None:
        c.execute(change.values(helped=rating.helped, rated_at=now, inbox_id=inbox_id))
