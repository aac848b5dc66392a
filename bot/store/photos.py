"""The register of photos: whose a picture is, where it stands, and to which ticket it belongs.

What actions call blocks and runs on threads of theirs, as with the other registers. A photo can
only ever be attached to a ticket of the conversation that sent it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.store import schema
from bot.store.engine import Database
from bot.store.rows import Clock

_photos, _tickets = schema.photos, schema.tickets
OPEN = ("waiting", "arriving", "stored")


@dataclass(frozen=True)
class Photo:
    """A photo as the register knows it; sizes in pixels and bytes, None until it is stored."""

    id: str
    conversation: str | None
    ticket_id: int | None
    state: str
    code: str
    width: int | None
    height: int | None
    bytes: int | None
    created_at: datetime
    sent_by: str = ""
    """The account of staff that it comes from; empty for a citizen's."""
    share: str | None = None
    """What stands in its public address, once it was sent to the citizen."""


class PhotoRegister:
    """Photos by id."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock

    # For the conversation ------------------------------------------------------------------------

    def attach(self, photos: Iterable[str], reference: str) -> int:
        """Put photos to the ticket with this reference; returns how many now belong to it.

        A photo of another conversation, one that another ticket has, and one that was refused stay
        out; doing it again changes nothing. A photo still on its way may be attached.
        """
        wanted = list(photos)

        def work(c: Connection) -> int:
            ticket = c.execute(
                sa.select(_tickets.c.id, _tickets.c.conversation_id).where(
                    _tickets.c.reference == reference
                )
            ).one_or_none()
            if ticket is None or ticket.conversation_id is None or not wanted:
                return 0
            done = c.execute(
                _photos.update()
                .where(
                    _photos.c.id.in_(wanted),
                    _photos.c.conversation_id == ticket.conversation_id,
                    _photos.c.state.in_(OPEN),
                    _photos.c.sent_by == "",
                    sa.or_(_photos.c.ticket_id.is_(None), _photos.c.ticket_id == ticket.id),
                )
                .values(ticket_id=ticket.id)
            )
            return int(done.rowcount)

        return self.database.write_now(work)

    def loose(self, conversation: str, since: datetime) -> list[str]:
        """Ids of the conversation's photos that came since then and belong to no ticket yet."""
        return self.database.read_now(
            lambda c: list(
                c.execute(
                    sa.select(_photos.c.id)
                    .where(
                        _photos.c.conversation_id == conversation,
                        _photos.c.ticket_id.is_(None),
                        _photos.c.sent_by == "",
                        _photos.c.state.in_(OPEN),
                        _photos.c.created_at >= since,
                    )
                    .order_by(_photos.c.created_at, _photos.c.id)
                ).scalars()
            )
        )

    def position_of(self, photo: str) -> tuple[float, float] | None:
        """(lat, lon) in WGS84 that the camera wrote into the photo; None when there is none.

        The conversation asks before it uses this; what nobody agreed to is deleted after a day.
        """

        def work(c: Connection) -> tuple[float, float] | None:
            row = c.execute(
                sa.select(_photos.c.lat, _photos.c.lon).where(_photos.c.id == photo)
            ).one_or_none()
            return (row.lat, row.lon) if row is not None and row.lat is not None else None

        return self.database.read_now(work)

    def agree(self, photo: str, agreed: bool) -> None:
        """The citizen's word on the position: keep it with the photo, or forget it now."""
        values: dict[str, Any] = {"position_agreed": agreed}
        if not agreed:
            values |= {"lat": None, "lon": None}
        self.database.write_now(
            lambda c: c.execute(_photos.update().where(_photos.c.id == photo).values(**values))
        )

    # For readers ---------------------------------------------------------------------------------

    def get(self, photo: str) -> Photo | None:
        """The photo with this id; erased ones are unknown."""
        return self.database.read_now(lambda c: self._one(c, photo))

    async def find(self, photo: str) -> Photo | None:
        """The same, without blocking the caller's loop."""
        return await self.database.read(lambda c: self._one(c, photo))

    @staticmethod
    def _one(c: Connection, photo: str) -> Photo | None:
        row = c.execute(
            sa.select(_photos).where(_photos.c.id == photo, _photos.c.state != "erased")
        ).one_or_none()
        return as_photo(row) if row is not None else None

    def of_ticket(self, reference: str) -> list[Photo]:
        """The photos of a ticket, oldest first, those still on their way included."""
        return self.database.read_now(
            lambda c: [
                as_photo(row)
                for row in c.execute(
                    sa.select(_photos)
                    .join(_tickets, _tickets.c.id == _photos.c.ticket_id)
                    .where(_tickets.c.reference == reference, _photos.c.state.in_(OPEN))
                    .order_by(_photos.c.created_at, _photos.c.id)
                )
            ]
        )

    # For staff -----------------------------------------------------------------------------------

    async def in_ticket(self, reference: str) -> list[Photo]:
        """Every photo of a ticket, those that could not be had included; oldest first."""
        query = (
            sa.select(_photos)
            .join(_tickets, _tickets.c.id == _photos.c.ticket_id)
            .where(_tickets.c.reference == reference, _photos.c.state != "erased")
            .order_by(_photos.c.created_at, _photos.c.id)
        )
        return await self.database.read(lambda c: [as_photo(row) for row in c.execute(query)])

    async def in_conversation(self, conversation: str) -> dict[str, Photo]:
        """Every photo of a conversation by its id, of both sides; erased ones are not there."""
        query = sa.select(_photos).where(
            _photos.c.conversation_id == conversation, _photos.c.state != "erased"
        )
        return await self.database.read(
            lambda c: {row.id: as_photo(row) for row in c.execute(query)}
        )

    async def share(self, photo: str, conversation: str, until: datetime) -> str | None:
        """The part of a public address for a picture of staff, which works until then; the same
        one when it has one already. None for a photo of a citizen, and for one that is gone."""

        def work(c: Connection) -> str | None:
            mine = (
                _photos.c.id == photo,
                _photos.c.conversation_id == conversation,
                _photos.c.sent_by != "",
                _photos.c.state == "stored",
            )
            new = secrets.token_urlsafe(32)
            share = sa.func.coalesce(_photos.c.share, new)
            c.execute(_photos.update().where(*mine).values(share=share, share_until=until))
            found: str | None = c.execute(sa.select(_photos.c.share).where(*mine)).scalar()
            return found

        return await self.database.write(work)

    async def shared(self, share: str) -> Photo | None:
        """The picture that this part of an address stands for, while it works."""
        query = sa.select(_photos).where(
            _photos.c.share == share,
            _photos.c.share_until > self.clock(),
            _photos.c.state == "stored",
        )
        row = await self.database.read(lambda c: c.execute(query).one_or_none())
        return as_photo(row) if row is not None else None


def as_photo(row: Any) -> Photo:
    return Photo(
        id=row.id,
        conversation=row.conversation_id,
        ticket_id=row.ticket_id,
        state=row.state,
        code=row.code,
        width=row.width,
        height=row.height,
        bytes=row.bytes,
        created_at=row.created_at,
        sent_by=row.sent_by,
        share=row.share,
    )
