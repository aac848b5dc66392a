"""Erasing a conversation: because the citizen wishes it, or because it is old (`retention`).

"Forget me" takes the words, the reporter and all that the citizen followed, and leaves that a
message with this id was handled (or a provider could have it handled again). The purge of old
conversations takes the words, leaves what the citizen still waits for, and later the whole row.
Tickets stay in either case. A table that names a conversation is emptied here unless `_TIES` says
otherwise, so that a new table cannot be forgotten.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.store import log_filling, schema
from bot.store.wishes import forget

_ROAD = ("conversations", "inbox", "outbox", "talks")
_TIES = (
    "tickets",
    "ticket_followers",
    "ticket_news",
    "area_subscriptions",
    "photos",
    "web_sessions",
)
"""What ties a citizen to the city beyond words; each has its own rule below."""
_ERASED_PHOTO = {
    "state": "erased",
    "conversation_id": None,
    "ticket_id": None,
    "reference": "",
    "lat": None,
    "lon": None,
    "not_before": None,
    "share": None,
    "share_until": None,
}


def erase(c: Connection, conversation: str) -> None:
    """Forget it all, within the caller's transaction; messages not yet answered stay."""
    inbox, outbox = schema.inbox, schema.outbox
    forget(c, conversation)
    _empty_tables(c, conversation)
    c.execute(outbox.delete().where(outbox.c.conversation_id == conversation))
    c.execute(
        inbox.update()
        .where(inbox.c.conversation_id == conversation, inbox.c.state.notin_(["waiting"]))
        .values(body={"erased": True}, fingerprint="")
    )
    _cut_ties(c, conversation)
    _erase_photos(c, schema.photos.c.conversation_id == conversation)
    _erase_tracker(c, conversation)
    log_filling.forget(c, conversation)


def erase_words(c: Connection, conversation: str, before: datetime) -> None:
    """Take the words of a conversation that is older than `before`, and the photos of no ticket.

    Only the city's own news that went out since then stay, until they are as old.
    """
    inbox, outbox, talks = schema.inbox, schema.outbox, schema.conversations
    forget(c, conversation)
    _empty_tables(c, conversation)
    old = outbox.c.created_at < before
    c.execute(outbox.delete().where(outbox.c.conversation_id == conversation, old))
    c.execute(inbox.delete().where(inbox.c.conversation_id == conversation))
    c.execute(talks.update().where(talks.c.id == conversation).values(open_reply=None))
    photos = schema.photos.c
    _erase_photos(c, photos.conversation_id == conversation, photos.ticket_id.is_(None))
    _erase_tracker(c, conversation)
    log_filling.forget(c, conversation, squeeze=False)


def remove(c: Connection, conversation: str) -> None:
    """Take the row itself, of a conversation without words and ties: the address goes with it."""
    for table in (schema.web_sessions, schema.talks):
        c.execute(table.delete().where(table.c.conversation_id == conversation))
    talks = schema.conversations
    c.execute(talks.delete().where(talks.c.id == conversation))


def release_ticket(c: Connection, ticket_id: int) -> None:
    """Take from a finished ticket who reported and followed it, their own words, and its photos."""
    tickets, events = schema.tickets, schema.ticket_events
    c.execute(
        tickets.update().where(tickets.c.id == ticket_id).values(contact=None, conversation_id=None)
    )
    of_it = sa.select(events.c.id).where(events.c.ticket_id == ticket_id)
    news, followers = schema.ticket_news, schema.ticket_followers
    c.execute(news.delete().where(news.c.event_id.in_(of_it)))
    for table in (followers, schema.follow_requests):
        c.execute(table.delete().where(table.c.ticket_id == ticket_id))
    _forget_said(c, events.c.ticket_id == ticket_id)
    _erase_photos(c, schema.photos.c.ticket_id == ticket_id)


def _empty_tables(c: Connection, conversation: str) -> None:
    """Delete from every table that names conversations, but for the road's own and the ties.

    Rows that point to others go first. Triggers of the log are no concern: nothing is inserted.
    """
    for table in reversed(schema.metadata.sorted_tables):
        if table.name in _ROAD + _TIES:
            continue
        for column in table.columns:
            if any(key.column.table.name == "conversations" for key in column.foreign_keys):
                c.execute(table.delete().where(column == conversation))
    lookups = schema.ticket_lookups
    c.execute(lookups.delete().where(lookups.c.conversation_id == conversation))


def _cut_ties(c: Connection, conversation: str) -> None:
    """Nothing leads from tickets to the citizen any more, and nothing is told to them."""
    tickets = schema.tickets
    c.execute(
        tickets.update()
        .where(tickets.c.conversation_id == conversation)
        .values(contact=None, conversation_id=None)
    )
    for table in (schema.ticket_news, schema.ticket_followers, schema.area_subscriptions):
        c.execute(table.delete().where(table.c.conversation_id == conversation))
    # A number that was confirmed from another conversation is forgotten with its own.
    who = schema.conversations
    own = sa.select(who.c.address).where(who.c.id == conversation).scalar_subquery()
    on = sa.select(who.c.channel).where(who.c.id == conversation).scalar_subquery()
    asked = schema.follow_requests
    c.execute(asked.delete().where(asked.c.address == own, asked.c.channel == on))
    _forget_said(c, schema.ticket_events.c.conversation_id == conversation)


def _forget_said(c: Connection, where: Any) -> None:
    """Events stay for good; what a citizen wrote in them does not. The triggers allow just this."""
    events = schema.ticket_events
    by_citizen = events.c.conversation_id.is_not(None)
    c.execute(events.update().where(where, by_citizen).values(text="", conversation_id=None))


def _erase_photos(c: Connection, *where: Any) -> None:
    """The files follow: the photo room deletes them, and the rows with them."""
    c.execute(schema.photos.update().where(*where).values(**_ERASED_PHOTO))


def _erase_tracker(c: Connection, conversation: str) -> None:
    if sa.inspect(c).has_table("events"):  # Rasa's own table; there once a turn was saved
        c.execute(sa.text("DELETE FROM events WHERE sender_id = :id"), {"id": conversation})
