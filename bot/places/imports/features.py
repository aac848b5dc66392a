"""GeoJSON read feature by feature, so that a file of any size needs the memory of its largest one.

Only the frame is ours; every value is read by Python's own `json`. What is no FeatureCollection,
nested too deeply, cut off or too large is refused with the line where it shows. RFC 7946, with the
`crs` member of its predecessor, which national grids still use.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from bot.places.imports.faults import FileRefused

LARGEST = 64 * 1024 * 1024
"""Characters of the largest feature that is read; a whole country's coast is less."""
_SPACE = re.compile(r"[ \t\r\n]*")
_CUT_OFF = 16
"""A fault this near to the end of what was read may only be the end of what was read."""


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


class FeatureReader:
    """Iterate over it: (line, feature). `members` are the members that came before the features."""

    def __init__(self, name: str, pieces: Iterator[str]) -> None:
        self.name = name
        self.members: dict[str, Any] = {}
        self._pieces = pieces
        self._text, self._at = "", 0
        self._line, self._counted = 1, 0
        self._ended = False
        self._decoder = json.JSONDecoder(parse_constant=_no_constant)

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        if self._next() == "":
            raise self._refused("the file is empty")
        self._expect("{", "this is no GeoJSON: it does not begin with {")
        found = False
        while self._next() != "}":
            key = self._value()
            if not isinstance(key, str):
                raise self._refused("a member has no name")
            self._expect(":", f"a colon is missing after {key[:40]!r}")
            if key == "features" and self._next() == "[":
                found = True
                yield from self._features()
            elif key == "crs" and found:
                raise self._refused(
                    "crs comes after the features: name it with --crs, e.g. EPSG:28992"
                )
            else:
                self.members[key] = self._value()
            if self._next() == ",":
                self._at += 1
            elif self._next() != "}":
                raise self._refused("a comma or the end is missing; is the file cut off?")
        if not found:
            raise self._refused("this is no FeatureCollection: it has no features")
        self._at += 1
        if self._next():
            raise self._refused("something follows the end of the collection")

    def _features(self) -> Iterator[tuple[int, Any]]:
        self._at += 1
        while self._next() != "]":
            line = self._count()
            yield line, self._value()
            if self._next() == ",":
                self._at += 1
            elif self._next() != "]":
                raise self._refused("a comma is missing between features; is the file cut off?")
        self._at += 1

    def _value(self) -> Any:
        """The value that begins here; reads on until it is whole."""
        more = 1
        while True:
            self._next()
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
                if end < len(self._text) or self._ended:
                    self._at = end
                    return value
            except json.JSONDecodeError as error:
                near_end = error.pos >= len(self._text) - _CUT_OFF
                if self._ended or not (near_end or error.msg.startswith("Unterminated string")):
                    self._at = min(error.pos, len(self._text))
                    raise self._refused(f"no JSON: {error.msg}") from None
            except RecursionError:
                raise self._refused("nested too deeply to be a map") from None
            except ValueError as error:
                raise self._refused(str(error)) from None
            if len(self._text) - self._at > LARGEST:
                raise self._refused(f"one value is larger than {LARGEST >> 20} MB")
            self._more(more)
            more *= 2  # a large value is then looked at a few times only

    def _next(self) -> str:
        """The next character that is no space; empty at the end of the file."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._more(1)

    def _more(self, count: int) -> None:
        self._count()
        added = []
        for _ in range(count):
            piece = next(self._pieces, None)
            if piece is None:
                self._ended = True
                break
            added.append(piece)
        self._text = self._text[self._at :] + "".join(added)
        self._at = self._counted = 0

    def _count(self) -> int:
        """The line where we are."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _expect(self, character: str, fault: str) -> None:
        if self._next() != character:
            raise self._refused(fault)
        self._at += 1

    def _refused(self, what: str) -> FileRefused:
        return FileRefused(f"{self.name}:{self._count()}: {what}")
