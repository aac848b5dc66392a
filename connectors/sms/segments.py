"""What an SMS costs: its encoding, its length in that encoding, and its number of segments.

A text that the GSM alphabet can write takes 160 septets, or 153 in each segment of a longer
message; any other text is UCS-2 and takes 70 or 67 units. Neither an escaped character nor a
surrogate pair is ever split over two segments, so a segment may stay one short. Numbers and
alphabet: 3GPP TS 23.038 and 23.040.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from gsm0338 import Codec

GSM_SINGLE, GSM_SEGMENT = 160, 153
UCS2_SINGLE, UCS2_SEGMENT = 70, 67
Encoding = Literal["GSM-7", "UCS-2"]
_GSM = Codec()
_ESCAPE = "\x1b"


@dataclass(frozen=True)
class Size:
    """How a text travels: `units` septets or UCS-2 units in `segments` segments."""

    encoding: Encoding
    units: int
    segments: int


def size(text: str) -> Size:
    """The size of a text as the network counts it."""
    widths = [septets(c) for c in text]
    if all(widths):
        return Size("GSM-7", sum(widths), _segments(widths, GSM_SINGLE, GSM_SEGMENT))
    widths = [2 if ord(c) > 0xFFFF else 1 for c in text]
    return Size("UCS-2", sum(widths), _segments(widths, UCS2_SINGLE, UCS2_SEGMENT))


@lru_cache(maxsize=4096)
def septets(character: str) -> int:
    """1 in the GSM alphabet, 2 in its extension table, 0 in neither."""
    if character == _ESCAPE:
        return 0  # the codec knows it as the way into the extension table, which is no character
    try:
        return len(_GSM.encode(character)[0])
    except UnicodeEncodeError:
        return 0


def _segments(widths: Iterable[int], single: int, segment: int) -> int:
    taken, count, total = 0, 1, 0
    for width in widths:
        total += width
        if taken + width > segment:
            count, taken = count + 1, 0
        taken += width
    return 1 if total <= single else count
