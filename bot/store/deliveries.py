"""Room 3's queries: an outbox row is claimed, sent once, and settled by what the provider said.

Rows of one conversation leave in order. A row found in `sending` after a crash goes back to the
queue only where sending twice is harmless; elsewhere it is unclear, and a report or a clerk
decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.messages import (
    Address,
    ChannelName,
    ConversationId,
    DeliveryReport,
    DeliveryState,
    Later,
    Moved,
    OutboxId,
    Receipt,
    Refused,
    Sent,
)
from bot.store import schema
from bot.store.rows import Delivery, Queries

_outbox, _conversations, _opt_outs = schema.outbox, schema.conversations, schema.opt_outs
_RANK: dict[str, int] = {
    "held": 0,
    "queued": 0,
    "sending": 1,
    "unclear": 2,
    "sent": 3,
    "delivered": 4,
    "refused": 4,
    "cancelled": 4,
}
OVERTAKING = 1000
"""A report that overtook the end of its own send is among this many newest ones."""


class Deliveries(Queries):
    async def claim_delivery(
        self, channels: Sequence[ChannelName], lease: timedelta
    ) -> Delivery | None:
        """Take the next payload to send: the oldest open row of its conversation."""
        return await self.database.write(lambda c: self._claim_delivery(c, channels, lease))

    def _claim_delivery(
        self, c: Connection, channels: Sequence[ChannelName], lease: timedelta
    ) -> Delivery | None:
        now = self.clock()
        # What was never tried and is not due yet waits for the end of quiet hours: it holds up no
        # answer. What was tried and waits keeps its place, and the order.
        resting = sa.and_(_outbox.c.attempts == 0, _outbox.c.not_before > now)
        head = (
            sa.select(sa.func.min(_outbox.c.id).label("id"))
            .where(
                _outbox.c.state.in_(("queued", "sending")),
                sa.or_(_outbox.c.not_before.is_(None), ~resting),
            )
            .group_by(_outbox.c.conversation_id)
            .subquery()
        )
        opted_out = (
            sa.exists()
            .where(
                _opt_outs.c.channel == _conversations.c.channel,
                _opt_outs.c.address == _conversations.c.address,
            )
            .label("opted_out")
        )
        row = c.execute(
            sa.select(_outbox, _conversations.c.channel, _conversations.c.address, opted_out)
            .join(head, head.c.id == _outbox.c.id)
            .join(_conversations, _conversations.c.id == _outbox.c.conversation_id)
            .where(
                _outbox.c.state == "queued",
                _conversations.c.channel.in_(list(channels)),
                sa.or_(_outbox.c.not_before.is_(None), _outbox.c.not_before <= now),
            )
            .order_by(_outbox.c.id)
            .limit(1)
            .with_for_update(of=_outbox, skip_locked=True)
        ).first()
        if row is None:
            return None
        taken = c.execute(
            _outbox.update()
            .where(_outbox.c.id == row.id, _outbox.c.state == "queued")
            .values(state="sending", claimed_until=now + lease, attempts=row.attempts + 1)
        )
        if taken.rowcount != 1:
            return None
        self._offer(c, row)
        return Delivery(
            outbox_id=OutboxId(row.id),
            conversation=ConversationId(row.conversation_id),
            channel=ChannelName(row.channel),
            address=Address(row.address),
            payload=row.payload,
            attempts=row.attempts + 1,
            opted_out=row.opted_out and not (row.notice_key or "").startswith("opt-out-"),
        )

    @staticmethod
    def _offer(c: Connection, row: Any) -> None:
        """The choices of a notice can be picked from the moment that it leaves, not before."""
        if row.inbox_id is None and row.final and row.reply.get("choices"):
            c.execute(
                _conversations.update()
                .where(_conversations.c.id == row.conversation_id)
                .values(open_reply=row.reply)
            )

    async def settle(self, delivery: Delivery, receipt: Receipt) -> DeliveryState:
        """Write down what became of a send. A report that came first is not undone."""

        def work(c: Connection) -> DeliveryState:
            now = self.clock()
            state: DeliveryState
            values: dict[str, object] = {"claimed_until": None, "not_before": None, "code": None}
            if isinstance(receipt, Sent):
                state = "sent"
                values |= {"provider_id": receipt.provider_id or None, "settled_at": now}
                told = self._told(c, delivery.channel, receipt.provider_id)
                if told is not None:
                    state = told.state
                    values["code"] = told.code
            elif isinstance(receipt, Refused):
                state = "refused"
                values |= {"code": receipt.code, "settled_at": now}
                if receipt.code == "blocked":
                    c.execute(
                        _conversations.update()
                        .where(_conversations.c.id == delivery.conversation)
                        .values(blocked_at=now)
                    )
            elif isinstance(receipt, Later):
                state = "queued"
                values |= {
                    "code": receipt.code,
                    "not_before": now + timedelta(seconds=receipt.seconds),
                }
            elif isinstance(receipt, Moved):
                state = "queued"
                values |= {"code": "moved"}
                self._move(c, delivery, receipt.address)
            else:
                state = "unclear"
                values |= {"code": "unclear", "settled_at": now}
            c.execute(
                _outbox.update()
                .where(_outbox.c.id == delivery.outbox_id, _outbox.c.state == "sending")
                .values(state=state, **values)
            )
            return state

        return await self.database.write(work)

    @staticmethod
    def _told(c: Connection, channel: str, provider_id: str) -> Any:
        """The furthest report on this send that came before we knew the provider's id for it."""
        reports = schema.reports
        if not provider_id:
            return None
        newest = c.execute(sa.select(sa.func.max(reports.c.id))).scalar() or 0
        rows = c.execute(
            sa.select(reports.c.state, reports.c.code)
            .where(
                reports.c.id > newest - OVERTAKING,
                reports.c.channel == channel,
                reports.c.provider_id == provider_id,
            )
            .order_by(reports.c.id)
        ).all()
        return max(rows, key=lambda row: _RANK[row.state], default=None)

    def _move(self, c: Connection, delivery: Delivery, address: Address) -> None:
        """The conversation goes on under a new address, unless one is there already."""
        taken = c.execute(
            sa.select(_conversations.c.id).where(
                _conversations.c.channel == delivery.channel, _conversations.c.address == address
            )
        ).first()
        if taken is None:
            c.execute(
                _conversations.update()
                .where(_conversations.c.id == delivery.conversation)
                .values(address=address)
            )
        else:
            c.execute(
                _outbox.update()
                .where(_outbox.c.id == delivery.outbox_id)
                .values(conversation_id=taken.id, cursor=self.next_cursor(c, taken.id))
            )

    async def unclear_sends(
        self, channel: ChannelName, older_than: timedelta
    ) -> list[tuple[Delivery, datetime]]:
        """Unclear sends of a channel that have rested long enough to be looked up."""

        def work(c: Connection) -> list[tuple[Delivery, datetime]]:
            rows = c.execute(
                sa.select(_outbox, _conversations.c.channel, _conversations.c.address)
                .join(_conversations, _conversations.c.id == _outbox.c.conversation_id)
                .where(
                    _outbox.c.state == "unclear",
                    _conversations.c.channel == channel,
                    _outbox.c.settled_at < self.clock() - older_than,
                )
                .order_by(_outbox.c.id)
                .limit(20)
            )
            return [
                (
                    Delivery(
                        OutboxId(row.id),
                        ConversationId(row.conversation_id),
                        ChannelName(row.channel),
                        Address(row.address),
                        row.payload,
                        row.attempts,
                        False,
                    ),
                    row.created_at,
                )
                for row in rows
            ]

        return await self.database.read(work)

    async def settle_unclear(self, delivery: Delivery, receipt: Receipt) -> None:
        """Write down what a look-up found of an unclear send; Later sends it again."""
        state = "unclear"
        values: dict[str, object] = {"settled_at": self.clock()}
        if isinstance(receipt, Sent):
            state = "sent"
            values["provider_id"] = receipt.provider_id or None
        elif isinstance(receipt, Refused):
            state = "refused"
            values["code"] = receipt.code
        elif isinstance(receipt, Later):
            state = "queued"
        await self.database.write(
            lambda c: c.execute(
                _outbox.update()
                .where(_outbox.c.id == delivery.outbox_id, _outbox.c.state == "unclear")
                .values(state=state, **values)
            )
        )

    async def recover_sends(self, harmless: Sequence[ChannelName], everything: bool) -> int:
        """Deal with rows left in `sending`: those whose claim ran out, or all after a restart.

        Returns how many became unclear.
        """

        def work(c: Connection) -> int:
            stale = [_outbox.c.state == "sending"]
            if not everything:
                stale.append(_outbox.c.claimed_until < self.clock())
            channel = (
                sa.select(_conversations.c.channel)
                .where(_conversations.c.id == _outbox.c.conversation_id)
                .scalar_subquery()
            )
            c.execute(
                _outbox.update()
                .where(*stale, channel.in_(list(harmless)))
                .values(state="queued", claimed_until=None)
                .execution_options(synchronize_session=False)
            )
            left = c.execute(
                _outbox.update()
                .where(*stale)
                .values(
                    state="unclear",
                    claimed_until=None,
                    code="interrupted",
                    settled_at=self.clock(),
                )
            )
            return int(left.rowcount)

        return await self.database.write(work)

    async def report(self, report: DeliveryReport) -> bool:
        """Apply a provider's delivery report; False when it names no send of ours."""

        def work(c: Connection) -> bool:
            now = self.clock()
            c.execute(
                schema.reports.insert().values(
                    channel=report.channel,
                    provider_id=report.provider_id or None,
                    outbox_id=report.outbox_id,
                    state=report.state,
                    code=report.code or None,
                    reported_at=now,
                )
            )
            which = (
                _outbox.c.id == report.outbox_id
                if report.outbox_id is not None
                else _outbox.c.provider_id == report.provider_id
            )
            channel = (
                sa.select(_conversations.c.channel)
                .where(_conversations.c.id == _outbox.c.conversation_id)
                .scalar_subquery()
            )
            earlier = [s for s, rank in _RANK.items() if rank < _RANK[report.state]]
            known = c.execute(
                sa.select(_outbox.c.id).where(which, channel == report.channel)
            ).first()
            if known is None:
                return False
            values: dict[str, object] = {"state": report.state, "settled_at": now}
            if report.code:
                values["code"] = report.code
            if report.provider_id:
                values["provider_id"] = report.provider_id
            c.execute(
                _outbox.update()
                .where(_outbox.c.id == known.id, _outbox.c.state.in_(earlier))
                .values(**values)
            )
            return True

        return await self.database.write(work)

    async def known_send(self, channel: ChannelName, provider_id: str) -> OutboxId | None:
        """The send that the provider told us this id for."""

        def work(c: Connection) -> OutboxId | None:
            found = c.execute(
                sa.select(_outbox.c.id)
                .join(_conversations, _conversations.c.id == _outbox.c.conversation_id)
                .where(_outbox.c.provider_id == provider_id, _conversations.c.channel == channel)
            ).scalar()
            return None if found is None else OutboxId(found)

        return await self.database.read(work)

    async def resolve(self, outbox_id: int, state: DeliveryState) -> bool:
        """A clerk decides on an unclear send: `sent`, `cancelled`, or `queued` to send again."""

        def work(c: Connection) -> bool:
            done = c.execute(
                _outbox.update()
                .where(_outbox.c.id == outbox_id, _outbox.c.state == "unclear")
                .values(state=state, code="by a clerk", settled_at=self.clock())
            )
            return bool(done.rowcount)

        return await self.database.write(work)

    async def unclear(self) -> list[dict[str, object]]:
        """Sends that wait for a report or a clerk, oldest first."""

        def work(c: Connection) -> list[dict[str, object]]:
            rows = c.execute(
                sa.select(_outbox, _conversations.c.channel)
                .join(_conversations, _conversations.c.id == _outbox.c.conversation_id)
                .where(_outbox.c.state == "unclear")
                .order_by(_outbox.c.id)
            )
            return [dict(row._mapping) for row in rows]

        return await self.database.read(work)
