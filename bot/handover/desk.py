"""What an agent does to a conversation: claim, answer, hand to a colleague or back, close.

Each verb changes the request and queues what the citizen hears in one transaction, and rings for
those who read along. A verb that comes too late raises `Collision` and says nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.bell import DELIVERIES, DESK, Bell, person_typing, reader
from bot.channel import Connector
from bot.messages import Address, ChannelName, Reply, Sender
from bot.phrases import Phrasebook
from bot.rating import Ratings
from bot.store.handovers import Change, Collision, Handovers
from bot.store.rows import OutgoingReply
from bot.telling import with_ids

log = logging.getLogger(__name__)
Row = dict[str, Any]


@dataclass(frozen=True)
class Agent:
    """Who acts: the account's name, and the name that citizens see."""

    account: str
    shown: str


class DeskWork:
    """The verbs of the desk over the register of requests."""

    def __init__(
        self,
        handovers: Handovers,
        connectors: Mapping[ChannelName, Connector],
        phrasebook: Phrasebook,
        bell: Bell,
        ratings: Ratings | None = None,
    ) -> None:
        self.ratings = ratings
        self.handovers = handovers
        self.connectors = connectors
        self.phrasebook = phrasebook
        self.bell = bell

    async def claim(self, handover: int, agent: Agent) -> Row:
        """Take a waiting request or a left question; the citizen hears who is there."""
        row = await self._known(handover)
        said = self._phrase(row, "utter_handover_claimed", agent=agent.shown)
        new = await self.handovers.claim(handover, agent.account, said)
        return self._rung(new)

    async def say(self, handover: int, agent: Agent, reply: Reply, version: int | None) -> Row:
        """Answer the citizen. `version` is what the agent saw last; a stale one is refused."""
        row = await self._known(handover)
        change = Change(
            "said", agent.account, "claimed", ("claimed",), version=version, only_holder=True
        )
        return self._rung(await self.handovers.change(handover, change, self._said(row, reply)))

    async def answer_left(
        self, handover: int, agent: Agent, reply: Reply, version: int | None
    ) -> Row:
        """Answer a question that was left, on the citizen's own channel; that ends the request."""
        row = await self._known(handover)
        change = Change(
            "answered", agent.account, "closed", ("left",), owner="bot", version=version
        )
        return self._rung(await self.handovers.change(handover, change, self._said(row, reply)))

    async def pass_on(
        self, handover: int, agent: Agent, colleague: Agent, version: int | None
    ) -> Row:
        """Hand the conversation to a colleague; the citizen hears who goes on."""
        row = await self._known(handover)
        change = Change(
            "passed",
            agent.account,
            "claimed",
            ("claimed",),
            owner=colleague.account,
            version=version,
            detail=colleague.account,
            only_holder=True,
        )
        said = self._phrase(row, "utter_handover_passed", agent=colleague.shown)
        values = {"claimed_by": colleague.account, "unanswered_since": self.handovers.clock()}
        return self._rung(await self.handovers.change(handover, change, said, None, **values))

    async def give_back(self, handover: int, agent: Agent, version: int | None) -> Row:
        """Hand the conversation back to the bot."""
        return await self._end(handover, agent, "returned", "utter_handover_back", version)

    async def close(self, handover: int, agent: Agent, version: int | None) -> Row:
        """End the talk; the bot listens again, and asks whether the person helped."""
        return await self._end(handover, agent, "closed", "utter_handover_closed", version)

    async def _end(
        self, handover: int, agent: Agent, kind: str, phrase: str, version: int | None
    ) -> Row:
        row = await self._known(handover)
        change = Change(
            kind,
            agent.account,
            "closed",
            ("claimed",),
            owner="bot",
            version=version,
            only_holder=True,
        )
        said = self._phrase(row, phrase)
        if kind == "closed" and await self._may_ask(row):
            change = replace(change, asks_rating=True)
            said += self._rating_question(row)
        return self._rung(await self.handovers.change(handover, change, said))

    async def _may_ask(self, row: Row) -> bool:
        if self.ratings is None or not self.ratings.rest:
            return False
        return await self.handovers.may_ask_rating(
            row["conversation_id"], "person", self.ratings.rest
        )

    def _rating_question(self, row: Row) -> list[OutgoingReply]:
        assert self.ratings is not None
        language = row["spoken"] or row["language"] or self.phrasebook.primary
        question = self.ratings.question("person", language)
        return self._said(row, with_ids(question, f"rating-{row['id']}"), "bot")

    async def typing(self, handover: int, agent: Agent) -> None:
        """Show the citizen that the person is typing; best effort."""
        row = await self.handovers.find(handover)
        if row is None or row["state"] != "claimed" or row["claimed_by"] != agent.account:
            return
        self.bell.ring(person_typing(row["conversation_id"]))
        connector = self.connectors.get(ChannelName(row["channel"]))
        try:
            if connector is not None:
                await connector.typing(Address(row["address"]))
        except Exception as error:
            log.debug("typing could not be shown: %s", type(error).__name__)

    async def _known(self, handover: int) -> Row:
        row = await self.handovers.find(handover)
        if row is None:
            raise Collision("gone")
        return row

    def _phrase(self, row: Row, phrase: str, **values: object) -> list[OutgoingReply]:
        language = row["spoken"] or row["language"] or self.phrasebook.primary
        return self._said(row, self.phrasebook.reply(phrase, language, **values), "bot")

    def _said(self, row: Row, reply: Reply, sender: Sender = "agent") -> list[OutgoingReply]:
        connector = self.connectors[ChannelName(row["channel"])]
        language = row["spoken"] or row["language"] or self.phrasebook.primary
        return [OutgoingReply(reply, tuple(connector.render(reply, language)), sender)]

    def _rung(self, row: Row) -> Row:
        for name in (DELIVERIES, DESK, reader(row["conversation_id"])):
            self.bell.ring(name)
        return row
