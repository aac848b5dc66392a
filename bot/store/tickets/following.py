"""Who follows a ticket, what others may see of it, and how often others may look.

The reporter follows from the start, and may stop like anybody else. A look-up from another
conversation is counted by day; references are numbered in a row, so guessing must not pay.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.civic.tickets import OPEN, Follower, Nearby, State, Ticket, TooManyLookups
from bot.store import schema
from bot.store.tickets.rows import TicketRows, followers, ticket_of, tickets

LOOKUPS_A_DAY = 10
"""References of other people's reports that one conversation may look up in a day."""
METRES_PER_DEGREE = 111_195.0
_lookups = schema.ticket_lookups
_OPEN = sorted(state.value for state in OPEN)


class Following(TicketRows):
    def near(
        self,
        service: str,
        lat: float | None,
        lon: float | None,
        street: str | None,
        radius: float,
        limit: int = 3,
        conversation: str | None = None,
    ) -> list[Nearby]:
        """Open tickets of this service within `radius` metres, nearest first; those without a
        position (or all, when none is given) by the same street, newest first.

        With `conversation`, tickets that it follows already are left out.
        """
        return self.database.read_now(
            lambda c: self._near(c, service, lat, lon, street, radius, conversation)[:limit]
        )

    def _near(
        self,
        c: Connection,
        service: str,
        lat: float | None,
        lon: float | None,
        street: str | None,
        radius: float,
        conversation: str | None,
    ) -> list[Nearby]:
        here = lat is not None and lon is not None
        around: list[Any] = []
        if lat is not None and lon is not None:
            up = radius / METRES_PER_DEGREE
            aside = up / max(math.cos(math.radians(lat)), 0.01)
            around.append(
                sa.and_(
                    tickets.c.lat.between(lat - up, lat + up),
                    tickets.c.lon.between(lon - aside, lon + aside),
                )
            )
        if street:
            same = sa.func.lower(tickets.c.street) == street.strip().lower()
            around.append(sa.and_(tickets.c.lat.is_(None), same) if here else same)
        if not around:
            return []
        following = (
            sa.select(sa.func.count())
            .select_from(followers)
            .where(followers.c.ticket_id == tickets.c.id)
            .scalar_subquery()
        )
        query = (
            sa.select(tickets, following.label("followers"))
            .where(tickets.c.service == service, tickets.c.state.in_(_OPEN), sa.or_(*around))
            .order_by(tickets.c.id.desc())
            .limit(200)
        )
        if conversation:
            mine = sa.exists().where(
                followers.c.ticket_id == tickets.c.id, followers.c.conversation_id == conversation
            )
            query = query.where(~mine)
        found = [_nearby(row, lat, lon) for row in c.execute(query)]
        within = [n for n in found if n.metres is None or n.metres <= radius]
        return sorted(within, key=lambda n: math.inf if n.metres is None else n.metres)

    def follow(self, ref: str, conversation: str, language: str = "") -> bool:
        """Tell this conversation of the ticket's changes; of a duplicate, those of the ticket
        that it became part of. False when it follows already. Raises TicketUnknown."""

        def work(c: Connection) -> bool:
            ticket = self._where_it_goes_on(c, self._held(c, ref))
            made = c.execute(
                self.database.insert_or_ignore(followers).values(
                    ticket_id=ticket.id,
                    conversation_id=conversation,
                    language=language,
                    since_at=self.clock(),
                )
            )
            return bool(made.rowcount)

        return self.database.write_now(work)

    def _where_it_goes_on(self, c: Connection, ticket: Ticket) -> Ticket:
        for _ in range(10):
            following = ticket.duplicate_of and self._one(
                c, tickets.c.reference == ticket.duplicate_of
            )
            if not following:
                break
            ticket = following
        return ticket

    def unfollow(self, ref: str, conversation: str) -> bool:
        """Tell this conversation no more; False when it did not follow, or nobody knows it."""

        def work(c: Connection) -> bool:
            ticket = self._one(c, tickets.c.reference == ref)
            gone = c.execute(
                followers.delete().where(
                    followers.c.ticket_id == (ticket.id if ticket else None),
                    followers.c.conversation_id == conversation,
                )
            )
            return bool(gone.rowcount)

        return self.database.write_now(work)

    def follows(self, ref: str, conversation: str) -> bool:
        """Is this conversation told of the ticket's changes?"""
        return any(f.conversation == conversation for f in self.followers(ref))

    def followers(self, ref: str) -> list[Follower]:
        """Everybody who is told, the reporter first."""

        def work(c: Connection) -> list[Follower]:
            rows = c.execute(
                sa.select(followers, tickets.c.conversation_id.label("reporter"))
                .join(tickets, tickets.c.id == followers.c.ticket_id)
                .where(tickets.c.reference == ref)
                .order_by(followers.c.since_at, followers.c.conversation_id)
            )
            found = [
                Follower(r.conversation_id, r.language, r.conversation_id == r.reporter)
                for r in rows
            ]
            return sorted(found, key=lambda f: not f.reporter)

        return self.database.read_now(work)

    def followed_by(self, conversation: str) -> list[Ticket]:
        """Other people's tickets that this conversation follows, newest first."""

        def work(c: Connection) -> list[Ticket]:
            other = sa.or_(
                tickets.c.conversation_id.is_(None), tickets.c.conversation_id != conversation
            )
            rows = c.execute(
                sa.select(tickets)
                .join(followers, followers.c.ticket_id == tickets.c.id)
                .where(followers.c.conversation_id == conversation, other)
                .order_by(tickets.c.id.desc())
            )
            return [ticket_of(row) for row in rows]

        return self.database.read_now(work)

    def look_up(self, ref: str, conversation: str) -> Ticket | None:
        """The ticket as asked for in this conversation; None when nobody knows it.

        Own and followed tickets as often as one likes; others LOOKUPS_A_DAY a day, whether they
        exist or not. Raises TooManyLookups after that, the same for both.
        """

        def work(c: Connection) -> Ticket | None:
            ticket = self._one(c, tickets.c.reference == ref)
            if ticket is not None and self._knows(c, ticket, conversation):
                return ticket
            mine = (_lookups.c.conversation_id == conversation, _lookups.c.day == self.today())
            c.execute(
                self.database.insert_or_ignore(_lookups).values(
                    conversation_id=conversation, day=self.today(), count=0
                )
            )
            counted = c.execute(
                _lookups.update()
                .where(*mine, _lookups.c.count < LOOKUPS_A_DAY)
                .values(count=_lookups.c.count + 1)
            )
            if not counted.rowcount:
                raise TooManyLookups
            return ticket

        return self.database.write_now(work)

    @staticmethod
    def _knows(c: Connection, ticket: Ticket, conversation: str) -> bool:
        if ticket.conversation == conversation:
            return True
        follows = sa.select(followers.c.ticket_id).where(
            followers.c.ticket_id == ticket.id, followers.c.conversation_id == conversation
        )
        return c.execute(follows).first() is not None

    def purge_lookups(self, older_than: timedelta) -> int:
        """Forget how often conversations looked; returns the number of rows."""
        day = self.today() - older_than
        return self.database.write_now(
            lambda c: int(c.execute(_lookups.delete().where(_lookups.c.day < day)).rowcount)
        )


def metres(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Distance over the ground; good to 0.5 % (the Earth as a ball)."""
    a, b = math.radians(lat), math.radians(other_lat)
    half = (
        math.sin((b - a) / 2) ** 2
        + math.cos(a) * math.cos(b) * math.sin(math.radians(other_lon - lon) / 2) ** 2
    )
    return 2 * 6_371_000 * math.asin(math.sqrt(half))


def _nearby(row: Any, lat: float | None, lon: float | None) -> Nearby:
    both = None not in (lat, lon, row.lat, row.lon)
    return Nearby(
        reference=row.reference,
        service=row.service,
        state=State(row.state),
        place=row.place if row.place_known else (row.street or ""),
        street=row.street or "",
        area_code=row.area_code,
        created_at=row.created_at,
        followers=int(row.followers),
        metres=metres(lat, lon, row.lat, row.lon) if both else None,  # type: ignore[arg-type]
    )
