"""Loading a batch of checked rows into the territory's tables: compared first, then all or nothing.

A load replaces what it has rows of: whole tables, one level of areas, one kind of facilities. What
is the same is not touched, so that a second load of the same file changes nothing. An area that
goes takes its outline, officials and calendar with it, and leaves the streets it had. Everything
happens in one transaction, which also tells running servers.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.places.imports.columns import KEYS, SCOPES
from bot.places.imports.faults import Faults
from bot.places.imports.reading import KINDS, Batch, Options, files_in, no_bar, read
from bot.places.imports.spool import Spool, digest
from bot.places.imports.texts import sha256
from bot.store import schema
from bot.store.city import mark_changed
from bot.store.engine import Database
from bot.store.rows import Clock

TABLES: dict[str, sa.Table] = {kind: schema.metadata.tables[kind] for kind in KINDS}
POINTING = {
    "officials": "area_code",
    "collections": "area_code",
    "collection_exceptions": "area_code",
    "lamp_posts": "area_code",
    "areas": "parent",
}
"""Columns that name an area, beside the list that streets have."""
AT_ONCE = 500
ONE_AT_A_TIME = 20261
"""PostgreSQL's advisory lock of a load: two at once would compare with rows that go."""
SAME_SCOPE = {"outlines": "areas"}
Key = tuple[str, ...]


@dataclass
class Change:
    """What a load does to one kind of rows."""

    kind: str
    new: int = 0
    changed: int = 0
    same: int = 0
    removed: int = 0

    @property
    def nothing(self) -> bool:
        return not (self.new or self.changed or self.removed)


@dataclass
class Result:
    """What was done, or with a dry run would be."""

    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class _DryRun(Exception):
    """Ends the transaction of a dry run without a commit."""


def load(
    database: Database, batch: Batch, clock: Clock, dry_run: bool = False, fresh: bool = False
) -> Result:
    """Load a batch. `fresh` forgets all rows of every kind first, the demo city's too.

    Raises FileRefused when rows point at areas that will not be there; then nothing has changed.
    """
    result = Result(notes=list(batch.notes))

    def work(c: Connection) -> None:
        if not database.is_sqlite:  # SQLite has one writer anyway
            c.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
        if fresh:
            for table in reversed(TABLES.values()):
                c.execute(table.delete())
            c.execute(schema.territory_loads.delete())
        for kind in KINDS:
            if kind in batch.spools:
                result.changes.append(_replace(c, batch.spools[kind], batch))
        _check_pointers(c, batch)
        result.notes += _tidy(c)
        if fresh or not all(change.nothing for change in result.changes):
            mark_changed(c)
        _remember(c, batch, clock)
        if dry_run:
            raise _DryRun

    with contextlib.suppress(_DryRun):
        database.write_now(work)
    return result


SEED = "seed: "
"""Before the names of the demo city's files in the record of loads."""


def seed(database: Database, folder: Path, clock: Clock) -> Result | None:
    """Load the demo city's folder, unless it is loaded as it is or a city loaded files of its own.

    Raises FileRefused.
    """
    paths = files_in(folder)
    loads = schema.territory_loads
    held = database.read_now(
        lambda c: {
            row.file: row.sha256 for row in c.execute(sa.select(loads.c.file, loads.c.sha256))
        }
    )
    if any(not file.startswith(SEED) for file in held):
        return None
    if held == {SEED + path.name: sha256(path) for path in paths}:
        return None
    with contextlib.closing(read(paths, Options(), no_bar, clock().date())) as batch:
        for kind, files in batch.files.items():
            batch.files[kind] = [(SEED + name, digest) for name, digest in files]
        return load(database, batch, clock, fresh=True)


def _replace(c: Connection, spool: Spool, batch: Batch) -> Change:
    """Bring the rows within the spool's scopes to what the spool holds."""
    table, change = TABLES[spool.kind], Change(spool.kind)
    old: dict[Key, tuple[Any, bytes]] = {}
    double: list[Any] = []
    for identity, key, found in _existing(c, spool, batch):
        if key in old:
            double.append(identity)
        old[key] = (identity, found)
    gone = [identity for key, (identity, _) in old.items() if key not in spool.keys]
    primary = list(table.primary_key.columns)
    for part in _parts([*gone, *double]):
        for identity in part:
            c.execute(table.delete().where(*(p == v for p, v in zip(primary, identity))))
    change.removed = len(gone) + len(double)
    fresh: list[dict[str, Any]] = []
    for key, row, _ in spool:
        known = old.get(key)
        if known is None:
            fresh.append(_typed(spool.kind, row))
            change.new += 1
        elif known[1] != spool.keys[key] and not (spool.kind == "areas" and key[0] in batch.weak):
            where = (p == v for p, v in zip(primary, known[0]))
            c.execute(table.update().where(*where).values(**_typed(spool.kind, row)))
            change.changed += 1
        else:
            change.same += 1
        if len(fresh) >= AT_ONCE:
            c.execute(table.insert(), fresh)
            fresh = []
    if fresh:
        c.execute(table.insert(), fresh)
    return change


