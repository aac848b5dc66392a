"""The three rooms with fakes at both ends: small brains, and lines that record what they send.

Nothing here sleeps; time is the fake clock. `Rooms` drives the loops step by step.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from aiohttp import web

from bot.bell import Bell
from bot.channel import Accept, Limits, Report
from bot.dispatch import Dispatch
from bot.intake import Intake
from bot.messages import (
    Accepted,
    Address,
    Answer,
    ChannelName,
    Entry,
    Inbound,
    OutboxId,
    Payload,
    Receipt,
    Reply,
    Sent,
    Turn,
)
from bot.phrases import Phrasebook
from bot.reflexes import Reflexes
from bot.settings import ROOT
from bot.store.engine import Database
from bot.store.journal import Journal
from bot.store.rows import Claim, OutgoingReply
from bot.turns import Brain, Turns

WEB, SMS = ChannelName("web"), ChannelName("sms")
LEASE = timedelta(seconds=60)
PHONE = Address("+31600000001")


class Echo:
    """Answers every turn with what was said, and remembers the turns."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []

    async def answer(self, turn: Turn) -> Answer:
        self.turns.append(turn)
        return Answer((Reply(f"you said {turn.text}"),), language="en")


class Scripted:
    """Answers with the next thing on its list; an exception on it is raised."""

    def __init__(self, *outcomes: Answer | Exception) -> None:
        self.outcomes = list(outcomes)
        self.turns: list[Turn] = []

    async def answer(self, turn: Turn) -> Answer:
        self.turns.append(turn)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class Broken:
    """Fails every time."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.asked = 0

    async def answer(self, turn: Turn) -> Answer:
        self.asked += 1
        raise self.error


class Line:
    """A connector: `|` in a text splits it into payloads; receipts come from a list, else Sent."""

    def __init__(self, name: ChannelName, limits: Limits = Limits()) -> None:
        self.name = name
        self.limits = limits
        self.receipts: list[Receipt | Exception] = []
        self.sent: list[tuple[Address, str]] = []
        self.typing_error: Exception | None = None

    def routes(self, accept: Accept, report: Report) -> Iterable[web.RouteDef]:
        return []

    def render(self, reply: Reply, language: str) -> list[Payload]:
        parts = reply.text.split("|")
        return [
            {"text": part, "held": True} if n and self.limits.more else {"text": part}
            for n, part in enumerate(parts)
        ]

    async def send(self, to: Address, payload: Payload, key: OutboxId) -> Receipt:
        receipt = self.receipts.pop(0) if self.receipts else Sent(f"provider-{key}")
        if isinstance(receipt, Exception):
            raise receipt
        self.sent.append((to, payload["text"]))
        return receipt

    async def typing(self, to: Address) -> None:
        if self.typing_error:
            raise self.typing_error


class AskingLine(Line):
    """A line whose provider can be asked what became of a send."""

    def __init__(self, name: ChannelName, limits: Limits = Limits()) -> None:
        super().__init__(name, limits)
        self.found: list[Receipt | None] = []
        self.looked_up: list[OutboxId] = []

    async def look_up(
        self, to: Address, payload: Payload, key: OutboxId, sent_after: datetime
    ) -> Receipt | None:
        self.looked_up.append(key)
        return self.found.pop(0)


@lru_cache
def phrasebook() -> Phrasebook:
    return Phrasebook.load(ROOT / "data" / "phrases", ("en", "nl"))


@lru_cache
def reflexes() -> Reflexes:
    return Reflexes.load(ROOT / "data" / "reflexes.yml")


def said(text: str, external: str = "m1", address: str = PHONE, **parts: Any) -> Inbound:
    """A text message on the SMS line."""
    return Inbound(SMS, external, Address(address), text=text, **parts)


def out(*texts: str) -> list[OutgoingReply]:
    """Replies of one payload each."""
    return [OutgoingReply(Reply(t), ({"text": t},)) for t in texts]


def count(database: Database, table: sa.Table, *where: Any) -> int:
    return database.read_now(
        lambda c: int(
            c.execute(sa.select(sa.func.count()).select_from(table).where(*where)).scalar_one()
        )
    )


def rows(database: Database, table: sa.Table) -> list[Any]:
    return database.read_now(lambda c: c.execute(sa.select(table).order_by(table.c.id)).all())


async def claimed(journal: Journal, worker: str = "a") -> Claim:
    claim = await journal.claim_turn(worker, LEASE)
    assert claim is not None
    return claim


@dataclass
class Rooms:
    """Intake, turns and dispatch over one journal."""

    journal: Journal
    brain: Brain = field(default_factory=Echo)
    sms: Line = field(default_factory=lambda: Line(SMS, Limits(opt_out=True, more=True)))
    web: Line = field(default_factory=lambda: Line(WEB))

    def __post_init__(self) -> None:
        bell = Bell()
        lines = {SMS: self.sms, WEB: self.web}
        self.intake = Intake(self.journal, bell)
        self.turns = Turns(
            self.journal, self.brain, lines, phrasebook(), reflexes(), bell, LEASE
        )  # fmt: skip
        self.dispatch = Dispatch(self.journal, lines, bell)

    def ask(self, brain: Brain) -> None:
        """Put another brain in."""
        self.brain = self.turns.brain = brain

    async def hear(self, text: str = "", external: str = "", **parts: Any) -> Accepted:
        """A message comes in by SMS (or as `channel` says)."""
        channel = parts.pop("channel", SMS)
        address = parts.pop("address", PHONE)
        external = external or f"m{_Numbers.next()}"
        return await self.intake.accept(Inbound(channel, external, address, text=text, **parts))

    async def answer(self, worker: str = "a") -> int:
        """Answer all that can be answered now; how many."""
        return await _until_false(lambda: self.turns.step(worker))

    async def send(self) -> int:
        """Send all that can be sent now; how many."""
        return await _until_false(self.dispatch.step)

    async def handled(self, text: str = "", **parts: Any) -> Accepted:
        """Hear, answer and send; what was accepted."""
        accepted = await self.hear(text, **parts)
        await self.answer()
        await self.send()
        return accepted

    async def talk(self, text: str = "", **parts: Any) -> list[str]:
        """Hear, answer and send; what went out for it."""
        before = len(self.sms.sent)
        await self.handled(text, **parts)
        return [text for _, text in self.sms.sent[before:]]

    async def entries(self, accepted: Accepted) -> list[Entry]:
        return await self.journal.entries(accepted.conversation)

    async def bot_texts(self, accepted: Accepted) -> list[str]:
        return [e.body["text"] for e in await self.entries(accepted) if e.sender == "bot"]

    async def row(self, accepted: Accepted) -> dict[str, Any]:
        found = await self.journal.conversation(accepted.conversation)
        assert found is not None
        return found


class _Numbers:
    """Ids that no two messages share."""

    last = 1000

    @classmethod
    def next(cls) -> int:
        cls.last += 1
        return cls.last


async def _until_false(step: Callable[[], Awaitable[bool]]) -> int:
    for done in range(1000):
        if not await step():
            return done
    raise AssertionError("this never comes to an end")
