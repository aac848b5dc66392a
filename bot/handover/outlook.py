"""What somebody who asks for a person may expect, from the hours, the presence and the line.

Actions ask it in the middle of a turn, on the brain's thread; so it reads and waits.
"""

from __future__ import annotations

from bot.civic.opening import OpeningHours, Outlook
from bot.store.presence import Presence


class DeskOutlook:
    """Reads the desk's tables for actions."""

    def __init__(self, presence: Presence, hours: OpeningHours) -> None:
        self.presence = presence
        self.hours = hours

    def outlook(self, conversation: str) -> Outlook:
        """How it stands for this conversation now."""
        presence = self.presence
        now = presence.clock()

        def work(c: object) -> Outlook:
            state, position = presence.line_of(c, conversation)
            return Outlook(
                open=self.hours.is_open(now),
                staffed=bool(presence.online_in(c)),
                opens_at=self.hours.next_opening(now),
                state=state,
                position=position,
                wait_minutes=presence.usual_wait(c),
            )

        return presence.database.read_now(work)
