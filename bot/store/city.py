"""What the city consists of and what it says: its territory, collection calendar, answers.

Files seed these tables (`load_areas`, `load_answers`); loading again updates and never doubles. An
answer that was edited in the tables wins over later loads of its file.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.civic.answers import AnswerTopic
from bot.civic.areas import Area, Facility, LampPost, Official, Street
from bot.civic.waste import Collection, Shift
from bot.store import schema
from bot.store.engine import Database
from bot.store.marks import set_mark
from bot.store.rows import Clock

_areas, _streets, _collections = schema.areas, schema.streets, schema.collections
_answers = schema.answers


VERSION_MARK = "territory"


def mark_changed(c: Connection) -> None:
    """Tell running servers, in the transaction that changes the territory's rows."""
    set_mark(c, VERSION_MARK, secrets.token_hex(8), datetime.now(timezone.utc))


class CityRegister:
    """Areas, streets and collections, read by name or code."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def version(self) -> str:
        """Another text after each load; empty before the first."""
        query = sa.select(schema.marks.c.value).where(schema.marks.c.name == VERSION_MARK)
        return str(self.database.read_now(lambda c: c.execute(query).scalar_one_or_none()) or "")

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
