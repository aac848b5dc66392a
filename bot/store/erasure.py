"""Forgetting a conversation: its words leave the road, the tracker and the tickets.

What stays is what carries no words: that a message with this id was handled (or a provider could
have it handled again), and the tickets themselves, without the reporter.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.store import log_filling, schema
from bot.store.wishes import forget


def erase(c: Connection, conversation: str) -> None:
    """Erase within the caller's transaction; messages not yet answered stay."""
    inbox, outbox, turns = schema.inbox, schema.outbox, schema.turns
    c.execute(outbox.delete().where(outbox.c.conversation_id == conversation))
    c.execute(turns.delete().where(turns.c.conversation_id == conversation))
    rated = schema.ratings
    c.execute(rated.delete().where(rated.c.conversation_id == conversation))
    labelled = schema.labelled_examples
    c.execute(labelled.delete().where(labelled.c.conversation_id == conversation))
    c.execute(
        inbox.update()
        .where(inbox.c.conversation_id == conversation, inbox.c.state.notin_(["waiting"]))
        .values(body={"erased": True}, fingerprint="")
    )
    remembered = schema.remembered_areas
    c.execute(remembered.delete().where(remembered.c.conversation_id == conversation))
    forget(c, conversation)
    following = schema.area_subscriptions
    c.execute(following.delete().where(following.c.conversation_id == conversation))
    tickets = schema.tickets
    c.execute(
        tickets.update()
        .where(tickets.c.conversation_id == conversation)
        .values(contact=None, conversation_id=None)
    )
    for table in (
        schema.ticket_news,
        schema.ticket_followers,
        schema.ticket_lookups,
        schema.follow_requests,
    ):
        c.execute(table.delete().where(table.c.conversation_id == conversation))
    # A number that was confirmed from another conversation is forgotten with its own.
    who = schema.conversations
    own = sa.select(who.c.address).where(who.c.id == conversation).scalar_subquery()
    on = sa.select(who.c.channel).where(who.c.id == conversation).scalar_subquery()
    asked = schema.follow_requests
    c.execute(asked.delete().where(asked.c.address == own, asked.c.channel == on))
    # Events stay for good; what the citizen wrote in them does not. The triggers allow just this.
    events = schema.ticket_events
    c.execute(
        events.update()
        .where(events.c.conversation_id == conversation)
        .values(text="", conversation_id=None)
    )
    log_filling.forget(c, conversation)
    photos = schema.photos
    c.execute(  # the files follow: the photo room deletes them, and the rows with them
        photos.update()
        .where(photos.c.conversation_id == conversation)
        .values(
            state="erased",
            conversation_id=None,
            ticket_id=None,
            reference="",
            lat=None,
            lon=None,
            not_before=None,
        )
    )
    if sa.inspect(c).has_table("events"):  # Rasa's own table; there once a turn was saved
        c.execute(sa.text("DELETE FROM events WHERE sender_id = :id"), {"id": conversation})
