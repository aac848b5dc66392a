"""One conversation for those who review it: both sides, and what the bot made of each message."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.store import schema

_DRAWN = re.compile(r"/pictures/[0-9a-f]{40}\.png")
"""The address of a picture that this server drew and anybody may see."""

_inbox, _turns, _outbox, _tickets = schema.inbox, schema.turns, schema.outbox, schema.tickets
_ratings = schema.ratings
_LONG_AGO = datetime(2000, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Line:
    """Something said. `turn` is what the bot understood, on lines of the citizen."""

    cursor: int
    sender: str
    at: datetime
    text: str
    state: str
    code: str = ""
    choices: tuple[str, ...] = ()
    extras: tuple[tuple[str, str], ...] = ()
    """Kind and words of what else came or went: place, photo, picked, picture, link, command."""
    photos: tuple[tuple[str, str], ...] = ()
    """Pictures in our own store that came or went with it: id, and the words that staff gave."""
    drawn: tuple[tuple[str, str], ...] = ()
    """Pictures that the bot drew: address on this server, and the same in words."""
    turn: dict[str, Any] | None = field(default=None)
    erased: bool = False
    rating: str = ""
    """On lines of the citizen that rate: "well", "low", or "comment"."""


def lines_of(c: Connection, conversation: str, limit: int = 1000) -> list[Line]:
    """The newest `limit` lines of a conversation, in order."""
    said = c.execute(
        sa.select(_inbox, _turns)
        .outerjoin(_turns, _turns.c.inbox_id == _inbox.c.id)
        .where(_inbox.c.conversation_id == conversation, _inbox.c.state != "replaced")
        .order_by(_inbox.c.cursor.desc())
        .limit(limit)
    )
    rated = _rated(c, conversation)
    found = [_from_citizen(row._mapping, rated) for row in said]
    told = c.execute(
        sa.select(_outbox)
        .where(_outbox.c.conversation_id == conversation)
        .order_by(_outbox.c.cursor.desc())
        .limit(limit)
    )
    found += [_from_us(row._mapping) for row in told]
    return sorted(found, key=lambda line: line.cursor)[-limit:]


def spoken(c: Connection, conversations: Sequence[str], most: int = 1000) -> dict[str, list[Line]]:
    """What was said in each of these conversations, without anything else: to learn names from.

    The newest `most` lines of each; of the bot's turns only the intent is there.
    """
    talks = schema.conversations
    newest = {
        table: sa.and_(
            table.c.conversation_id.in_(list(conversations)),
            talks.c.id == table.c.conversation_id,
            table.c.cursor > talks.c.last_cursor - most,
        )
        for table in (_inbox, _outbox)
    }
    found: dict[str, list[Line]] = {}
    said = (
        sa.select(_inbox.c.conversation_id, _inbox.c.cursor, _inbox.c.body, _turns.c.intent)
        .select_from(_inbox.join(talks, newest[_inbox]).outerjoin(_turns))
        .where(_inbox.c.state != "replaced")
    )
    for row in c.execute(said):
        text = str(row.body.get("text") or row.body.get("argument") or "")
        turn = {"intent": row.intent or ""}
        line = Line(row.cursor, "citizen", _LONG_AGO, text, "", turn=turn)
        found.setdefault(row.conversation_id, []).append(line)
    told = sa.select(
        _outbox.c.conversation_id, _outbox.c.cursor, _outbox.c.sender, _outbox.c.reply
    ).select_from(_outbox.join(talks, newest[_outbox]))
    for row in c.execute(told):
        line = Line(row.cursor, row.sender, _LONG_AGO, str(row.reply.get("text") or ""), "")
        found.setdefault(row.conversation_id, []).append(line)
    return {one: sorted(lines, key=lambda x: x.cursor) for one, lines in found.items()}


def _rated(c: Connection, conversation: str) -> dict[int, str]:
    """By inbox id, what a message says of the help."""
    found: dict[int, str] = {}
    for row in c.execute(sa.select(_ratings).where(_ratings.c.conversation_id == conversation)):
        if row.inbox_id is not None:
            found[row.inbox_id] = "well" if row.helped else "low"
        if row.comment_inbox_id is not None:
            found[row.comment_inbox_id] = "comment"
    return found


def _from_citizen(row: Any, rated: Mapping[int, str]) -> Line:
    body = row[_inbox.c.body]
    extras: list[tuple[str, str]] = []
    if place := body.get("place"):
        extras.append(("place", str(place.get("name") or "")))
    attached = body.get("attachments") or ()
    photos = tuple((str(part["photo"]), "") for part in attached if part.get("photo"))
    extras += [("photo", str(p.get("kind", ""))) for p in attached if not p.get("photo")]
    for kind in ("command", "unsupported"):
        if body.get(kind):
            extras.append((kind, str(body[kind])))
    picked = str(body.get("label") or "")
    if picked:
        extras.append(("picked", ""))
    turn = None
    if row[_turns.c.id] is not None:
        turn = {
            name: row[_turns.c[name]]
            for name in ("outcome", "language", "intent", "confidence", "topic", "milliseconds")
        }
        turn |= row[_turns.c.understanding] or {}
    return Line(
        cursor=row[_inbox.c.cursor],
        sender="citizen",
        at=row[_inbox.c.received_at],
        text=str(body.get("text") or picked or body.get("argument") or ""),
        state=row[_inbox.c.state],
        extras=tuple(extras),
        photos=photos,
        turn=turn,
        erased=bool(body.get("erased")),
        rating=rated.get(row[_inbox.c.id], ""),
    )


def _from_us(row: Any) -> Line:
    reply = row["reply"]
    extras = []
    image = reply.get("image") or {}
    alt, photo, drawn = str(image.get("alt", "")), str(image.get("photo") or ""), drawn_of(reply)
    if image and not photo and not drawn:
        extras.append(("picture", alt))
    if link := reply.get("link"):
        extras.append(("link", f"{link.get('label', '')} {link.get('url', '')}".strip()))
    if reply.get("ask"):
        extras.append(("ask", str(reply["ask"])))
    return Line(
        cursor=row["cursor"],
        sender=row["sender"],
        at=row["created_at"],
        text=str(reply.get("text") or ""),
        state=row["state"],
        code=str(row["code"] or ""),
        choices=tuple(str(choice.get("label", "")) for choice in reply.get("choices") or ()),
        extras=tuple(extras),
        photos=((photo, alt),) if photo else (),
        drawn=drawn,
    )


def drawn_of(reply: Any) -> tuple[tuple[str, str], ...]:
    """The picture of a reply, when it is one that this server draws: its address and its words."""
    image = reply.get("image") or {}
    url = str(image.get("url", ""))
    return ((url, str(image.get("alt", ""))),) if _DRAWN.fullmatch(url) else ()


def openings(c: Connection, conversations: list[str]) -> dict[str, str]:
    """The first words that the citizen wrote in each of these conversations."""
    first = (
        sa.select(_inbox.c.conversation_id, sa.func.min(_inbox.c.cursor).label("cursor"))
        .where(_inbox.c.conversation_id.in_(conversations), _inbox.c.fingerprint != "")
        .group_by(_inbox.c.conversation_id)
        .subquery()
    )
    rows = c.execute(
        sa.select(_inbox.c.conversation_id, _inbox.c.body).join(
            first,
            sa.and_(
                first.c.conversation_id == _inbox.c.conversation_id,
                first.c.cursor == _inbox.c.cursor,
            ),
        )
    )
    return {
        row.conversation_id: str(row.body.get("text") or row.body.get("label") or "")
        for row in rows
    }


def tickets_of(c: Connection, conversation: str) -> list[dict[str, Any]]:
    """The tickets that this conversation opened."""
    rows = c.execute(
        sa.select(_tickets.c.reference, _tickets.c.service, _tickets.c.state, _tickets.c.created_at)
        .where(_tickets.c.conversation_id == conversation)
        .order_by(_tickets.c.id)
    )
    return [dict(row._mapping) for row in rows]
