"""What staff write beside a conversation: labels, notes, quality, marks; and filters they keep.

None of it is ever shown to a citizen. It goes when the conversation is forgotten.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.store import schema
from bot.store.engine import Database
from bot.store.rows import Clock

_talks, _facets, _notes, _saved = (
    schema.talks,
    schema.talk_facets,
    schema.talk_notes,
    schema.saved_filters,
)
MARKS = ("test", "keep", "follow_up")
MOST_SAVED = 50


class Reviews:
    """Labels, notes and marks on one database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock

    async def talk(self, conversation: str) -> dict[str, Any] | None:
        """The conversation's row in the log, with its labels and notes."""

        def work(c: Connection) -> dict[str, Any] | None:
            row = c.execute(
                sa.select(_talks).where(_talks.c.conversation_id == conversation)
            ).one_or_none()
            if row is None:
                return None
            labels = c.execute(
                sa.select(_facets.c.value)
                .where(_facets.c.facet == "label", _facets.c.number == row.number)
                .order_by(_facets.c.value)
            ).scalars()
            notes = c.execute(
                sa.select(_notes)
                .where(_notes.c.conversation_id == conversation)
                .order_by(_notes.c.id)
            )
            return {
                **row._mapping,
                "labels": list(labels),
                "notes": [dict(note._mapping) for note in notes],
            }

        return await self.database.read(work)

    async def label(self, number: int, value: str, there: bool) -> None:
        """Put a label on, or take it off."""
        row = {"facet": "label", "value": value, "number": number}

        def work(c: Connection) -> None:
            if there:
                c.execute(self.database.insert_or_ignore(_facets).values(**row))
            else:
                c.execute(_facets.delete().where(*[_facets.c[k] == v for k, v in row.items()]))

        await self.database.write(work)

    async def note(self, conversation: str, by: str, text: str) -> None:
        await self.database.write(
            lambda c: c.execute(
                _notes.insert().values(
                    conversation_id=conversation, by=by, text=text, written_at=self.clock()
                )
            )
        )

    async def change(self, number: int, **values: object) -> None:
        """Set marks or coding of a talk."""
        await self.database.write(
            lambda c: c.execute(_talks.update().where(_talks.c.number == number).values(**values))
        )

    # Saved filters -----------------------------------------------------------------------------

    async def saved(self, staff_id: int) -> list[dict[str, Any]]:
        """The filters that this person keeps, by name."""

        def work(c: Connection) -> list[dict[str, Any]]:
            rows = c.execute(
                sa.select(_saved).where(_saved.c.staff_id == staff_id).order_by(_saved.c.name)
            )
            return [dict(row._mapping) for row in rows]

        return await self.database.read(work)

    async def save(self, staff_id: int, name: str, query: str) -> None:
        """Keep a filter under a name; one of the same name is replaced."""

        def work(c: Connection) -> None:
            mine = _saved.c.staff_id == staff_id
            c.execute(_saved.delete().where(mine, _saved.c.name == name))
            count = c.execute(sa.select(sa.func.count()).select_from(_saved).where(mine)).scalar()
            if (count or 0) < MOST_SAVED:
                c.execute(
                    _saved.insert().values(
                        staff_id=staff_id, name=name, query=query, saved_at=self.clock()
                    )
                )

        await self.database.write(work)

    async def unsave(self, staff_id: int, saved_id: int) -> bool:
        """Drop one of this person's own filters; False for anyone else's."""

        def work(c: Connection) -> bool:
            done = c.execute(
                _saved.delete().where(_saved.c.staff_id == staff_id, _saved.c.id == saved_id)
            )
            return bool(done.rowcount)

        return await self.database.write(work)
