"""Standard replies: what staff say often, in every language, with names to fill in.

`data/canned.yml` seeds the table; a row that was edited in the console wins over later loads. Two
editors cannot overwrite each other unaware: every change names the version that was seen.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from ruamel.yaml import YAML
from sqlalchemy.engine import Connection

from bot.civic.catalogue import in_language
from bot.phrases import fill
from bot.store import schema
from bot.store.rows import Queries

_canned = schema.canned_replies
STEP = 10
"""Between the places of two seeds, so that a new reply fits in between."""
LONGEST_CODE = 40
RESERVED = frozenset({"new"})


class ReplyChanged(Exception):
    """Somebody changed the reply since it was seen; nothing was done. `now` is how it stands."""

    def __init__(self, now: CannedReply) -> None:
        super().__init__(now.code)
        self.now = now


class ReplyUnknown(Exception):
    """There is no reply with this code."""


@dataclass(frozen=True)
class CannedReply:
    """`names` and `texts` by language; `place` in the list, the smallest first."""

    code: str
    names: Mapping[str, str]
    texts: Mapping[str, str]
    place: int = 0
    version: int = 1
    edited_at: datetime | None = None
    edited_by: str | None = None
    retired_at: datetime | None = None

    def name(self, language: str) -> str:
        return in_language(self.names, language)

    def text(self, language: str, values: Mapping[str, object]) -> str:
        """The words in a citizen's language, with the names filled in."""
        return fill(in_language(self.texts, language), values)


def load_canned(folder: Path) -> list[CannedReply]:
    """The seeds of the city's files, in their order."""
    data = YAML(typ="safe").load((folder / "canned.yml").read_text("utf-8")) or {}
    return [
        CannedReply(code, entry["names"], entry["texts"], number * STEP)
        for number, (code, entry) in enumerate(data.items(), start=1)
    ]


def code_of(name: str) -> str:
    """A code made of a name: lower case letters and figures with dashes between."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST_CODE].strip("-") or "reply"


class CannedReplies(Queries):
    def load(self, seeds: list[CannedReply]) -> None:
        """Bring the table in line with the files; edited rows stay as they are."""

        def work(c: Connection) -> None:
            edited = set(
                c.execute(sa.select(_canned.c.code).where(_canned.c.edited_at.is_not(None)))
                .scalars()
                .all()
            )
            c.execute(_canned.delete().where(_canned.c.edited_at.is_(None)))
            for seed in seeds:
                if seed.code not in edited:
                    c.execute(
                        _canned.insert().values(
                            code=seed.code,
                            names=dict(seed.names),
                            texts=dict(seed.texts),
                            place=seed.place,
                        )
                    )

        self.database.write_now(work)

    async def all(self) -> list[CannedReply]:
        """The replies in use, in their order."""
        return [reply for reply in await self.everything() if reply.retired_at is None]

    async def everything(self) -> list[CannedReply]:
        """Retired ones, too."""
        query = sa.select(_canned).order_by(_canned.c.place, _canned.c.code)
        return await self.database.read(lambda c: [_reply(row) for row in c.execute(query)])

    async def find(self, code: str) -> CannedReply | None:
        return await self.database.read(lambda c: self._one(c, code))

    @staticmethod
    def _one(c: Connection, code: str, hold: bool = False) -> CannedReply | None:
        query = sa.select(_canned).where(_canned.c.code == code)
        row = c.execute(query.with_for_update() if hold else query).one_or_none()
        return _reply(row) if row is not None else None

    # Editing -------------------------------------------------------------------------------------

    async def add(
        self, names: Mapping[str, str], texts: Mapping[str, str], place: int, by: str
    ) -> CannedReply:
        """A new reply, under a code made of its first name."""
        stem = code_of(next(iter(names.values()), ""))

        def work(c: Connection) -> CannedReply:
            for number in range(1, 1000):
                code = stem if number == 1 else f"{stem}-{number}"
                if code in RESERVED:
                    continue
                done = c.execute(
                    self.database.insert_or_ignore(_canned).values(
                        code=code,
                        names=dict(names),
                        texts=dict(texts),
                        place=place,
                        version=1,
                        edited_at=self.clock(),
                        edited_by=by,
                    )
                )
                if done.rowcount:
                    found = self._one(c, code)
                    assert found is not None
                    return found
            raise RuntimeError("no code is free")

        return await self.database.write(work)

    async def change(
        self,
        code: str,
        version: int,
        names: Mapping[str, str],
        texts: Mapping[str, str],
        place: int,
        by: str,
    ) -> CannedReply:
        """New words for a reply. Raises ReplyChanged when it is not at `version` any more, and
        ReplyUnknown."""
        values = {"names": dict(names), "texts": dict(texts), "place": place}
        return await self._set(code, version, by, values)

    async def retire(self, code: str, version: int, by: str) -> CannedReply:
        """Out of use; it can be brought back. Raises as `change` does."""
        return await self._set(code, version, by, {"retired_at": self.clock()})

    async def bring_back(self, code: str, version: int, by: str) -> CannedReply:
        return await self._set(code, version, by, {"retired_at": None})

    async def _set(
        self, code: str, version: int, by: str, values: Mapping[str, Any]
    ) -> CannedReply:
        def work(c: Connection) -> CannedReply:
            now = self._one(c, code, hold=True)
            if now is None:
                raise ReplyUnknown(code)
            done = c.execute(
                _canned.update()
                .where(_canned.c.code == code, _canned.c.version == version)
                .values(version=version + 1, edited_at=self.clock(), edited_by=by, **values)
            )
            if not done.rowcount:
                raise ReplyChanged(now)
            found = self._one(c, code)
            assert found is not None
            return found

        return await self.database.write(work)


def _reply(row: Any) -> CannedReply:
    return CannedReply(**row._mapping)
