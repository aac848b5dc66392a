"""The register of staff: accounts, and the sessions that they hold.

A session is known by the hash of its token; whoever reads the table cannot sign in with it. Times
are the clock's, so that expiry can be tested; expired sessions are deleted as new ones begin.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.store import schema
from bot.store.accounts import Accounts, Member, NameTaken, digest, plain_name
from bot.store.engine import Database
from bot.store.rows import Clock

_staff, _sessions, _links = schema.staff, schema.staff_sessions, schema.staff_links
__all__ = ["Member", "NameTaken", "Session", "StaffRegister", "digest", "plain_name"]
SEEN_EVERY = timedelta(minutes=1)
"""How often a session in use is written down as seen: not with every request."""


@dataclass(frozen=True)
class Session:
    """One signed-in browser. `stage` is `full`, or `code` while the one-time code is awaited."""

    token_hash: str
    member: Member
    stage: str
    flash: list[list[str]]
    unmasked: dict[str, str]
    created_at: datetime
    seen_at: datetime
    expires_at: datetime

    @property
    def short(self) -> str:
        """What the audit log calls this session."""
        return self.token_hash[:12]


class StaffRegister(Accounts):
    """Accounts and sessions on one database."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        idle: timedelta = timedelta(hours=1),
        absolute: timedelta = timedelta(hours=12),
    ) -> None:
        super().__init__(database, clock)
        self.idle = idle
        self.absolute = absolute

    # Sessions ------------------------------------------------------------------------------------

    async def begin(self, member: Member, stage: str, address: str, browser: str) -> str:
        """Open a session and give its token, which is kept nowhere."""
        token = secrets.token_urlsafe(32)

        def work(c: Connection) -> None:
            now = self.clock()
            c.execute(_sessions.delete().where(self._over(now)))
            c.execute(
                _sessions.insert().values(
                    token_hash=digest(token),
                    staff_id=member.id,
                    stage=stage,
                    address=address[:60],
                    browser=browser[:200],
                    created_at=now,
                    seen_at=now,
                    expires_at=now + self.absolute,
                )
            )
            if stage == "full":
                c.execute(_staff.update().where(_staff.c.id == member.id).values(signed_in_at=now))

        await self.database.write(work)
        return token

    def _over(self, now: datetime) -> Any:
        return sa.or_(_sessions.c.expires_at <= now, _sessions.c.seen_at <= now - self.idle)

    async def session(self, token: str, touch: bool = True) -> Session | None:
        """The session of a token, unless it is over or its account is disabled.

        `touch` counts this as use; a page that refreshes by itself must not keep a session alive.
        """
        now = self.clock()

        def look(c: Connection) -> Session | None:
            row = c.execute(
                sa.select(_sessions).where(
                    _sessions.c.token_hash == digest(token), sa.not_(self._over(now))
                )
            ).one_or_none()
            if row is None:
                return None
            member = self._one(
                c, sa.and_(_staff.c.id == row.staff_id, _staff.c.disabled_at.is_(None))
            )
            if member is None:
                return None
            return Session(
                row.token_hash,
                member,
                row.stage,
                row.flash or [],
                row.unmasked or {},
                row.created_at,
                row.seen_at,
                row.expires_at,
            )

        found = await self.database.read(look)
        if touch and found is not None and now - found.seen_at >= SEEN_EVERY:
            await self.keep(found, seen_at=now)
        return found

    async def sessions_of(self, staff_id: int) -> list[dict[str, Any]]:
        """The open sessions of an account, last seen first."""
        now = self.clock()

        def work(c: Connection) -> list[dict[str, Any]]:
            rows = c.execute(
                sa.select(_sessions)
                .where(_sessions.c.staff_id == staff_id, sa.not_(self._over(now)))
                .order_by(_sessions.c.seen_at.desc())
            )
            return [dict(row._mapping) for row in rows]

        return await self.database.read(work)

    async def keep(self, session: Session, **values: object) -> None:
        """Set columns of a session: what to show next, what it may read unmasked, when seen."""
        await self.database.write(
            lambda c: c.execute(
                _sessions.update()
                .where(_sessions.c.token_hash == session.token_hash)
                .values(**values)
            )
        )

    async def end(self, session: Session) -> None:
        await self.database.write(
            lambda c: c.execute(
                _sessions.delete().where(_sessions.c.token_hash == session.token_hash)
            )
        )

    async def end_all(self, staff_id: int) -> None:
        """Sign the account out everywhere."""
        await self.database.write(
            lambda c: c.execute(_sessions.delete().where(_sessions.c.staff_id == staff_id))
        )

    # One-time links ------------------------------------------------------------------------------

    async def make_link(self, staff_id: int, kind: str, lifetime: timedelta) -> str:
        """A token for a link that works once; earlier links of the kind stop working."""
        token = secrets.token_urlsafe(32)

        def work(c: Connection) -> None:
            c.execute(_links.delete().where(_links.c.staff_id == staff_id, _links.c.kind == kind))
            c.execute(
                _links.insert().values(
                    token_hash=digest(token),
                    staff_id=staff_id,
                    kind=kind,
                    expires_at=self.clock() + lifetime,
                )
            )

        await self.database.write(work)
        return token

    async def look_at_link(self, token: str, kind: str) -> Member | None:
        """Whose link this is, while it still works."""
        return await self.database.read(lambda c: self._link(c, token, kind))

    def _link(self, c: Connection, token: str, kind: str) -> Member | None:
        return self._one(
            c,
            sa.and_(
                _staff.c.disabled_at.is_(None),
                _staff.c.id
                == sa.select(_links.c.staff_id)
                .where(
                    _links.c.token_hash == digest(token),
                    _links.c.kind == kind,
                    _links.c.used_at.is_(None),
                    _links.c.expires_at > self.clock(),
                )
                .scalar_subquery(),
            ),
        )

    async def use_link(self, token: str, kind: str) -> Member | None:
        """Use the link up; None when it no longer works."""

        def work(c: Connection) -> Member | None:
            member = self._link(c, token, kind)
            if member is None:
                return None
            used = c.execute(
                _links.update()
                .where(_links.c.token_hash == digest(token), _links.c.used_at.is_(None))
                .values(used_at=self.clock())
            )
            return member if used.rowcount else None

        return await self.database.write(work)
