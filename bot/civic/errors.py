"""What can be explained to a citizen: each error names the phrase that says it."""

from __future__ import annotations


class CivicError(Exception):
    """Something the city cannot do, with the phrase key and the values that tell why."""

    def __init__(self, phrase: str, **values: object) -> None:
        super().__init__(phrase)
        self.phrase = phrase
        self.values = values
