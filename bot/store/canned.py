"""Canned replies: what staff say often, in every language, with names to fill in.

`data/canned.yml` seeds the table; a row that was edited in the console wins over later loads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from ruamel.yaml import YAML
from sqlalchemy.engine import Connection

from bot.civic.catalogue import in_language
from bot.phrases import fill
from bot.store import schema
from bot.store.rows import Queries

_canned = schema.canned_replies


@dataclass(frozen=True)
class CannedReply:
    code: str
    names: Mapping[str, str]
    texts: Mapping[str, str]

    def name(self, language: str) -> str:
        return in_language(self.names, language)

    def text(self, language: str, values: Mapping[str, object]) -> str:
        """The words in a citizen's language, with the names filled in."""
        return fill(in_language(self.texts, language), values)


def load_canned(folder: Path) -> list[CannedReply]:
    """The seeds of the city's files, in their order."""
    data = YAML(typ="safe").load((folder / "canned.yml").read_text("utf-8")) or {}
    return [CannedReply(code, entry["names"], entry["texts"]) for code, entry in data.items()]


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
                            code=seed.code, names=dict(seed.names), texts=dict(seed.texts)
                        )
                    )

        self.database.write_now(work)

    async def all(self) -> list[CannedReply]:
        query = sa.select(_canned).order_by(_canned.c.code)
        rows = await self.database.read(lambda c: c.execute(query).all())
        return [CannedReply(row.code, row.names, row.texts) for row in rows]
