"""The rounds of the desk: nobody waits for ever, neither the citizen nor the agent.

Every few seconds it looks for requests that waited too long, and changes each by a conditional
update with the sentence that goes with it: run twice, or after a crash, it says nothing twice.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.bell import DELIVERIES, DESK, Bell, reader
from bot.channel import Connector
from bot.civic.opening import OpeningHours
from bot.handover.hook import Hook
from bot.messages import ChannelName
from bot.phrases import Phrasebook
from bot.store.handovers import Change, Collision, Handovers
from bot.store.presence import Presence
from bot.store.rows import OutgoingReply

log = logging.getLogger(__name__)
ROUND_SECONDS = 10.0
ENDINGS = {
    "agent": ("utter_handover_agent_silent", "timed_out", "timed_out"),
    "citizen": ("utter_handover_citizen_silent", "citizen_silent", "closed"),
    "nobody": ("utter_handover_late", "late", "left"),
}
"""For whom it took too long: the phrase, the event and the new state."""


@dataclass(frozen=True)
class Patience:
    """How long each may be silent."""

    agent: timedelta
    citizen: timedelta
    unclaimed: timedelta


class Rounds:
    """The loop that ends what waited too long and tells the web hook who waits."""

    def __init__(
        self,
        handovers: Handovers,
        presence: Presence,
        hours: OpeningHours,
        patience: Patience,
        connectors: Mapping[ChannelName, Connector],
        phrasebook: Phrasebook,
        bell: Bell,
        hook: Hook | None = None,
    ) -> None:
        self.handovers = handovers
        self.presence = presence
        self.hours = hours
        self.patience = patience
        self.connectors = connectors
        self.phrasebook = phrasebook
        self.bell = bell
        self.hook = hook

    async def run(self) -> None:
        """Go round until cancelled."""
        while True:
            ring = self.bell.listen(DESK)
            try:
                await self.step()
                if self.hook is not None:
                    await self.hook.step()
            except Exception:
                log.exception("the rounds of the desk stumbled")
            await self.bell.rest(DESK, ring, ROUND_SECONDS)

    async def step(self) -> int:
        """End what is overdue; how many."""
        now = self.handovers.clock()
        unclaimed = now - self.patience.unclaimed
        if not self.hours.is_open(now):
            unclaimed = now + timedelta(seconds=1)  # the desk has closed: nobody comes today
        overdue = await self.presence.overdue(
            now - self.patience.agent, now - self.patience.citizen, unclaimed
        )
        ended = 0
        for row in overdue:
            ended += await self._end(row)
        return ended

    async def _end(self, row: dict[str, Any]) -> bool:
        phrase, kind, state = ENDINGS[row["due"]]
        change = Change(
            kind,
            "bot",
            state,  # type: ignore[arg-type]
            (row["state"],),
            owner="bot" if row["state"] == "claimed" else None,
            version=row["version"],
            still={"unanswered_since": row["unanswered_since"]},
            flag="unanswered" if row["due"] == "agent" else "",
        )
        language = row["spoken"] or row["language"] or self.phrasebook.primary
        reply = self.phrasebook.reply(phrase, language)
        connector = self.connectors[ChannelName(row["channel"])]
        said = OutgoingReply(reply, tuple(connector.render(reply, language)))
        key = f"handover-{row['id']}-{kind}-{row['version']}"
        try:
            await self.handovers.change(row["id"], change, [said], key)
        except Collision:
            return False  # somebody moved meanwhile
        for name in (DELIVERIES, reader(row["conversation_id"]), DESK):
            self.bell.ring(name)
        return True
