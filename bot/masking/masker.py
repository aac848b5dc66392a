"""All rules together: the spans to hide in a text, and the text with them hidden."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from bot.masking import names, numbers
from bot.masking.addresses import Addresses

KINDS = ("email", "account", "citizen_number", "plate", "phone", "address", "name")
"""What is hidden, in the order in which it wins when two rules meet."""
LONGEST_TEXT = 20_000


@dataclass(frozen=True)
class Span:
    """A piece of personal data: where it stands in the text, and what it is."""

    start: int
    end: int
    kind: str


class Masker:
    """Finds personal data. `streets` are the city's own; without them only shapes are known."""

    def __init__(self, streets: Iterable[str] = (), kinds: Collection[str] = KINDS) -> None:
        self.addresses = Addresses(streets)
        self.kinds = frozenset(kinds)

    def spans(
        self, text: str, known: Collection[str] = (), name_expected: bool = False
    ) -> list[Span]:
        """What to hide, in order and without overlaps.

        `known` are names that were introduced earlier; `name_expected` says that the text answers
        a question for a name.
        """
        text = text[:LONGEST_TEXT]
        plain = numbers.protect(text)
        found = {
            "email": numbers.emails(text),
            "account": numbers.ibans(plain),
            "citizen_number": numbers.citizen_numbers(plain),
            "plate": numbers.plates(plain),
            "phone": numbers.phones(plain),
            "address": self.addresses.find(plain),
            "name": [
                (start, end)
                for start, end in (*names.introduced(text), *self._repeated(text, known))
                if not self.addresses.is_street(text[start:end])
            ],
        }
        if name_expected and (whole := names.answer(text)):
            found["name"] = [whole]
        taken: list[Span] = []
        for kind in KINDS:
            if kind in self.kinds:
                for start, end in found[kind]:
                    _take(taken, Span(start, end, kind))
        return sorted(taken, key=lambda span: span.start)

    def names(self, text: str, name_expected: bool = False) -> set[str]:
        """The names that a text gives, to be hidden in the rest of the conversation too."""
        if not name_expected and next(names.introduced(text[:LONGEST_TEXT]), None) is None:
            return set()  # most texts: the other rules need not look
        return names_in(text, self.spans(text, (), name_expected))

    @staticmethod
    def _repeated(text: str, known: Collection[str]) -> list[tuple[int, int]]:
        parts = {part for name in known for part in (name, *name.split()) if _telling(part)}
        wanted = sorted(parts - names.NO_NAME, key=len, reverse=True)
        if not wanted:
            return []
        pattern = "|".join(re.escape(word) for word in wanted)
        return [m.span() for m in re.finditer(rf"(?<!\w)(?:{pattern})(?!\w)", text)]

    def pieces(
        self, text: str, known: Collection[str] = (), name_expected: bool = False
    ) -> list[tuple[str, str]]:
        """The text cut into (words, "") and ("", kind): what a page shows, hidden or not."""
        cut: list[tuple[str, str]] = []
        at = 0
        for span in self.spans(text, known, name_expected):
            cut += [(text[at : span.start], "")] if span.start > at else []
            cut.append(("", span.kind))
            at = span.end
        # What is too long to be looked through is not shown either.
        rest = text[at:LONGEST_TEXT]
        return [*cut, (rest, "")] if rest else cut

    def hide(self, text: str, known: Collection[str] = (), name_expected: bool = False) -> str:
        """The text with `[kind]` in the place of personal data."""
        return "".join(
            words or f"[{kind}]" for words, kind in self.pieces(text, known, name_expected)
        )


def _telling(part: str) -> bool:
    """Does this part of a name tell who it is? "Bo" does; "de", "J." and "De" do not."""
    if len(part) > 2:
        return True
    small = part.casefold()
    return (
        part.isalpha()
        and len(part) == 2
        and part[0].isupper()
        and (small not in names.NO_NAME and small not in names.PARTICLES)
    )


def _take(taken: list[Span], span: Span) -> None:
    """Add a span; the part of it that an earlier rule has is left to that rule."""
    for other in list(taken):
        if span.start < other.end and other.start < span.end:
            if span.start >= other.start and span.end <= other.end:
                return
            taken.remove(other)
            kind = other.kind
            span = Span(min(span.start, other.start), max(span.end, other.end), kind)
    taken.append(span)


def names_in(text: str, spans: Iterable[Span]) -> set[str]:
    """The names among the spans, to be hidden in the rest of the conversation too."""
    return {text[span.start : span.end] for span in spans if span.kind == "name"}
