"""What the console's pages use of the desk, in one bundle."""

from __future__ import annotations

from dataclasses import dataclass

from bot.civic.opening import OpeningHours
from bot.handover.desk import DeskWork
from bot.handover.outlook import DeskOutlook
from bot.store.canned import CannedReplies
from bot.store.handovers import Handovers
from bot.store.presence import Presence


@dataclass(frozen=True)
class FrontDesk:
    work: DeskWork
    presence: Presence
    outlook: DeskOutlook
    canned: CannedReplies

    @property
    def handovers(self) -> Handovers:
        return self.work.handovers

    @property
    def hours(self) -> OpeningHours:
        return self.outlook.hours
