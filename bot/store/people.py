"""The register of staff: accounts, and the sessions that they hold.

A session is known by the hash of its token; whoever reads the table cannot sign in with it. Times
are the clock's, so that expiry can be tested; expired sessions are deleted as new ones begin.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.store import schema
from bot.store.engine import Database
from bot.store.rows import Clock

_staff, _sessions, _links = schema.staff, schema.staff_sessions, schema.staff_links
_codes = schema.staff_recovery_codes
SEEN_EVERY = timedelta(minutes=1)
"""How often a session in use is written down as seen: not with every request."""


class NameTaken(ValueError):
    """Another account has this name."""


@dataclass(frozen=True)
class Member:
    """One account. `role` is a word of `bot.console.roles`."""

    id: int
    name: str
    role: str
    password_hash: str | None
    totp_secret: str | None
    totp_step: int | None
    subject: str | None
    disabled_at: datetime | None
    signed_in_at: datetime | None
    created_at: datetime


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


def digest(token: str) -> str:
    """SHA-256 of a random token: such tokens need no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def plain_name(name: str) -> str:
    """The name as it is stored and looked up: without spaces around, in lower case."""
    return name.strip().casefold()


class StaffRegister:
    """Accounts and sessions on one database."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        idle: timedelta = timedelta(hours=1),
        absolute: timedelta = timedelta(hours=12),
    ) -> None:
        self.database = database
        self.clock = clock
        self.idle = idle
        self.absolute = absolute

    # Accounts ------------------------------------------------------------------------------------

    async def add(self, name: str, role: str, subject: str | None = None) -> Member:
        """A new account without a password. Raises NameTaken."""

        def work(c: Connection) -> Member:
            done = c.execute(
                self.database.insert_or_ignore(_staff).values(
                    name=plain_name(name), role=role, subject=subject, created_at=self.clock()
                )
            )
            if not done.rowcount:
                raise NameTaken(name)
            return self._one(c, _staff.c.name == plain_name(name))  # type: ignore[return-value]

        return await self.database.write(work)

    def _one(self, c: Connection, where: Any) -> Member | None:
        row = c.execute(sa.select(_staff).where(where)).one_or_none()
        return Member(**row._mapping) if row is not None else None

    async def named(self, name: str) -> Member | None:
        return await self.database.read(lambda c: self._one(c, _staff.c.name == plain_name(name)))

    async def by_id(self, staff_id: int) -> Member | None:
        return await self.database.read(lambda c: self._one(c, _staff.c.id == staff_id))

    async def by_subject(self, subject: str) -> Member | None:
        """The account that signs in with this identity of the city's own provider."""
        return await self.database.read(lambda c: self._one(c, _staff.c.subject == subject))

    async def everyone(self) -> list[Member]:
        return await self.database.read(
            lambda c: [
                Member(**row._mapping)
                for row in c.execute(sa.select(_staff).order_by(_staff.c.name))
            ]
        )

    async def change(self, staff_id: int, **values: object) -> None:
        """Set columns of an account; `disabled_at`, a new password or role end its sessions."""
        ends = bool({"disabled_at", "password_hash", "role"} & set(values))

        def work(c: Connection) -> None:
            c.execute(_staff.update().where(_staff.c.id == staff_id).values(**values))
            if ends:
                c.execute(_sessions.delete().where(_sessions.c.staff_id == staff_id))

        await self.database.write(work)

    async def refresh_hash(self, staff_id: int, password_hash: str) -> None:
        """Keep the same password under today's parameters; sessions go on."""
        await self.database.write(
            lambda c: c.execute(
                _staff.update().where(_staff.c.id == staff_id).values(password_hash=password_hash)
            )
        )

    async def take_totp_step(self, staff_id: int, step: int) -> bool:
        """Use up a time step of one-time codes; False when it, or a later one, was used before."""

        def work(c: Connection) -> bool:
            done = c.execute(
                _staff.update()
                .where(
                    _staff.c.id == staff_id,
                    sa.or_(_staff.c.totp_step.is_(None), _staff.c.totp_step < step),
                )
                .values(totp_step=step)
            )
            return bool(done.rowcount)

        return await self.database.write(work)

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

    # Recovery codes ------------------------------------------------------------------------------

    async def set_recovery_codes(self, staff_id: int, codes: Sequence[str]) -> None:
        """Replace the codes of an account; they are kept as hashes."""

        def work(c: Connection) -> None:
            c.execute(_codes.delete().where(_codes.c.staff_id == staff_id))
            for code in codes:
                c.execute(_codes.insert().values(staff_id=staff_id, code_hash=digest(code)))

        await self.database.write(work)

    async def use_recovery_code(self, staff_id: int, code: str) -> bool:
        """Use a code up; False when it is none or was used before."""

        def work(c: Connection) -> bool:
            done = c.execute(
                _codes.update()
                .where(
                    _codes.c.staff_id == staff_id,
                    _codes.c.code_hash == digest(code),
                    _codes.c.used_at.is_(None),
                )
                .values(used_at=self.clock())
            )
            return bool(done.rowcount)

        return await self.database.write(work)

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
