"""Replies as SMS: plain text, numbered choices, links kept whole, and never more than a budget.

Pure: the same reply gives the same payloads. What does not fit into three segments waits as held
payloads, and each message but the last says which word brings the next one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urljoin

from yarl import URL

from bot.messages import Payload, Reply
from connectors.sms.folding import fold
from connectors.sms.segments import size

BUDGET = 3
"""Segments of one message: each is billed, and old phones show long messages in pieces."""
MORE = {
    "en": "Reply MORE to read on.",
    "nl": "Antwoord MEER om verder te lezen.",
    "de": "Antworten Sie MEHR, um weiterzulesen.",
    "da": "Svar MERE for at læse videre.",
}
PICTURE = {"en": "Picture", "nl": "Afbeelding", "de": "Bild", "da": "Billede"}
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')]* +(?=[\"'(]*[A-ZÄÖÜÆØÅ])")
_SHORT_FORM = re.compile(
    r"bijv|bl\.a|bzw|ca|d\.h|dhr|drs?|e\.g|evt|f\.eks|hr|i\.e|inkl|incl|ing|jl|kl|mrs?|mvr|nr|o\.a|st|str|"
    r"t\.a\.v|tel|u\.a|usw|vgl|z\.b",
    re.IGNORECASE,
)
_LONGEST_WORD = 60


class Piece(str):
    """Words that stay together, and the white space that joins them to what stands before."""

    glue: str

    def __new__(cls, words: str, glue: str) -> Piece:
        made = super().__new__(cls, words)
        made.glue = glue
        return made


def render(reply: Reply, language: str, base_url: str = "") -> list[Payload]:
    """One payload a message; those to be asked for are held."""
    more = MORE.get(language[:2], MORE["en"])
    payloads: list[Payload] = []
    for text in cut(list(_pieces(reply, language, base_url)), more):
        payload: Payload = {"text": text, "segments": size(text).segments}
        payloads.append(payload | {"held": True} if payloads else payload)
    return payloads


def address(url: str, base_url: str) -> str:
    """A link that works from a phone: absolute, and in ASCII."""
    whole = urljoin(f"{base_url}/", url) if base_url and url.startswith("/") else url
    return whole if whole.isascii() else str(URL(whole))


def _pieces(reply: Reply, language: str, base_url: str) -> Iterator[Piece]:
    for line in fold(reply.text, language).splitlines():
        glue = "\n"
        for sentence in sentences(" ".join(line.split())):
            yield Piece(sentence, glue)
            glue = " "
    if reply.image:
        # Where the words of the reply say the same, the picture's own words would cost twice.
        alt = PICTURE.get(language[:2], PICTURE["en"]) if reply.text else reply.image.alt
        url = address(reply.image.url, base_url)
        if not url.startswith("/"):  # without a public address nobody could open it
            yield _labelled(fold(alt, language), url)
        elif not reply.text:
            yield Piece(fold(alt, language), "\n")
    if reply.link:
        label = fold(reply.link.label, language)
        yield _labelled(label, address(reply.link.url, base_url))
    numbered = [f"{n} {fold(c.label, language)}" for n, c in enumerate(reply.choices, start=1)]
    if _fits("\n".join(numbered)):
        # Whoever has to choose sees all there is to choose from.
        numbered = ["\n".join(numbered)] if numbered else []
    for line in numbered:
        yield Piece(line, "\n")


def _labelled(label: str, url: str) -> Piece:
    label = " ".join(label.split()).rstrip(":. ")
    return Piece(f"{label}: {url}" if label else url, "\n")


def sentences(line: str) -> list[str]:
    """A line's sentences; a full stop after a short form, an initial or a list's "1" ends none."""
    found, start = [], 0
    for end in _SENTENCE_END.finditer(line):
        sentence = line[start : end.start()].rstrip(".!?")
        before = sentence.rpartition(" ")[2]
        initial = len(before) == 1 and before.isupper()
        if initial or sentence.isdigit() or _SHORT_FORM.fullmatch(before):
            continue
        found.append(line[start : end.end()].rstrip())
        start = end.end()
    return [part for part in (*found, line[start:]) if part]


def cut(pieces: list[Piece], more: str) -> list[str]:
    """Messages within the budget, filled piece by piece; all but the last end with `more`."""
    rest = [small for piece in pieces for small in _small(piece, more)]
    messages: list[str] = []
    while rest and not _fits(_joined(rest)):
        taken = 1
        while taken < len(rest) and _fits(f"{_joined(rest[: taken + 1])}\n{more}"):
            taken += 1
        if taken == len(rest):
            break  # one address longer than the budget: kept whole all the same
        messages.append(f"{_joined(rest[:taken])}\n{more}")
        rest = rest[taken:]
    return [*messages, _joined(rest)] if rest else messages


def _small(piece: Piece, more: str) -> list[Piece]:
    """The piece, or its lines or words when it is too long for one message."""
    if _fits(f"{piece}\n{more}"):
        return [piece]
    lines = piece.split("\n")
    if len(lines) > 1:
        return [small for line in lines for small in _small(Piece(line, "\n"), more)]
    words: list[Piece] = []
    for number, word in enumerate(piece.split(" ")):
        glue = " " if number else piece.glue
        if word.startswith(("http://", "https://")):
            words.append(Piece(word, glue))
            continue
        for start in range(0, len(word), _LONGEST_WORD):
            words.append(Piece(word[start : start + _LONGEST_WORD], "" if start else glue))
    return words


def _joined(pieces: list[Piece]) -> str:
    return "".join(p if n == 0 else p.glue + p for n, p in enumerate(pieces))


def _fits(text: str) -> bool:
    return size(text).segments <= BUDGET
