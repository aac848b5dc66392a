"""Switching the language by words: in any language about any other, and nothing else."""

from __future__ import annotations

import pytest

from bot.civic.languages import language_named, wished_language


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("kun je Nederlands praten", "nl"), ("kunt u Engels praten?", "en"), ("auf Deutsch bitte", "de"),
        ("skift til dansk", "da"), ("English please", "en"), ("in het Nederlands graag", "nl"),
        ("Können Sie Deutsch sprechen?", "de"), ("kan du tale dansk?", "da"), ("på dansk, tak", "da"),
        ("can we continue in German", "de"), ("liever in het Duits", "de"), ("Deutsch", "de"),
        ("spreek nederlands", "nl"), ("switch to Dutch", "nl"), ("not in Dutch but English please", None),
        ("no Dutch, English please", "en"), ("lieber auf Englisch", "en"), ("kan vi snakke engelsk", "en"),
        ("I would like to talk in Danish", "da"), ("DANSK!", "da"), ("hej, kan du svare på dansk", "da"),
    ],
)  # fmt: skip
def test_a_wish_for_a_language_is_heard(text: str, code: str | None) -> None:
    assert wished_language(text) == code


@pytest.mark.parametrize(
    "text",
    [
        "I want to learn Dutch", "Dutch lessons", "where can I take a German course", "ik ben Duits",
        "Duits paspoort aanvragen", "I am German", "interpreter for Danish", "ich spreche kein Deutsch",
        "jeg har brug for en dansk tolk", "mijn buurman is Deens", "do I need Dutch for a passport",
        "Englischkurs", "the English school", "", "hello", "a German car is parked on my street",
    ],
)  # fmt: skip
def test_other_matters_with_a_language_in_them_are_no_wish(text: str) -> None:
    assert wished_language(text) is None


def test_a_language_is_named_in_any_language() -> None:
    assert language_named("ich möchte auf Dänisch schreiben") == "da"
    assert language_named("hello there") is None
