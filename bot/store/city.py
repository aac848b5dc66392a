"""What the city consists of and what it says: its territory, collection calendar, answers.

Files seed these tables (`load_areas`, `load_answers`); loading again updates and never doubles. An
answer that was edited in the tables wins over later loads of its file.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.civic.answers import AnswerTopic
from bot.civic.areas import FIGURES, Area, Facility, LampPost, Official, Street
from bot.civic.waste import Collection, Shift
from bot.store import schema
from bot.store.engine import Database
from bot.store.rows import Clock

_areas, _streets, _collections = schema.areas, schema.streets, schema.collections
_answers = schema.answers


class FileRefused(ValueError):
    """An import file cannot be used; nothing of it was loaded. One line a fault."""


class CityRegister:
    """Areas, streets and collections, read by name or code."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def load_folder(self, folder: Path) -> dict[str, int]:
        """Load the folder's tables, all or nothing; counts by table."""
        tables = []
        for table, file, parse in _FILES:
            path = folder / file
            if table in _NEEDED or path.exists():
                tables.append((table, _read(path, parse)))

        def work(c: Connection) -> dict[str, int]:
            for table, rows in tables:
                c.execute(table.delete())
                if rows:
                    c.execute(table.insert(), rows)
            return {table.name: len(rows) for table, rows in tables}

        return self.database.write_now(work)

    def areas(self) -> list[Area]:
        return self.database.read_now(
            lambda c: [_area(row) for row in c.execute(sa.select(_areas).order_by(_areas.c.code))]
        )

    def area(self, code: str) -> Area | None:
        def work(c: Connection) -> Area | None:
            row = c.execute(sa.select(_areas).where(_areas.c.code == code)).one_or_none()
            return _area(row) if row is not None else None

        return self.database.read_now(work)

    def streets(self, name: str | None = None) -> list[Street]:
        """All streets, or those with this name (one a town)."""

        def work(c: Connection) -> list[Street]:
            query = sa.select(_streets).order_by(_streets.c.name, _streets.c.town)
            if name is not None:
                query = query.where(_streets.c.name == name)
            return [
                Street(row.name, row.town, tuple(row.area_codes), row.lat, row.lon)
                for row in c.execute(query)
            ]

        return self.database.read_now(work)

    def collections(self, area_code: str) -> list[Collection]:
        """The collection plan of an area."""

        def work(c: Connection) -> list[Collection]:
            query = sa.select(_collections).where(_collections.c.area_code == area_code)
            return [Collection(**row._mapping) for row in c.execute(query)]

        return self.database.read_now(work)

    def shifts(self, area_code: str) -> list[Shift]:
        """The days on which collection in an area differs from its plan."""
        table = schema.collection_exceptions
        columns = (c for c in table.c if c.name != "id")
        query = sa.select(*columns).where(table.c.area_code == area_code)
        return self.database.read_now(lambda c: [Shift(**r._mapping) for r in c.execute(query)])

    def officials(self, area_code: str) -> list[Official]:
        """Who is there for exactly this area: its district and city are asked for themselves."""
        table = schema.officials
        columns = (c for c in table.c if c.name != "id")
        query = sa.select(*columns).where(table.c.area_code == area_code).order_by(table.c.id)
        return self.database.read_now(lambda c: [Official(**r._mapping) for r in c.execute(query)])

    def facilities(self) -> list[Facility]:
        query = sa.select(schema.facilities).order_by(schema.facilities.c.code)
        return self.database.read_now(lambda c: [Facility(**r._mapping) for r in c.execute(query)])

    def lamp_posts(self) -> list[LampPost]:
        table = schema.lamp_posts
        query = sa.select(*(c for c in table.c if c.name != "id")).order_by(table.c.id)
        return self.database.read_now(lambda c: [LampPost(*row) for row in c.execute(query)])

    def outlines(self) -> dict[str, str]:
        """The loaded borders, as GeoJSON geometries by area code."""
        table = schema.outlines
        query = sa.select(table.c.area_code, table.c.geometry)
        return self.database.read_now(lambda c: {r.area_code: r.geometry for r in c.execute(query)})


