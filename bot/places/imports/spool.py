"""Checked rows on their way to the database, on disk and not in memory.

A country's areas can be hundreds of megabytes. Rows are written to a temporary file as they are
found good, and read again when all files have been; memory holds a key and a digest for each.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from typing import IO, Any

Row = dict[str, Any]


def digest(row: Row) -> bytes:
    """Equal for equal rows, whatever the order of their columns."""
    text = json.dumps(row, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(text.encode(), digest_size=12).digest()


class Spool:
    """Rows of one kind with a unique key each.

    A load replaces the rows of the `scopes` that it has rows of (the level of areas, the kind of
    facilities), or with `whole` every row of the kind.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.whole = False
        self.keys: dict[tuple[str, ...], bytes] = {}
        self.scopes: set[str] = set()
        self._file: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115

    def __len__(self) -> int:
        return len(self.keys)

    def add(self, key: tuple[str, ...], row: Row, scope: str = "", where: str = "") -> bool:
        """Keep a row and where it stands; False when its key is there already."""
        if key in self.keys:
            return False
        self.keys[key] = digest(row)
        self.scopes.add(scope)
        self._file.write(json.dumps([key, row, where], ensure_ascii=False, default=str) + "\n")
        return True

    def __iter__(self) -> Iterator[tuple[tuple[str, ...], Row, str]]:
        self._file.seek(0)
        for line in self._file:
            key, row, where = json.loads(line)
            yield tuple(key), row, where

    def close(self) -> None:
        self._file.close()
