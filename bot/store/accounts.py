"""Accounts of staff: names, roles, how they prove who they are. Sessions stand in `people`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.store import schema
from bot.store.engine import Database
from bot.store.rows import Clock

_staff, _sessions = schema.staff, schema.staff_sessions
_codes = schema.staff_recovery_codes


class NameTaken(ValueError):
    """Another account has this name."""


@dataclass(frozen=True)
class Member:
    """One account. `role` is a word of `bot.console.roles`; `shown` the name that others read."""

    id: int
    name: str
    shown: str
    role: str
    password_hash: str | None
    totp_secret: str | None
    totp_step: int | None
    subject: str | None
    disabled_at: datetime | None
    signed_in_at: datetime | None
    created_at: datetime

    @property
    def called(self) -> str:
        """The name that citizens and colleagues read: the chosen one, or one made of the account's
        name ("noor.jansen@city.example" is Noor Jansen)."""
        words = self.name.split("@")[0].replace(".", " ").replace("_", " ").split()
        made = " ".join(word[:1].upper() + word[1:] for word in words)
        return self.shown or made or self.name


def digest(token: str) -> str:
    """SHA-256 of a random token: such tokens need no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def plain_name(name: str) -> str:
    """The name as it is stored and looked up: without spaces around, in lower case."""
    return name.strip().casefold()


class Accounts:
    """Accounts on one database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock

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
