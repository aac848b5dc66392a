"""Examples that citizens labelled by choosing what they meant, for staff to accept or drop.

The turn that carries the choice writes the row in its own transaction, keyed by the inbox id, so a
turn that is taken again writes it once. "Forget me" erases the rows of a conversation.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.messages import Labelled
from bot.store import schema
from bot.store.engine import Database
from bot.store.rows import Claim

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


class ExampleRegister:
    """The labelled examples as staff see them. Blocking, like the other registers."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def listed(self, states: Sequence[str] = STATES, limit: int = 500) -> list[dict[str, Any]]:
        """Examples in these states, oldest first."""
        query = (
            sa.select(_examples)
            .where(_examples.c.state.in_(list(states)))
            .order_by(_examples.c.id)
            .limit(limit)
        )
        return self.database.read_now(lambda c: [dict(r._mapping) for r in c.execute(query)])

    def decide(self, example: int, state: str) -> bool:
        """Set the state of one example; False when there is no such example."""
        if state not in STATES:
            raise ValueError(f"{state!r} is none of {', '.join(STATES)}")
        done = self.database.write_now(
            lambda c: c.execute(
                _examples.update().where(_examples.c.id == example).values(state=state)
            )
        )
        return bool(done.rowcount)