def _existing(c: Connection, spool: Spool, batch: Batch) -> Iterator[tuple[Any, Key, bytes]]:
    """(primary key, our key, digest) of the rows that this load replaces."""
    table, kind = TABLES[spool.kind], spool.kind
    query = sa.select(table)
    if kind in SAME_SCOPE:
        areas = schema.areas
        level = sa.select(areas.c.code).where(areas.c.kind.in_(sorted(spool.scopes)))
        left = sa.select(areas.c.code)
        code = table.c.area_code
        query = query.where(sa.or_(code.in_(level), code.not_in(left)))
    elif not spool.whole:
        column = SCOPES.get(kind, "area_code")
        query = query.where(table.c[column].in_(sorted(spool.scopes)))
    primary = [p.name for p in table.primary_key.columns]
    for row in c.execute(query.execution_options(stream_results=True)).mappings():
        plain = {k: _plain(v) for k, v in row.items() if k != "id"}
        key = tuple(str(plain.get(name) or "") for name in KEYS[kind])
        yield tuple(row[name] for name in primary), key, digest(plain)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _typed(kind: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row out of JSON with the types of its table."""
    dates = [column.name for column in TABLES[kind].c if isinstance(column.type, sa.Date)]
    return {
        name: date.fromisoformat(value) if name in dates and value else value
        for name, value in row.items()
    }


def _check_pointers(c: Connection, batch: Batch) -> None:
    """Every area that a row of the files names is there, or the load is refused with the lines.

    Only the first areas of a city may name a level above them that is still to be loaded.
    """
    areas = schema.areas
    codes = set(c.execute(sa.select(areas.c.code)).scalars())
    levels = set(c.execute(sa.select(areas.c.kind).distinct()).scalars())
    above = {"neighbourhood": "district", "district": "city"}
    faults = Faults()
    for kind, column in (*POINTING.items(), ("streets", "area_codes")):
        for _, row, where in batch.spools.get(kind, ()):
            value = row.get(column)
            for code in value if isinstance(value, list) else [value] if value else []:
                if code in codes or (kind == "areas" and above.get(row["kind"]) not in levels):
                    continue
                faults.add(where, f"there is no area {code[:40]!r}; load the areas with it")
    faults.check()


def _tidy(c: Connection) -> list[str]:
    """Take away what points at areas that are no more; says what."""
    areas, notes = schema.areas, []
    codes = sa.select(areas.c.code)
    for kind in ("outlines", "officials", "collections", "collection_exceptions"):
        table = TABLES[kind]
        gone = c.execute(table.delete().where(table.c.area_code.not_in(codes))).rowcount
        if gone:
            notes.append(f"{gone} {kind} of areas that are no more were removed")
    posts = schema.lamp_posts
    lost = posts.update().where(posts.c.area_code.not_in(codes)).values(area_code=None)
    if count := c.execute(lost).rowcount:
        notes.append(f"{count} lamp-posts have no area now; load the city's own lamp-posts")
    known = set(c.execute(codes).scalars())
    streets = schema.streets
    count = 0
    for row in c.execute(sa.select(streets.c.id, streets.c.area_codes)).all():
        kept = [code for code in row.area_codes if code in known]
        if kept != list(row.area_codes):
            count += 1
            c.execute(streets.update().where(streets.c.id == row.id).values(area_codes=kept))
    if count:
        notes.append(f"{count} streets lost an area that is no more; load the city's own streets")
    return notes


def _remember(c: Connection, batch: Batch, clock: Clock) -> None:
    """Write down which files the rows of each kind came from."""
    loads = schema.territory_loads
    for kind, files in batch.files.items():
        c.execute(loads.delete().where(loads.c.kind == kind))
        row = {"kind": kind, "file": ", ".join(name for name, _ in files)}
        row["sha256"] = files[-1][1] if len(files) == 1 else _joined(sha for _, sha in files)
        rows = len(batch.spools[kind])
        c.execute(loads.insert().values(**row, rows=rows, loaded_at=clock()))


def _joined(digests: Iterable[str]) -> str:
    """One digest for several files."""
    return hashlib.sha256(json.dumps(sorted(digests)).encode()).hexdigest()


def _parts(items: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(items), AT_ONCE):
        yield items[start : start + AT_ONCE]
