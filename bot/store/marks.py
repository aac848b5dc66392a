"""Marks: one small value by name, such as a connector's position or when a purge was done."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.engine import Connection

from bot.store import schema


def set_mark(c: Connection, name: str, value: str, at: datetime) -> None:
    """Put a mark in the place of the one with this name, within the caller's transaction."""
    marks = schema.marks
    c.execute(marks.delete().where(marks.c.name == name))
    c.execute(marks.insert().values(name=name, value=value, set_at=at))
