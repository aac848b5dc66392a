"""What every page of the console may use: registers, clock, words and the city's data.

`bot.assembly` makes one office and hands it to `bot.console.application`. Pages get it with each
visit; they open no database of their own and know no connector but by its protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from bot.bell import Bell
from bot.channel import Connector
from bot.civic.catalogue import Catalogue
from bot.console.passwords import Passwords
from bot.console.words import Words
from bot.messages import ChannelName
from bot.phrases import Phrasebook
from bot.store.audit import AuditLog
from bot.store.engine import Database
from bot.store.journal import Journal
from bot.store.people import StaffRegister
from bot.store.registers import TicketRegister
from bot.store.rows import Clock


@dataclass(frozen=True)
class ConsoleOptions:
    """What the settings say about the console."""

    zone: ZoneInfo
    city: str = "Likewise"
    secure: bool = False
    """Cookies are sent over https only, whatever the request looks like."""
    public_url: str = ""
    """Where browsers reach us; empty: as the request says."""
    languages: tuple[str, ...] = ("en", "nl")


@dataclass
class Office:
    """Everything behind the counter.

    `archive` reads beside `database`, on a connection of its own: a long look into the log must not
    hold up the road, which on SQLite has one thread.
    """

    database: Database
    archive: Database
    journal: Journal
    bell: Bell
    clock: Clock
    staff: StaffRegister
    audit: AuditLog
    tickets: TicketRegister
    catalogue: Catalogue
    phrasebook: Phrasebook
    connectors: Mapping[ChannelName, Connector]
    options: ConsoleOptions
    key: bytes
    passwords: Passwords = field(default_factory=Passwords)
    words: Words = field(default_factory=Words.load)
    more: dict[str, Any] = field(default_factory=dict)
    """Services of single themes, by name."""
