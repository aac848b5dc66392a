"""What staff may do, in four steps: each role may do everything that the one before it may.

A reader reads conversations with personal data masked. An agent also answers citizens and handles
tickets. An editor also reads unmasked, with a reason, and exports. An administrator also manages
accounts and reads the audit log.
"""

from __future__ import annotations

from enum import IntEnum


class Role(IntEnum):
    """Roles in order; the tables keep `word`."""

    READER = 1
    AGENT = 2
    EDITOR = 3
    ADMINISTRATOR = 4

    @property
    def word(self) -> str:
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Role:
        """The role of a word. Raises ValueError for an unknown one."""
        try:
            return cls[word.strip().upper()]
        except KeyError:
            raise ValueError(f"{word!r} is no role; use one of {', '.join(WORDS)}") from None


WORDS = tuple(role.word for role in Role)
