"""What all commands share: how they speak, how they refuse, and the database."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from bot.settings import Settings

if TYPE_CHECKING:
    from bot.store.engine import Database

Arguments = argparse.Namespace


class Refused(Exception):
    """A command cannot do what was asked; the message says why."""


def say(line: str) -> None:
    """One line on the terminal, at once."""
    print(line, flush=True)


def database_of(settings: Settings) -> Database:
    """The database that the settings name."""
    from bot.store.engine import Database

    return Database(settings.database)
