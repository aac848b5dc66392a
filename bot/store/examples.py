"""Examples that citizens labelled by choosing what they meant, for staff to accept or drop.

The turn that carries the choice writes the row in its own transaction, keyed by the inbox id, so a
turn that is taken again writes it once. "Forget me" erases the rows of a conversation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.messages import Labelled
from bot.store import schema
from bot.store.engine import Database
from bot.store.rows import Claim, Clock

_examples = schema.labelled_examples
STATES = ("new", "accepted", "dropped")


def record_example(
    database: Database, c: Connection, claim: Claim, example: Labelled, now: datetime
) -> None:
    """Write the example within the transaction of its turn, once for the inbox id."""
    c.execute(
        database.insert_or_ignore(_examples).values(
            inbox_id=claim.inbox_id,
            conversation_id=claim.conversation,
            text=example.text,
            language=example.language,
            intent=example.intent,
            topic=example.topic,
            offered=list(example.offered),
            labelled_at=now,
        )
    )


@dataclass(frozen=True)
class Verdict:
    """What staff make of an example: `text` without personal data, and what it means."""

    state: str
    by: str = ""
    text: str | None = None
    intent: str | None = None
    topic: str | None = None


class ExampleRegister:
    """The labelled examples as staff see them. Blocking, like the other registers."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self.database = database
        self.clock = clock

    def listed(self, states: Sequence[str] = STATES, limit: int = 500) -> list[dict[str, Any]]:
        """Examples in these states, oldest first."""
        query = (
            sa.select(_examples)
            .where(_examples.c.state.in_(list(states)))
            .order_by(_examples.c.id)
            .limit(limit)
        )
        return self.database.read_now(lambda c: [dict(r._mapping) for r in c.execute(query)])

    def page(
        self, state: str, language: str = "", before: int | None = None, limit: int = 20
    ) -> list[dict[str, Any]]:
        """Examples in a state, newest first, below the number `before`."""
        query = sa.select(_examples).where(_examples.c.state == state)
        if language:
            query = query.where(_examples.c.language == language)
        if before is not None:
            query = query.where(_examples.c.id < before)
        query = query.order_by(_examples.c.id.desc()).limit(limit)
        return self.database.read_now(lambda c: [dict(r._mapping) for r in c.execute(query)])

    def counts(self) -> dict[str, int]:
        """How many there are in each state."""
        query = sa.select(_examples.c.state, sa.func.count()).group_by(_examples.c.state)
        found = self.database.read_now(lambda c: dict(c.execute(query).all()))
        return {state: int(found.get(state, 0)) for state in STATES}

    def find(self, example: int) -> dict[str, Any] | None:
        query = sa.select(_examples).where(_examples.c.id == example)
        row = self.database.read_now(lambda c: c.execute(query).first())
        return dict(row._mapping) if row else None

    def decide(self, example: int, verdict: Verdict, expected: str = "") -> bool:
        """Write a verdict down; False when there is no such example, or when it is no longer in
        the state `expected`. "new" takes a verdict back."""
        if verdict.state not in STATES:
            raise ValueError(f"{verdict.state!r} is none of {', '.join(STATES)}")
        fits = [_examples.c.id == example]
        if expected:
            fits.append(_examples.c.state == expected)
        accepted, undone = verdict.state == "accepted", verdict.state == "new"
        done = self.database.write_now(
            lambda c: c.execute(
                _examples.update()
                .where(*fits)
                .values(
                    state=verdict.state,
                    edited=verdict.text if accepted else None,
                    meant_intent=verdict.intent if accepted else None,
                    meant_topic=verdict.topic if accepted else None,
                    decided_by=None if undone else verdict.by or None,
                    decided_at=self.clock() if self.clock and not undone else None,
                )
            )
        )
        return bool(done.rowcount)
