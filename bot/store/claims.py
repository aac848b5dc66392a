"""Room 2's queries: one worker at a time holds a conversation, and a turn is kept as a whole.

A claim is a conditional UPDATE checked by its row count. The commit of a turn writes the turn, its
replies and the end of the inbox row in one transaction, and only while the lease is still held.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.messages import (
    Address,
    Answer,
    ChannelName,
    ConversationId,
    InboxId,
    JsonObject,
    Reply,
)
from bot.store import schema, wishes
from bot.store.erasure import erase
from bot.store.examples import record_example
from bot.store.ratings import may_ask, write_rating
from bot.store.rows import Claim, LeaseLost, OutgoingReply, Queries

_inbox, _conversations, _outbox = schema.inbox, schema.conversations, schema.outbox
_OPEN = ("waiting", "claimed")
HeldPart = Literal["drop", "release", "keep"]
POSSIBLE_DANGER = "possible_danger"
"""The reason of a flag at a message that got the emergency number before its answer."""


class Claims(Queries):
    async def claim_turn(self, worker: str, lease: timedelta) -> Claim | None:
        """Take the oldest unanswered message of a conversation that nobody holds."""
        return await self.database.write(lambda c: self._claim(c, worker, lease))

    def _claim(self, c: Connection, worker: str, lease: timedelta) -> Claim | None:
        now = self.clock()
        head = (
            sa.select(_inbox.c.conversation_id, sa.func.min(_inbox.c.id).label("id"))
            .where(_inbox.c.state.in_(_OPEN))
            .group_by(_inbox.c.conversation_id)
            .subquery()
        )
        free = sa.or_(_conversations.c.lease_until.is_(None), _conversations.c.lease_until < now)
        found = c.execute(
            sa.select(_conversations)
            .select_from(_inbox)
            .join(head, head.c.id == _inbox.c.id)
            .join(_conversations, _conversations.c.id == _inbox.c.conversation_id)
            .where(free, sa.or_(_inbox.c.not_before.is_(None), _inbox.c.not_before <= now))
            .order_by(_inbox.c.id)
            .limit(1)
            .with_for_update(of=_conversations, skip_locked=True)
        ).first()
        if found is None:
            return None
        message = self._head_of(c, found.id, now)
        if message is None:
            return None
        taken = c.execute(
            _conversations.update()
            .where(_conversations.c.id == found.id, free)
            .values(lease_by=worker, lease_until=now + lease)
        )
        if taken.rowcount != 1:
            return None
        # Nobody holds it and yet it is claimed: whoever did so died, or was far too slow.
        interrupted = message.interrupted + (message.state == "claimed")
        c.execute(
            _inbox.update()
            .where(_inbox.c.id == message.id)
            .values(state="claimed", interrupted=interrupted)
        )
        return Claim(
            inbox_id=InboxId(message.id),
            conversation=ConversationId(found.id),
            channel=ChannelName(found.channel),
            address=Address(found.address),
            external_id=message.external_id,
            body=message.body,
            attempts=message.attempts,
            interrupted=interrupted,
            language=found.language,
            language_fixed=found.language_fixed,
            owner=found.owner,
            disclosed=found.disclosed_at is not None,
            open_reply=Reply.from_json(found.open_reply) if found.open_reply else None,
            holds_more=bool(message.holds_more),
            lease_by=worker,
        )

    @staticmethod
    def _head_of(c: Connection, conversation: str, now: datetime) -> Any:
        """The oldest open message, if it is due, read while the conversation's row is ours.

        On PostgreSQL another worker may have answered the message that we found, after our query
        began and before we got the row; only a second look, with the row in hand, is safe.
        """
        holds_more = (
            sa.exists()
            .where(_outbox.c.conversation_id == conversation, _outbox.c.state == "held")
            .label("holds_more")
        )
        message = c.execute(
            sa.select(_inbox, holds_more)
            .where(_inbox.c.conversation_id == conversation, _inbox.c.state.in_(_OPEN))
            .order_by(_inbox.c.id)
            .limit(1)
        ).first()
        if message is None or (message.not_before is not None and message.not_before > now):
            return None
        return message

    def _hold(self, c: Connection, claim: Claim, **values: object) -> None:
        """Change the conversation while its lease is ours, or raise LeaseLost."""
        held = c.execute(
            _conversations.update()
            .where(
                _conversations.c.id == claim.conversation,
                _conversations.c.lease_by == claim.lease_by,
            )
            .values(**values)
        )
        if held.rowcount != 1:
            raise LeaseLost(claim.conversation)

    async def commit_turn(
        self,
        claim: Claim,
        answer: Answer,
        replies: Sequence[OutgoingReply],
        outcome: str,
        milliseconds: float,
        held: HeldPart = "drop",
        opt_out: bool | None = None,
    ) -> None:
        """Keep a whole turn: its record, its replies, the end of its message, the free lease.

        `held` says what becomes of parts held back before; `opt_out` opts the address out or in.
        """

        def work(c: Connection) -> None:
            self._commit(c, claim, answer, replies, outcome, milliseconds)
            self._deal_with_held(c, claim, held)
            if opt_out is not None:
                self._opt_out(c, claim, opt_out)

        await self.database.write(work)

    def _deal_with_held(self, c: Connection, claim: Claim, held: HeldPart) -> None:
        mine = [_outbox.c.conversation_id == claim.conversation, _outbox.c.state == "held"]
        if held == "release":
            first = c.execute(sa.select(sa.func.min(_outbox.c.id)).where(*mine)).scalar()
            # Its cursor is new, or a reader who is already past the old one would never see it.
            c.execute(
                _outbox.update()
                .where(_outbox.c.id == first)
                .values(state="queued", cursor=self.next_cursor(c, claim.conversation))
            )
        elif held == "drop":
            earlier = sa.or_(_outbox.c.inbox_id.is_(None), _outbox.c.inbox_id != claim.inbox_id)
            c.execute(_outbox.update().where(*mine, earlier).values(state="cancelled"))

    def _opt_out(self, c: Connection, claim: Claim, out: bool) -> None:
        self.write_opt_out(c, claim.channel, claim.address, out)
        if not out:
            return
        # The word that it worked is the one thing that may still be sent.
        c.execute(
            _outbox.update()
            .where(_outbox.c.inbox_id == claim.inbox_id)
            .values(notice_key=f"opt-out-{claim.inbox_id}")
        )

    def _commit(
        self,
        c: Connection,
        claim: Claim,
        answer: Answer,
        replies: Sequence[OutgoingReply],
        outcome: str,
        milliseconds: float,
    ) -> None:
        now = self.clock()
        answer = wishes.with_reason(c, claim.conversation, answer, now)
        values: JsonObject = {"lease_by": None, "lease_until": None}
        if answer.language:
            values |= {"language": answer.language, "language_fixed": answer.language_fixed}
        if replies:
            values |= {"open_reply": replies[-1].reply.to_json()}
            if not claim.disclosed:
                values |= {"disclosed_at": now}
        if answer.flag:
            values |= {"flagged_at": now, "flag_reason": answer.flag}
        elif answer.caution:
            values |= _flagged_possible(now)
        values |= wishes.owner_after(claim, answer, outcome)
        self._hold(c, claim, **values)
        if answer.forget:
            erase(c, claim.conversation)
        elif claim.owner not in wishes.NOBODY:
            wishes.citizen_wrote(c, claim.conversation, now)
        elif answer.wish and answer.wish.kind == "withdraw":
            wishes.withdraw(c, claim.conversation, now)
        elif answer.wish and answer.wish.kind != "question":
            language = answer.language or claim.language
            wishes.open_request(c, claim.conversation, answer.wish, language, now, "citizen")
        self._record(c, claim, answer, outcome, milliseconds, now)
        if answer.rating and not answer.forget:
            write_rating(c, claim.conversation, answer.rating, now, claim.inbox_id)
        if answer.labelled and not answer.forget:
            record_example(self.database, c, claim, answer.labelled, now)
        self.add_replies(c, claim.conversation, replies, now, inbox_id=claim.inbox_id)

    def _record(
        self,
        c: Connection,
        claim: Claim,
        answer: Answer,
        outcome: str,
        milliseconds: float,
        now: datetime,
    ) -> None:
        said = answer.understanding
        c.execute(
            schema.turns.insert().values(
                inbox_id=claim.inbox_id,
                conversation_id=claim.conversation,
                outcome=outcome,
                language=answer.language or claim.language,
                intent=said.intent,
                confidence=said.confidence,
                topic=said.topic,
                understanding={
                    "topic_confidence": said.topic_confidence,
                    "candidates": list(said.candidates),
                    "entities": [] if answer.forget else list(said.entities),
                    "actions": list(said.actions),
                    "replayed": answer.replayed,
                },
                milliseconds=milliseconds,
                answered_at=now,
            )
        )
        c.execute(
            _inbox.update()
            .where(_inbox.c.id == claim.inbox_id)
            .values(state="done", done_at=now, attempts=claim.attempts + 1)
        )

    def add_replies(
        self,
        c: Connection,
        conversation: str,
        replies: Sequence[OutgoingReply],
        now: datetime,
        inbox_id: int | None = None,
        notice_key: str | None = None,
        not_before: datetime | None = None,
    ) -> None:
        """Queue replies; the last payload of the last reply is the turn's final one."""
        sends = [(out, payload) for out in replies for payload in out.payloads]
        for position, (out, payload) in enumerate(sends):
            c.execute(
                _outbox.insert().values(
                    conversation_id=conversation,
                    inbox_id=inbox_id,
                    position=position,
                    notice_key=notice_key if position == 0 else None,
                    sender=out.sender,
                    cursor=self.next_cursor(c, conversation),
                    reply=out.reply.to_json(),
                    payload=payload,
                    final=position == len(sends) - 1,
                    state="held" if payload.get("held") else "queued",
                    not_before=not_before,
                    created_at=now,
                )
            )

    async def may_ask_rating(self, conversation: str, about: str, rest: timedelta) -> bool:
        """May the citizen be asked now whether they were helped?"""
        return await self.database.read(
            lambda c: may_ask(c, conversation, about, self.clock(), rest)
        )

    async def hand_back(self, claim: Claim) -> None:
        """Give the message back as if it had not been claimed, for whoever comes next."""

        def work(c: Connection) -> None:
            self._hold(c, claim, lease_by=None, lease_until=None)
            mine = _inbox.update().where(_inbox.c.id == claim.inbox_id)
            c.execute(mine.values(state="waiting"))

        await self.database.write(work)

    async def put_back(self, claim: Claim, not_before: datetime) -> None:
        """Give the message back for another attempt at `not_before`."""

        def work(c: Connection) -> None:
            self._hold(c, claim, lease_by=None, lease_until=None)
            c.execute(
                _inbox.update()
                .where(_inbox.c.id == claim.inbox_id)
                .values(state="waiting", attempts=claim.attempts + 1, not_before=not_before)
            )

        await self.database.write(work)

    async def release_all(self) -> None:
        """Free every lease: only for the one process that owns an embedded database, at start."""
        await self.database.write(
            lambda c: c.execute(_conversations.update().values(lease_by=None, lease_until=None))
        )

    async def waiting_turns(self) -> int:
        """How many messages wait for an answer."""
        return await self.database.read(
            lambda c: int(
                c.execute(
                    sa.select(sa.func.count()).select_from(_inbox).where(_inbox.c.state.in_(_OPEN))
                ).scalar_one()
            )
        )


def _flagged_possible(now: datetime) -> JsonObject:
    """The flag of possible danger. One that is up for another reason says more, and stays."""
    reason = _conversations.c.flag_reason
    free = sa.or_(reason.is_(None), reason == POSSIBLE_DANGER)
    return {
        "flagged_at": sa.case((free, now), else_=_conversations.c.flagged_at),
        "flag_reason": sa.func.coalesce(reason, POSSIBLE_DANGER),
    }
