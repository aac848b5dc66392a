"""The photo room's queries: what is to be fetched, what was stored, what is to be deleted.

A picture is claimed by pushing its `not_before` ahead, so a process that dies gives it back by
itself. Files and rows cannot change in one transaction; the order here keeps every file known to a
row: the row comes before its file and goes after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.messages import ChannelName, ConversationId
from bot.photos.decoding import Decoded
from bot.store import schema
from bot.store.pictures import new_photo_id
from bot.store.rows import Queries

_photos = schema.photos
CLAIM = timedelta(minutes=5)
STALE = timedelta(hours=1)
POSITION_KEPT = timedelta(days=1)
"""How long a position waits for the citizen's word."""

UNSENT_KEPT = timedelta(days=1)
"""How long a picture waits for the member of staff who uploaded it to send it."""


@dataclass(frozen=True)
class Wanted:
    """A picture to fetch from its provider."""

    photo: str
    conversation: ConversationId
    channel: ChannelName
    reference: str
    attempts: int


class PhotoQueue(Queries):
    """See the module."""

    async def begin(
        self, conversation: ConversationId, channel: ChannelName, sent_by: str = ""
    ) -> str:
        """A row for a picture that is being stored now, of the citizen or of a member of staff;
        returns its id."""
        photo = new_photo_id()
        await self.database.write(
            lambda c: c.execute(
                _photos.insert().values(
                    id=photo,
                    conversation_id=conversation,
                    channel=channel,
                    state="arriving",
                    sent_by=sent_by,
                    created_at=self.clock(),
                )
            )
        )
        return photo

    async def keep(self, photo: str, found: Decoded) -> bool:
        """The files are stored. False when the citizen had it forgotten meanwhile."""
        position = found.position or (None, None)
        done = await self._end(
            photo,
            state="stored",
            width=found.width,
            height=found.height,
            bytes=len(found.photo),
            lat=position[0],
            lon=position[1],
            not_before=None,
            stored_at=self.clock(),
        )
        return done == 1

    async def settle(self, photo: str, state: str, code: str) -> None:
        """Refused, or gone: the provider's reference stays for staff."""
        await self._end(photo, state=state, code=code[:40], not_before=None)

    async def later(self, wanted: Wanted, delay: timedelta, code: str) -> None:
        """Fetch it again after a while."""
        await self._end(wanted.photo, not_before=self.clock() + delay, code=code[:40])

    async def _end(self, photo: str, **values: Any) -> int:
        open_ones = _photos.c.state.in_(("waiting", "arriving"))
        update = _photos.update().where(_photos.c.id == photo, open_ones).values(**values)
        return int(await self.database.write(lambda c: c.execute(update).rowcount))

    async def claim(self) -> Wanted | None:
        """The next picture to fetch; it is ours for some minutes."""

        def work(c: Connection) -> Wanted | None:
            now = self.clock()
            due = sa.or_(_photos.c.not_before.is_(None), _photos.c.not_before <= now)
            row = c.execute(
                sa.select(_photos)
                .where(_photos.c.state == "waiting", due)
                .order_by(_photos.c.attempts, _photos.c.created_at)
                .limit(1)
                .with_for_update(skip_locked=True)
            ).first()
            if row is None:
                return None
            c.execute(
                _photos.update()
                .where(_photos.c.id == row.id)
                .values(attempts=row.attempts + 1, not_before=now + CLAIM)
            )
            return Wanted(
                row.id,
                ConversationId(row.conversation_id),
                ChannelName(row.channel),
                row.reference,
                row.attempts + 1,
            )

        return await self.database.write(work)

    async def erased(self, limit: int = 20) -> list[str]:
        """Ids of photos whose files are to be deleted."""
        query = sa.select(_photos.c.id).where(_photos.c.state == "erased").limit(limit)
        return await self.database.read(lambda c: list(c.execute(query).scalars()))

    async def gone(self, photo: str) -> None:
        """The files are deleted: the row goes, too."""
        query = _photos.delete().where(_photos.c.id == photo, _photos.c.state == "erased")
        await self.database.write(lambda c: c.execute(query))

    async def sweep(self, orphans: timedelta) -> int:
        """Mark as erased what nobody needs; returns how many.

        That is: photos that after `orphans` belong to no ticket, pictures that staff uploaded and
        did not send within a day, and uploads that broke off.
        Positions to which nobody agreed within a day are forgotten.
        """

        def work(c: Connection) -> int:
            now = self.clock()
            lonely = sa.and_(_photos.c.ticket_id.is_(None), _photos.c.created_at < now - orphans)
            broken_off = sa.and_(_photos.c.state == "arriving", _photos.c.created_at < now - STALE)
            unsent = sa.and_(
                _photos.c.sent_by != "",
                _photos.c.share.is_(None),
                _photos.c.created_at < now - UNSENT_KEPT,
            )
            c.execute(
                _photos.update()
                .where(
                    _photos.c.lat.is_not(None),
                    _photos.c.position_agreed.is_(False),
                    _photos.c.created_at < now - POSITION_KEPT,
                )
                .values(lat=None, lon=None)
            )
            done = c.execute(
                _photos.update()
                .where(_photos.c.state != "erased", sa.or_(lonely, unsent, broken_off))
                .values(
                    state="erased",
                    conversation_id=None,
                    reference="",
                    lat=None,
                    lon=None,
                    not_before=None,
                )
            )
            return int(done.rowcount)

        return await self.database.write(work)
