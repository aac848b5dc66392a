"""The loop that keeps citizens informed: news of tickets, and targets that passed in silence.

What is to be told stands in the database, written with the change itself; this loop queues it and
strikes it out. It may be killed anywhere, and may run twice: a notice is queued once per event and
conversation, and a target is marked once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from datetime import datetime, timedelta

from bot.civic.catalogue import Catalogue
from bot.messages import Reply
from bot.phrases import Phrasebook
from bot.store.registers import News, TicketRegister
from bot.telling import Teller
from bot.tickets.words import news

log = logging.getLogger(__name__)
IDLE_SECONDS = 1.0
WATCH_EVERY = timedelta(minutes=10)
TRIES_KEPT = timedelta(days=2)
"""How long look-ups, codes and links are counted; nothing needs them after that."""


class TicketNews:
    """Tells what is to be told. `register` holds it, `teller` queues it."""

    def __init__(
        self, register: TicketRegister, teller: Teller, phrasebook: Phrasebook, catalogue: Catalogue
    ) -> None:
        self.register = register
        self.teller = teller
        self.phrasebook = phrasebook
        self.catalogue = catalogue
        self._watched_at: datetime | None = None

    async def run(self) -> None:
        """Tell and watch until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                if self._time_to_watch():
                    await loop.run_in_executor(None, self.watch)
                if await self.tell():
                    continue
            except Exception:
                log.exception("ticket news stumbled")
            await asyncio.sleep(IDLE_SECONDS)

    def _time_to_watch(self) -> bool:
        now = self.register.clock()
        if self._watched_at is not None and now - self._watched_at < WATCH_EVERY:
            return False
        self._watched_at = now
        return True

    def watch(self) -> int:
        """Mark targets that have passed; returns how many tickets are newly late. Blocks."""
        marked = self.register.watch()
        for desk, number in sorted(Counter(ticket.desk for ticket, _ in marked).items()):
            log.warning("%s tickets of desk %s are past their target", number, desk or "(none)")
        self.register.purge_lookups(TRIES_KEPT)
        self.register.purge_requests(TRIES_KEPT)
        return len(marked)

    async def tell(self) -> int:
        """Queue what is to be told; returns how many notes were dealt with."""
        loop = asyncio.get_running_loop()
        waiting = await loop.run_in_executor(None, self.register.untold)
        for item in waiting:
            try:
                await self.teller.push(item.conversation, self._words(item), item.key)
            except Exception:
                log.exception("news of ticket event %s could not be told", item.event)
                await loop.run_in_executor(None, self.register.failed, item)
            else:
                await loop.run_in_executor(None, self.register.told, item)
        return len(waiting)

    def _words(self, item: News) -> Words:
        return Words(self.phrasebook, self.catalogue, item)


class Words:
    """The words of one piece of news, in the language that is asked for."""

    def __init__(self, book: Phrasebook, catalogue: Catalogue, item: News) -> None:
        self.book, self.catalogue, self.item = book, catalogue, item

    def __call__(self, language: str) -> Reply:
        item = self.item
        return news(
            self.book,
            self.catalogue,
            language,
            item.ticket,
            item.kind,
            item.state,
            item.text,
            item.facts,
            own=item.ticket.conversation == item.conversation,
        )
