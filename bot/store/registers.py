"""The register of tickets: rows that a citizen's confirmation makes once, and their history.

Blocking on purpose: actions and commands call it from threads of their own. Every change of a
ticket appends an event in the same transaction; events are never changed. The parts are in
`bot/store/tickets`, and `docs/tickets.md` tells the whole life.
"""

from __future__ import annotations

from bot.civic.tickets import TicketUnknown, TooManyLookups
from bot.store.tickets.following import Following
from bot.store.tickets.joining import Joining
from bot.store.tickets.life import Done, Life
from bot.store.tickets.news import News, NewsDesk
from bot.store.tickets.opening import Opening
from bot.store.tickets.search import Page, Search, TicketFilter

__all__ = [
    "Done",
    "News",
    "Page",
    "TicketFilter",
    "TicketRegister",
    "TicketUnknown",
    "TooManyLookups",
]


class TicketRegister(Opening, Life, Following, Joining, Search, NewsDesk):
    """Tickets by reference."""