class AnswerRegister:
    """The answer library as it is now."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock

    def load(self, answers: Iterable[AnswerTopic]) -> list[str]:
        """Seed the table from the files. Returns the codes whose edited rows were left alone."""
        rows = [_answer_row(answer) for answer in answers]

        def work(c: Connection) -> list[str]:
            edited = set(
                c.execute(
                    sa.select(_answers.c.code).where(_answers.c.edited_at.is_not(None))
                ).scalars()
            )
            c.execute(_answers.delete().where(_answers.c.edited_at.is_(None)))
            fresh = [row for row in rows if row["code"] not in edited]
            if fresh:
                c.execute(_answers.insert(), fresh)
            return sorted(edited & {row["code"] for row in rows})

        return self.database.write_now(work)

    def get(self, code: str) -> AnswerTopic | None:
        def work(c: Connection) -> AnswerTopic | None:
            row = c.execute(sa.select(_answers).where(_answers.c.code == code)).one_or_none()
            return _answer(row) if row is not None else None

        return self.database.read_now(work)

    def names(self) -> dict[str, Mapping[str, str]]:
        """The label of each answer in each language, by topic."""
        return self.database.read_now(
            lambda c: {
                f"answer/{row.code}": row.names
                for row in c.execute(sa.select(_answers.c.code, _answers.c.names))
            }
        )


def _read(path: Path, parse: Any) -> list[dict[str, Any]]:
    faults: list[str] = []
    rows = []
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileRefused(f"{path.name}: not UTF-8 ({error.reason})") from None
    for number, row in enumerate(csv.DictReader(text.splitlines()), start=2):
        try:
            rows.append(parse(row))
        except (KeyError, ValueError, TypeError) as error:
            faults.append(f"{path.name}:{number}: {type(error).__name__}: {error}")
            if len(faults) >= 20:
                break
    if faults:
        raise FileRefused("\n".join(faults))
    return rows


def _number(value: str) -> float | None:
    if value == "":
        return None
    number = float(value)
    return int(number) if number.is_integer() else number


def _area_row(row: Mapping[str, str]) -> dict[str, Any]:
    figures = {name: _number(row[name]) for name in FIGURES if row[name] != ""}
    return {
        "code": row["code"],
        "kind": row["kind"],
        "name": row["name"],
        "parent": row["parent"] or None,
        "postcode": row["postcode"] or None,
        "figures": figures,
        "year": int(row["year"]) if row["year"] else None,
        "source": row["source"],
        "lat": _number(row["lat"]),
        "lon": _number(row["lon"]),
    }


def _street_row(row: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": row["name"],
        "town": row["town"],
        "area_codes": [code for code in row["area_codes"].split(";") if code],
        "lat": _number(row["lat"]),
        "lon": _number(row["lon"]),
    }


def _collection_row(row: Mapping[str, str]) -> dict[str, Any]:
    return {
        "area_code": row["area_code"],
        "waste": row["waste"],
        "first_date": date.fromisoformat(row["first_date"]),
        "every_weeks": int(row["every_weeks"]),
        "sample": row["sample"] == "true",
    }


def _lamp_row(row: Mapping[str, str]) -> dict[str, Any]:
    return {
        "number": row["number"],
        "street": row["street"],
        "area_code": row["area_code"] or None,
        "lat": float(row["lat"]),
        "lon": float(row["lon"]),
    }


def _exception_row(row: Mapping[str, str]) -> dict[str, Any]:
    return {
        "area_code": row["area_code"],
        "waste": row["waste"],
        "planned_on": date.fromisoformat(row["planned_on"]) if row["planned_on"] else None,
        "collected_on": date.fromisoformat(row["collected_on"]) if row["collected_on"] else None,
        "reason": row["reason"],
        "sample": row["sample"] == "true",
    }


def _facility_row(row: Mapping[str, str]) -> dict[str, Any]:
    texts = {name: row[name] for name in ("code", "kind", "name", "address", "opening_hours")}
    return {
        **texts,
        "lat": float(row["lat"]),
        "lon": float(row["lon"]),
        "phone": row["phone"] or None,
        "url": row["url"] or None,
        "sample": row["sample"] == "true",
        "source": row["source"],
    }


def _official_row(row: Mapping[str, str]) -> dict[str, Any]:
    needed = ("area_code", "role", "name", "address", "opening_hours", "source")
    return {
        **{name: row[name] for name in needed},
        **{name: row[name] or None for name in ("phone", "email", "url")},
        "sample": row["sample"] == "true",
    }


_FILES = (
    (_areas, "areas.csv", _area_row),
    (_streets, "streets.csv", _street_row),
    (_collections, "collection.csv", _collection_row),
    (schema.collection_exceptions, "collection_exceptions.csv", _exception_row),
    (schema.lamp_posts, "lamp_posts.csv.gz", _lamp_row),
    (schema.facilities, "facilities.csv", _facility_row),
    (schema.officials, "officials.csv", _official_row),
)
_NEEDED = (_areas, _streets, _collections)


def _area(row: Any) -> Area:
    return Area(
        row.code, row.kind, row.name, row.parent, row.postcode, row.figures, row.year, row.source,
        row.lat, row.lon,
    )  # fmt: skip


def _answer_row(answer: AnswerTopic) -> dict[str, Any]:
    return {**answer.__dict__, "names": dict(answer.names), "texts": dict(answer.texts)}


def _answer(row: Any) -> AnswerTopic:
    return AnswerTopic(
        code=row.code,
        owner=row.owner,
        sample=row.sample,
        source_url=row.source_url,
        checked_at=row.checked_at,
        valid_until=row.valid_until,
        names=row.names,
        texts=row.texts,
    )
