"""Room 1: a verified message comes in from a connector, and an inbox row comes out.

`accept` returns only after the commit; what raises was not kept, and the provider delivers again.
A redelivered message gets the first row back. A crash before the commit leaves nothing, a crash
after it leaves a row that room 2 finds by itself.
"""

from __future__ import annotations

from bot.bell import PHOTOS, TURNS, Bell, reader
from bot.messages import Accepted, DeliveryReport, Inbound
from bot.store.journal import Journal


class Intake:
    """Keeps messages and delivery reports, then rings for the next room."""

    def __init__(self, journal: Journal, bell: Bell) -> None:
        self.journal = journal
        self.bell = bell

    async def accept(self, message: Inbound) -> Accepted:
        """Keep a message. Raises ContentConflict for a known id with other content."""
        accepted = await self.journal.accept(message)
        if not accepted.duplicate:
            self.bell.ring(TURNS)
            self.bell.ring(reader(accepted.conversation))
            if message.attachments:
                self.bell.ring(PHOTOS)
        return accepted

    async def report(self, report: DeliveryReport) -> None:
        """Keep what a provider tells of an earlier send."""
        await self.journal.report(report)
