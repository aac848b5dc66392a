"""Masking: what of a labelled set is hidden, what of harmless texts is hidden for nothing.

The sets were written for this; everyone in them is invented. `<kind:text>` marks an item. An item
counts as hidden when no letter or digit of it is left readable. `-s` prints the figures.
"""

from __future__ import annotations

import re
from collections import Counter as Count
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.console.veil import Veil
from bot.masking import KINDS, Masker
from bot.settings import ROOT
from bot.store.transcript import Line
from tests.conftest import FakeClock

FOLDER = Path(__file__).resolve().parent.parent / "data"
ITEM = re.compile(r"<(\w+):([^>]+)>")
RECALL = 0.95
FALSE_MASKS = 0.03


def streets() -> list[str]:
    import csv

    with (ROOT / "data/areas/streets.csv").open(encoding="utf-8") as rows:
        return [row["name"] for row in csv.DictReader(rows)]


MASKER = Masker(streets())


@dataclass(frozen=True)
class Sentence:
    language: str
    text: str
    items: tuple[tuple[int, int, str], ...]


def sentences(name: str) -> list[Sentence]:
    found = []
    for row in (FOLDER / name).read_text("utf-8").splitlines():
        language, marked = row.split("\t")
        marked = marked.replace("\\n", "\n")
        text, at, items = "", 0, []
        for match in ITEM.finditer(marked):
            text += marked[at : match.start()]
            items.append((len(text), len(text) + len(match[2]), match[1]))
            text += match[2]
            at = match.end()
        found.append(Sentence(language, text + marked[at:], tuple(items)))
    return found


def hidden(sentence: Sentence) -> list[tuple[str, bool]]:
    """Kind of each item, and whether nothing of it can be read."""
    covered = set()
    for span in MASKER.spans(sentence.text):
        covered.update(range(span.start, span.end))
    return [
        (kind, all(i in covered or not sentence.text[i].isalnum() for i in range(start, end)))
        for start, end, kind in sentence.items
    ]


def test_nearly_all_personal_data_is_hidden_in_every_language(
    capsys: pytest.CaptureFixture[str],
) -> None:
    every: Count[str] = Count()
    missed: Count[str] = Count()
    lines = []
    for sentence in sentences("masking.tsv"):
        for kind, good in hidden(sentence):
            for key in ("all", kind, sentence.language):
                every[key] += 1
                missed[key] += not good
            if not good:
                lines.append(f"  missed {kind}: {sentence.text!r}")
    with capsys.disabled():
        for key in ("all", *KINDS, "en", "nl", "de", "da"):
            print(f"{key:<15} {every[key] - missed[key]:>3} of {every[key]:>3} hidden")
    assert every["all"] >= 300
    for key in ("all", "en", "nl", "de", "da"):
        assert 1 - missed[key] / every[key] >= RECALL, (key, *lines)
    for kind in KINDS:
        assert every[kind] >= 15, kind
        assert 1 - missed[kind] / every[kind] >= 0.9, (kind, *lines)


def test_harmless_texts_stay_readable(capsys: pytest.CaptureFixture[str]) -> None:
    harmless = sentences("masking_harmless.tsv")
    false = [(s.text, MASKER.hide(s.text)) for s in harmless if MASKER.spans(s.text)]
    with capsys.disabled():
        print(f"{len(false)} of {len(harmless)} harmless texts have something hidden: {false}")
    assert len(harmless) >= 100
    assert len(false) / len(harmless) <= FALSE_MASKS, false


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("LW-2026-00042", "LW-2026-00042"),
        ("bel 06 12345678 over LW-2026-00042", "bel [phone] over LW-2026-00042"),
        ("<script>mijn naam is Jan</script>", "<script>mijn naam is [name]</script>"),
        ("", ""),
    ],
)
def test_only_the_data_itself_is_hidden(text: str, shown: str) -> None:
    assert MASKER.hide(text) == shown


@given(st.text(max_size=300))
def test_pieces_put_together_are_the_text_again(text: str) -> None:
    spans = MASKER.spans(text)
    assert all(a.end <= b.start for a, b in zip(spans, spans[1:]))
    assert all(0 <= s.start < s.end <= len(text) and s.kind in KINDS for s in spans)
    pieces = MASKER.pieces(text)
    shown = [words for words, kind in pieces if not kind]
    assert len([kind for _, kind in pieces if kind]) == len(spans)
    at = 0
    for words in shown:
        at = text.index(words, at) + len(words)


@pytest.mark.parametrize(
    "text",
    ["a" * 50_000, "1 " * 20_000, "@" * 20_000, "Aa " * 10_000, "06" * 9_000, "van de " * 4_000],
)
def test_long_and_hostile_texts_take_no_long_time(text: str) -> None:
    import time

    started = time.perf_counter()
    MASKER.pieces(text[:4_000])
    assert time.perf_counter() - started < 2


def _line(cursor: int, sender: str, text: str, intent: str = "") -> Line:
    turn = {"intent": intent} if intent else None
    return Line(cursor, sender, FakeClock().now, text, "done", turn=turn)


def test_a_name_is_hidden_in_the_rest_of_the_conversation_and_in_an_answer_to_a_question() -> None:
    veil = Veil(MASKER, frozenset({"How can we reach you?"}), lifted=False)
    lines = [
        _line(1, "citizen", "my name is Harriet Blackwood", "greet"),
        _line(2, "bot", "Hello Harriet! Your bin is noted."),
        _line(3, "bot", "How can we reach you?"),
        _line(4, "citizen", "wim jansen", "inform"),
        _line(5, "bot", "How can we reach you?"),
        _line(6, "citizen", "skip", "skip"),
    ]
    expected = veil.learn(lines)
    shown = [veil.words(line.text, expected.get(line.cursor, False)) for line in lines]
    assert shown[1] == "Hello [name]! Your bin is noted."
    assert "jansen" not in shown[3]
    assert shown[5] == "skip"
    bare = Veil(MASKER, frozenset(), lifted=True)
    assert bare.words("my name is Harriet") == "my name is Harriet"


def test_what_is_hidden_can_be_chosen() -> None:
    only = Masker((), kinds={"phone"})
    assert only.hide("I am Tom Fletcher, 06 12345678") == "I am Tom Fletcher, [phone]"
