"""What the console says: the same in both languages, and nothing is said that stands in no file."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from bot.console.words import FOLDER, LANGUAGES, Words, preferred

CONSOLE = FOLDER.parent
WORDS = Words.load()
CALL = re.compile(r"""(?:say|redirect\([^()]*?,)\(?\s*["']([a-z_]+\.[a-z0-9_]+)["'](?=\s*[,)])""")


def test_both_languages_say_everything_with_the_same_values() -> None:
    for key, entry in WORDS.texts.items():
        assert set(entry) == set(LANGUAGES), key
        assert all(text.strip() for text in entry.values()), key
        named = {
            language: {name for _, name, _, _ in string.Formatter().parse(text) if name}
            for language, text in entry.items()
        }
        assert named["en"] == named["nl"], key


def test_every_key_that_a_page_or_template_names_is_there() -> None:
    files = [*CONSOLE.rglob("*.html"), *CONSOLE.rglob("*.py")]
    named = {(key, path) for path in files for key in CALL.findall(path.read_text("utf-8"))}
    assert len(named) > 150
    assert [(key, path.name) for key, path in named if not WORDS.has(key)] == []


def test_a_text_without_a_language_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.yml").write_text("hello: {en: Hello}", "utf-8")
    with pytest.raises(ValueError, match="hello"):
        Words.load(tmp_path)


@pytest.mark.parametrize(
    ("header", "language"),
    [("nl-NL,nl;q=0.9", "nl"), ("de, nl", "nl"), ("", "en"), ("*", "en"), ("x" * 9999, "en")],
)
def test_the_browsers_language_is_taken_where_we_speak_it(header: str, language: str) -> None:
    assert preferred(header) == language


def test_templates_have_no_inline_script_or_style() -> None:
    for path in CONSOLE.rglob("*.html"):
        text = path.read_text("utf-8")
        assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|javascript:", text), path
        assert "| safe" not in text, path
