"""The journal: every query of the message's road, each one transaction.

Room 1 writes the inbox (`arrivals`), room 2 turns an inbox row into outbox rows (`claims`), room 3
settles outbox rows (`deliveries`). A process may die between any two calls: what a call promised
before it returned is on disk.
"""

from __future__ import annotations

from bot.store.arrivals import Arrivals
from bot.store.deliveries import Deliveries
from bot.store.history import Desk


class Journal(Arrivals, Desk, Deliveries):
    """The road's queries on one database."""
