"""Following by another channel: a number confirmed by a code, or a link that works once.

A conversation on the web asks; only whoever holds the telephone, or opens the link, is joined.
Codes and links are kept as hashes, expire, and may be tried and asked for a few times only.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.civic.tickets import Ticket, TicketUnknown, TooManyFollowRequests
from bot.store import schema
from bot.store.rows import Queries
from bot.store.tickets.rows import TicketRows, followers, tickets

CODE_LIFETIME = timedelta(minutes=15)
LINK_LIFETIME = timedelta(minutes=30)
REQUESTS_A_DAY = 3
"""Codes for one number, and codes or links for one conversation, within a day."""
CODE_ATTEMPTS = 5
_requests = schema.follow_requests


class Joining(TicketRows):
    def ask_by_code(
        self,
        ref: str,
        conversation: str,
        number: str,
        language: str,
        send: Callable[[Connection, str, str], None],
    ) -> None:
        """Send a code to a number (E.164) with which the conversation can confirm it.

        `send(connection, sms conversation, code)` queues the SMS in the same transaction. Raises
        TicketUnknown unless the conversation follows the ticket, TooManyFollowRequests.
        """
        code = f"{secrets.randbelow(1_000_000):06d}"

        def work(c: Connection) -> None:
            ticket = self._followed(c, ref, conversation)
            self._count(c, _requests.c.conversation_id == conversation)
            self._count(c, _requests.c.address == number)
            self._request(c, ticket, conversation, "sms", number, code, CODE_LIFETIME)
            queries = Queries(self.database, self.clock)
            theirs = queries.conversation_of(c, "sms", number, language, self.clock())
            send(c, theirs, code)

        self.database.write_now(work)

    def confirm_code(self, conversation: str, code: str, language: str) -> str | None:
        """The reference that the number follows from now on; None for a wrong, old or worn-out
        code. Every try counts, also one that another process makes at the same time."""

        def work(c: Connection) -> str | None:
            mine = (
                _requests.c.conversation_id == conversation,
                _requests.c.channel == "sms",
                _requests.c.used_at.is_(None),
                _requests.c.expires_at > self.clock(),
                _requests.c.attempts < CODE_ATTEMPTS,
            )
            row = c.execute(
                sa.select(_requests)
                .where(*mine)
                .order_by(_requests.c.id.desc())
                .limit(1)
                .with_for_update()
            ).first()
            if row is None:
                return None
            right = hmac.compare_digest(row.secret_hash, hashed(conversation, code))
            c.execute(
                _requests.update()
                .where(_requests.c.id == row.id)
                .values(attempts=row.attempts + 1, used_at=self.clock() if right else None)
            )
            if not right:
                return None
            queries = Queries(self.database, self.clock)
            theirs = queries.conversation_of(c, "sms", row.address, language, self.clock())
            return self._join(c, row.ticket_id, theirs, language)

        return self.database.write_now(work)

    def ask_by_link(self, ref: str, conversation: str) -> str:
        """A token that one conversation elsewhere can redeem once. Raises as `ask_by_code`."""
        token = secrets.token_urlsafe(24)

        def work(c: Connection) -> None:
            ticket = self._followed(c, ref, conversation)
            self._count(c, _requests.c.conversation_id == conversation)
            self._request(c, ticket, conversation, "telegram", None, token, LINK_LIFETIME)

        self.database.write_now(work)
        return token

    def redeem_link(self, token: str, conversation: str, language: str) -> str | None:
        """The reference that this conversation follows from now on; None for a token that is
        unknown, old or used."""

        def work(c: Connection) -> str | None:
            fresh = (
                _requests.c.secret_hash == hashed("telegram", token),
                _requests.c.channel == "telegram",
                _requests.c.used_at.is_(None),
                _requests.c.expires_at > self.clock(),
            )
            row = c.execute(sa.select(_requests).where(*fresh).with_for_update()).first()
            if row is None:
                return None
            used = c.execute(
                _requests.update()
                .where(_requests.c.id == row.id, _requests.c.used_at.is_(None))
                .values(used_at=self.clock())
            )
            return self._join(c, row.ticket_id, conversation, language) if used.rowcount else None

        return self.database.write_now(work)

    def purge_requests(self, older_than: timedelta) -> int:
        """Delete codes and links of long ago, and the numbers with them; returns how many."""
        before = self.clock() - older_than
        return self.database.write_now(
            lambda c: int(
                c.execute(_requests.delete().where(_requests.c.created_at < before)).rowcount
            )
        )

    def _followed(self, c: Connection, ref: str, conversation: str) -> Ticket:
        ticket = self._held(c, ref)
        follows = sa.select(followers.c.ticket_id).where(
            followers.c.ticket_id == ticket.id, followers.c.conversation_id == conversation
        )
        if c.execute(follows).first() is None:
            raise TicketUnknown(ref)
        return ticket

    def _count(self, c: Connection, whose: sa.sql.ColumnElement) -> None:
        since = self.clock() - timedelta(days=1)
        asked = c.execute(
            sa.select(sa.func.count())
            .select_from(_requests)
            .where(whose, _requests.c.created_at > since)
        ).scalar_one()
        if asked >= REQUESTS_A_DAY:
            raise TooManyFollowRequests

    def _request(
        self,
        c: Connection,
        ticket: Ticket,
        conversation: str,
        channel: str,
        address: str | None,
        secret: str,
        lifetime: timedelta,
    ) -> None:
        now = self.clock()
        salt = conversation if channel == "sms" else channel
        c.execute(
            _requests.insert().values(
                ticket_id=ticket.id,
                conversation_id=conversation,
                channel=channel,
                address=address,
                secret_hash=hashed(salt, secret),
                created_at=now,
                expires_at=now + lifetime,
            )
        )

    def _join(self, c: Connection, ticket_id: int, conversation: str, language: str) -> str:
        c.execute(
            self.database.insert_or_ignore(followers).values(
                ticket_id=ticket_id,
                conversation_id=conversation,
                language=language,
                since_at=self.clock(),
            )
        )
        query = sa.select(tickets.c.reference).where(tickets.c.id == ticket_id)
        return str(c.execute(query).scalar_one())


def hashed(salt: str, secret: str) -> str:
    """How a code or token is kept: short-lived, so a plain digest with a salt will do."""
    return hashlib.sha256(f"{salt}:{secret}".encode()).hexdigest()
