"""Open311's rows: keys of those who may post, and the tickets that the world may list.

Keys are random and kept as hashes. A retried post finds the ticket of the first: by its idempotency
key, or by the same content from the same sender within a short while.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.civic.tickets import NewTicket, Ticket
from bot.store import schema
from bot.store.engine import Database
from bot.store.registers import TicketRegister
from bot.store.rows import Clock
from bot.store.tickets.rows import ticket_of

_keys, _tickets = schema.open311_keys, schema.tickets
WINDOW = timedelta(minutes=10)
"""How long the same content from the same sender counts as a retry."""


class KeyTaken(Exception):
    """There is a key of this name already."""


class OtherContent(Exception):
    """The idempotency key was used for another request before."""


@dataclass(frozen=True)
class Sought:
    """Which tickets to list. `states` and `services` empty: all; the end is excluded."""

    services: Collection[str]
    states: Collection[str]
    since: datetime
    until: datetime


class Open311Register:
    """See the module. Blocking, but for `sender`."""

    def __init__(self, database: Database, tickets: TicketRegister, clock: Clock) -> None:
        self.database = database
        self.tickets = tickets
        self.clock = clock

    # Keys ----------------------------------------------------------------------------------------

    def add_key(self, name: str) -> str:
        """A new key, told once and never again. Raises KeyTaken."""
        key = secrets.token_urlsafe(32)

        def work(c: Connection) -> int:
            values = {"name": name, "key_hash": _hash(key), "created_at": self.clock()}
            return int(c.execute(self.database.insert_or_ignore(_keys).values(values)).rowcount)

        if not self.database.write_now(work):
            raise KeyTaken(name)
        return key

    def revoke_key(self, name: str) -> bool:
        """False when there is no such key in use."""
        update = (
            _keys.update()
            .where(_keys.c.name == name, _keys.c.revoked_at.is_(None))
            .values(revoked_at=self.clock())
        )
        return bool(self.database.write_now(lambda c: c.execute(update).rowcount))

    def listed_keys(self) -> list[dict[str, Any]]:
        """Names and dates of all keys, without anything secret."""
        columns = [c for c in _keys.c if c.name != "key_hash"]
        query = sa.select(*columns).order_by(_keys.c.name)
        return self.database.read_now(lambda c: [dict(r._mapping) for r in c.execute(query)])

    async def sender(self, key: str) -> int | None:
        """The id of a key in use."""

        def work(c: Connection) -> int | None:
            mine = sa.and_(_keys.c.key_hash == _hash(key), _keys.c.revoked_at.is_(None))
            found: int | None = c.execute(sa.select(_keys.c.id).where(mine)).scalar()
            if found is not None:
                c.execute(_keys.update().where(mine).values(used_at=self.clock()))
            return found

        return await self.database.write(work)

    # Requests ------------------------------------------------------------------------------------

    def open(self, sender: int, new: NewTicket, content: str, once: str) -> tuple[Ticket, bool]:
        """The ticket of this post and whether it is new. `content` is its fingerprint, `once` its
        idempotency key or "". Raises OtherContent."""

        def work(c: Connection) -> tuple[Ticket, bool]:
            now = self.clock()
            self.tickets.hold_counter(c, now)  # posts are opened one after the other
            start = f"open311-{sender}-"
            if once:
                start += f"k{_hash(once)[:24]}-"
                known = self._newest(c, start, None)
                if known is not None and known[1] != start + content[:24]:
                    raise OtherContent
                key = start + content[:24]
            else:
                start += f"c{content[:24]}-"
                known = self._newest(c, start, now - WINDOW)
                key = f"{start}{secrets.token_hex(6)}"
            if known is not None:
                return known[0], False
            return self.tickets.open_within(c, replace(new, request_key=key)), True

        return self.database.write_now(work)

    @staticmethod
    def _newest(c: Connection, start: str, since: datetime | None) -> tuple[Ticket, str] | None:
        query = sa.select(_tickets).where(_tickets.c.request_key.startswith(start, autoescape=True))
        if since is not None:
            query = query.where(_tickets.c.created_at > since)
        row = c.execute(query.order_by(_tickets.c.id.desc()).limit(1)).first()
        return (ticket_of(row), row.request_key) if row is not None else None

    def by_reference(self, references: Sequence[str], services: Collection[str]) -> list[Ticket]:
        """The tickets with these references, as far as there are any, newest first."""
        query = sa.select(_tickets).where(
            _tickets.c.reference.in_(list(references)), _tickets.c.service.in_(list(services))
        )
        return self._all(query)

    def search(self, sought: Sought, page: int, size: int) -> list[Ticket]:
        """A page of tickets by the time they were opened, newest first; pages begin at 1."""
        query = sa.select(_tickets).where(
            _tickets.c.service.in_(list(sought.services)),
            _tickets.c.created_at >= sought.since,
            _tickets.c.created_at < sought.until,
        )
        if sought.states:
            query = query.where(_tickets.c.state.in_(list(sought.states)))
        return self._all(query.limit(size).offset((page - 1) * size))

    def _all(self, query: Any) -> list[Ticket]:
        query = query.order_by(_tickets.c.created_at.desc(), _tickets.c.id.desc())
        return self.database.read_now(lambda c: [ticket_of(row) for row in c.execute(query)])


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
