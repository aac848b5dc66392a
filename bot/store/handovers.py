"""Requests for a person: who waits, who holds which conversation, and who was first.

A change of hands is one conditional UPDATE, checked by its row count, together with what is said
for it: after a crash both are there or neither. What an agent sends carries the version that they
saw; a stale one is refused with what happened meanwhile, so two never answer unaware.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.messages import ConversationId, PersonWish, Rating
from bot.store import schema
from bot.store.claims import Claims
from bot.store.ratings import write_rating
from bot.store.rows import OutgoingReply
from bot.store.wishes import OPEN, open_of, open_request, write_event

_handovers, _events = schema.handovers, schema.handover_events
_conversations = schema.conversations
HandoverState = Literal["waiting", "claimed", "left", "closed", "timed_out"]
WORTH_TELLING = timedelta(hours=2)
"""Older requests are not told of, say when a web hook is set up for the first time."""
BUSY_TRIES, BUSY_SECONDS = 30, 0.1


class Collision(Exception):
    """Somebody else was first. `kind`, `by` and `at` say what happened; nothing was changed."""

    def __init__(self, kind: str, by: str = "", at: datetime | None = None) -> None:
        super().__init__(f"{kind} by {by}" if by else kind)
        self.kind, self.by, self.at = kind, by, at


@dataclass(frozen=True)
class Change:
    """A change of hands: the state it leads to, its name in the history, and who does it."""

    kind: str
    by: str
    to: HandoverState
    expected: tuple[str, ...]
    owner: str | None = None
    """Who holds the conversation afterwards; None leaves it."""
    version: int | None = None
    detail: str = ""
    only_holder: bool = False
    """Only who claimed it may do this."""
    still: Mapping[str, object] = field(default_factory=dict)
    """Columns that must hold what they held when the decision was made."""
    flag: str = ""
    """Why the conversation asks for staff afterwards."""
    asks_rating: bool = False
    """Whether what is said asks the citizen if the person helped."""


class Handovers(Claims):
    """The register of requests for a person."""

    async def claim(
        self, handover: int, agent: str, replies: Sequence[OutgoingReply] = ()
    ) -> dict[str, Any]:
        """Take a waiting request, or a question that was left. Raises Collision when another has.

        The conversation changes hands only between two turns: an answer that the bot is making is
        said before the person takes over, and none after.
        """
        change = Change("claimed", agent, "claimed", ("waiting", "left"), owner=agent)
        for _ in range(BUSY_TRIES):
            try:
                return await self.change(handover, change, replies)
            except Collision as collision:
                if collision.kind != "busy":
                    raise
                await asyncio.sleep(BUSY_SECONDS)
        raise Collision("busy")

    async def change(
        self,
        handover: int,
        change: Change,
        replies: Sequence[OutgoingReply] = (),
        notice_key: str | None = None,
        **values: object,
    ) -> dict[str, Any]:
        """Make one change and say what goes with it. Raises Collision; returns the new row."""
        return await self.database.write(
            lambda c: self._change(c, handover, change, replies, notice_key, values)
        )

    def _change(
        self,
        c: Connection,
        handover: int,
        change: Change,
        replies: Sequence[OutgoingReply],
        notice_key: str | None,
        values: dict[str, object],
    ) -> dict[str, Any]:
        now = self.clock()
        conversation = self._row(c, handover)["conversation_id"]
        # The conversation first, as everyone does: writers queue there and none waits crosswise.
        talk = c.execute(
            sa.select(_conversations).where(_conversations.c.id == conversation).with_for_update()
        ).one()
        row = self._row(c, handover)
        busy = talk.lease_by is not None and talk.lease_until is not None and talk.lease_until > now
        if change.kind == "claimed" and busy:
            raise Collision("busy")
        fits = [_handovers.c.id == handover, _handovers.c.state.in_(change.expected)]
        if change.version is not None:
            fits.append(_handovers.c.version == change.version)
        if change.only_holder:
            fits.append(_handovers.c.claimed_by == change.by)
        for name, value in change.still.items():
            fits.append(_handovers.c[name].is_not_distinct_from(value))
        new: dict[str, object] = {"state": change.to, "version": _handovers.c.version + 1}
        new |= self._times(change, row, now) | values
        done = c.execute(_handovers.update().where(*fits).values(**new))
        if done.rowcount != 1:
            raise self._collision(c, handover, row)
        if change.owner is not None:
            # A turn whose lease ran out loses it here, so that it cannot speak after the person.
            c.execute(
                _conversations.update()
                .where(_conversations.c.id == conversation)
                .values(
                    owner=change.owner,
                    flagged_at=now if change.flag else None,
                    flag_reason=change.flag or None,
                    **({} if busy else {"lease_by": None, "lease_until": None}),
                    **({"open_reply": None} if change.kind == "claimed" else {}),
                )
            )
        write_event(c, handover, change.kind, change.by, now, change.detail)
        if change.asks_rating:
            write_rating(c, conversation, Rating(asked="person"), now)
        self.add_replies(c, conversation, replies, now, notice_key=notice_key)
        return self._row(c, handover)

    @staticmethod
    def _times(change: Change, row: dict[str, Any], now: datetime) -> dict[str, object]:
        if change.kind == "claimed":
            return {
                "claimed_by": change.by,
                "claimed_at": row["claimed_at"] or now,
                "last_agent_at": None,
                "unanswered_since": now,
                "announce_at": None,
            }
        if change.kind == "said":
            return {"last_agent_at": now, "unanswered_since": None}
        if change.to in ("closed", "timed_out"):
            return {"closed_at": now, "announce_at": None}
        return {}

    def _row(self, c: Connection, handover: int) -> dict[str, Any]:
        row = c.execute(sa.select(_handovers).where(_handovers.c.id == handover)).first()
        if row is None:
            raise Collision("gone")  # the citizen had everything deleted
        return dict(row._mapping)

    @staticmethod
    def _collision(c: Connection, handover: int, row: dict[str, Any]) -> Collision:
        last = c.execute(
            sa.select(_events)
            .where(_events.c.handover_id == handover)
            .order_by(_events.c.id.desc())
        ).first()
        if last is None:
            return Collision(row["state"], row["claimed_by"] or "", row["claimed_at"])
        return Collision(last.kind, last.by, last.happened_at)

    # Without a request -------------------------------------------------------------------------

    async def take(self, conversation: ConversationId, agent: str) -> int:
        """Open a request for a conversation that an agent wants to enter unasked; its id.

        An open one is given back instead. The agent claims it like any other.
        """

        def work(c: Connection) -> int:
            now = self.clock()
            self.next_cursor(c, conversation)  # holds the row
            self.give_back_cursor(c, conversation)
            known = open_of(c, conversation)
            if known is not None:
                return int(known.id)
            language = c.execute(
                sa.select(_conversations.c.language).where(_conversations.c.id == conversation)
            ).scalar_one()
            return open_request(c, conversation, PersonWish("wait", "taken"), language, now, agent)

        return await self.database.write(work)

    # Reading -----------------------------------------------------------------------------------

    async def find(self, handover: int) -> dict[str, Any] | None:
        """A request with its conversation's channel, or None."""

        def work(c: Connection) -> dict[str, Any] | None:
            row = c.execute(self._listed().where(_handovers.c.id == handover)).first()
            return dict(row._mapping) if row else None

        return await self.database.read(work)

    async def queue(self) -> list[dict[str, Any]]:
        """Open requests: who waits longest comes first, then those in hand, then left questions."""
        order = sa.case({"waiting": 0, "claimed": 1}, value=_handovers.c.state, else_=2)
        query = (
            self._listed()
            .where(_handovers.c.state.in_(OPEN))
            .order_by(order, _handovers.c.waiting_since, _handovers.c.id)
        )
        return await self.database.read(lambda c: [dict(r._mapping) for r in c.execute(query)])

    @staticmethod
    def _listed() -> Any:
        return sa.select(
            _handovers,
            _conversations.c.channel,
            _conversations.c.address,
            _conversations.c.owner,
            _conversations.c.language.label("spoken"),
        ).join(_conversations, _conversations.c.id == _handovers.c.conversation_id)

    async def history(self, handover: int) -> list[dict[str, Any]]:
        """What happened to a request, oldest first."""
        query = sa.select(_events).where(_events.c.handover_id == handover).order_by(_events.c.id)
        return await self.database.read(lambda c: [dict(r._mapping) for r in c.execute(query)])

    # Announcing --------------------------------------------------------------------------------

    async def to_announce(self, limit: int = 20) -> list[dict[str, Any]]:
        """Requests that the web hook has not been told of, and whose time has come."""
        query = (
            self._listed()
            .where(
                _handovers.c.announce_at <= self.clock(),
                _handovers.c.waiting_since > self.clock() - WORTH_TELLING,
                _handovers.c.state.in_(OPEN),
            )
            .order_by(_handovers.c.id)
            .limit(limit)
        )
        return await self.database.read(lambda c: [dict(r._mapping) for r in c.execute(query)])

    async def announced(self, handover: int, again_at: datetime | None, event: str) -> None:
        """Write down how the web hook answered; with `again_at` it is tried again then."""

        def work(c: Connection) -> None:
            c.execute(
                _handovers.update()
                .where(_handovers.c.id == handover)
                .values(announce_at=again_at, announce_attempts=_handovers.c.announce_attempts + 1)
            )
            if (
                event
                and c.execute(sa.select(_handovers.c.id).where(_handovers.c.id == handover)).first()
            ):
                write_event(c, handover, event, "web hook", self.clock())

        await self.database.write(work)
