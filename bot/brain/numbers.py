"""Numbers that mean a place: postcodes, lamp-posts, house numbers.

Each is found by its shape and the words around it, in the city's languages. "I called 3 times" and
"in 2024" are none of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

Found = tuple[str, int, int]
"""Value, start, end."""

_POSTCODE = re.compile(r"\b([1-9]\d{3})(\s?)([A-Za-z]{2})\b(?!\w)")
_SMALL_WORDS = """
    ab af al am an as at au be by da de do du ej en er es et eu eg ff go he hi if ik im in is it ja
    je jo kg km le ma mm cm me my na no nr nu of og om on op or pa pm so te to um up uw ud us we wo
    ze zo zu så på år øh
"""
_TWO_LETTERS = frozenset(_SMALL_WORDS.split())
"""Words that follow a number without making a postcode of it, when written small."""
_POSTCODE_WORD = re.compile(
    r"\b(?:postcode|post code|postal code|zip(?: code)?|plz|postleitzahl|postnummer|postnr)\.?:?"
    r"\s*(?:is|ist|er|:)?\s*([1-9]\d{3})\b(?!\s?[-–]?\d)",
    re.IGNORECASE,
)
_POSTCODE_ALONE = re.compile(r"^\W*([1-9]\d{3})\W*$")

_POST = (
    r"lamp ?posts?|street ?lights?|street ?lamps?|lanterns?|lantaarnpa(?:al|len)|lantarenpaal"
    r"|lantaarn|lantaarns|straatlampe?n?|lichtmast(?:en)?|mast(?:en)?|paal|lamp"
    r"|(?:straßen|strassen)?laternen?|laternenmast|laternenpfahl|leuchte|straßenlampen?"
    r"|lygtepæle?n?|gadelampen?|gadelygten?|lygten?|lampen?|lysmasten?"
)
_NR = r"(?:numbers?|nummer|number|nr|no|num|n°|nº)\.?\s*:?\s*#?|#"
_MAST = r"\d{1,6}(?:\s?[-–/]\s?\d{1,4})?"
_LAMP = re.compile(
    rf"\b(?:{_POST})\b\s*(?:mit\s+|met\s+|with\s+|med\s+)?(?P<nr>{_NR})?\s*(?P<mast>{_MAST})\b"
    r"(?!\s*(?:%|(?:m|km|cm|kw|w|x)\b|days?|weeks?|months?|times|met(?:er|re)|hours?|dagen|weken|maanden|keer"
    r"|uur|uren|tage|wochen|mal|stunden|dage|uger|måneder|gange|timer))(?!\d)",
    re.IGNORECASE,
)
_MAST_ALONE = re.compile(r"(?<![\w+-])(\d{5}-\d{3})(?![\w-])")

_AFTER_STREET = re.compile(
    r"^[\s,]*(?:(?:number|nummer|huisnummer|nr|no|hausnummer|husnummer)\.?\s*)?"
    r"(\d{1,4}(?:\s?[a-zA-Z](?!\w))?)\b",
    re.IGNORECASE,
)
_NUMBERED = re.compile(
    r"\b(?:number|nummer|huisnummer|nr|no|hausnummer|husnummer|house)\.?\s*"
    r"(\d{1,4}(?:\s?[a-zA-Z](?!\w))?)\b",
    re.IGNORECASE,
)
_BARE = re.compile(r"^\W*(?:(?:no|nee|nein|nej)\W+)?(\d{1,4}\s?[a-zA-Z]?)\W*$", re.IGNORECASE)
_MEASURE = re.compile(r"^\s?(?:%|€|euro|uur|uhr|times|keer|mal|gange|km|m2|m²|kg|o'clock)", re.I)


def postcodes(text: str) -> list[Found]:
    """ "9711 AB", "9711ab", "postcode 9711", or four digits that are the whole message."""
    found = []
    for match in _POSTCODE.finditer(text):
        letters = match[3]
        small = letters.lower() in _TWO_LETTERS and not letters.isupper()
        if not (match[2] and small):
            found.append((match[1] + letters.upper(), match.start(), match.end()))
    for pattern in (_POSTCODE_WORD, _POSTCODE_ALONE):
        for match in pattern.finditer(text):
            if not overlaps(match.span(1), [(f[1], f[2]) for f in found]):
                found.append((match[1], match.start(1), match.end(1)))
    return found


def lamp_posts(text: str) -> list[Found]:
    """Numbers of lamp-posts; one or two digits behind "lamp" may be a house and do not count."""
    found = []
    for match in _LAMP.finditer(text):
        if len(re.sub(r"\D", "", match["mast"])) >= 3:
            value = re.sub(r"\s?[-–/]\s?", "-", match["mast"])
            found.append((value, match.start("mast"), match.end("mast")))
    for match in _MAST_ALONE.finditer(text):
        if not overlaps(match.span(), [(f[1], f[2]) for f in found]):
            found.append((match[1], match.start(), match.end()))
    return found


def house_number(
    text: str, street_ends: Iterable[int], taken: list[tuple[int, int]]
) -> Found | None:
    """The number behind a street, or one that is named as such; at most one a message.

    `street_ends` are the offsets behind the streets of the text; what is `taken` is another number.
    """
    for end in street_ends:
        match = _AFTER_STREET.match(text[end:])
        if match and not _MEASURE.match(text[end + match.end(1) :]):
            start = end + match.start(1)
            span = (start, start + len(match[1]))
            if not overlaps(span, taken):
                return (match[1].strip(), *span)
    for pattern in (_NUMBERED, _BARE):
        matches = [m for m in pattern.finditer(text) if not overlaps(m.span(1), taken)]
        if matches:
            last = matches[-1]  # "not number 40 but number 44"
            return last[1].strip(), last.start(1), last.end(1)
    return None


def overlaps(span: tuple[int, int], taken: Iterable[tuple[int, int]]) -> bool:
    """Does a span share a letter with one of those taken?"""
    return any(start < span[1] and span[0] < end for start, end in taken)
