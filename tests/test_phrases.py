"""Phrases: the same keys, placeholders and choices in every language."""

from __future__ import annotations

from typing import Any

import pytest
from ruamel.yaml import YAML

from bot.phrases import Phrasebook, fill, placeholders, reply_of
from bot.settings import ROOT

LANGUAGES = ("en", "nl", "de", "da")
BOOKS: dict[str, dict[str, Any]] = {
    language: YAML(typ="safe").load((ROOT / f"data/phrases/{language}.yml").read_text("utf-8"))[
        "responses"
    ]
    for language in LANGUAGES
}
MAX_LABEL = 28


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_language_has_the_same_phrases(language: str) -> None:
    assert set(BOOKS[language]) == set(BOOKS["en"])


@pytest.mark.parametrize("language", LANGUAGES[1:])
@pytest.mark.parametrize("key", sorted(BOOKS["en"]))
def test_same_placeholders_choices_and_links(key: str, language: str) -> None:
    ours, theirs = BOOKS[language][key][0], BOOKS["en"][key][0]
    assert placeholders(str(ours.get("text"))) == placeholders(str(theirs.get("text")))
    assert [b["payload"] for b in ours.get("buttons", ())] == [
        b["payload"] for b in theirs.get("buttons", ())
    ]
    assert (ours.get("custom") or {}).keys() == (theirs.get("custom") or {}).keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_labels_fit_on_a_button_and_differ_within_a_phrase(language: str) -> None:
    for key, entries in BOOKS[language].items():
        labels = [button["title"] for button in entries[0].get("buttons", ())]
        assert all(len(label) <= MAX_LABEL for label in labels), (key, labels)
        assert len(set(labels)) == len(labels), key


def test_a_value_is_never_read_as_a_template() -> None:
    assert fill("Hello {name}", {"name": "{secret}", "secret": "x"}) == "Hello {secret}"
    assert fill("{unknown} stays", {}) == "{unknown} stays"


def test_a_missing_language_speaks_the_primary_one() -> None:
    book = Phrasebook(
        {"en": {"utter_x": [{"text": "Hello {city}"}]}, "nl": {}}, {"nl": {"city": "G"}}
    )
    assert book.text("utter_x", "nl") == "Hello G"


def test_a_response_becomes_a_channel_neutral_reply() -> None:
    reply = reply_of(
        {
            "text": " Where? ",
            "buttons": [{"title": "Here", "payload": "/inform"}],
            "custom": {"ask": "place", "link": {"url": "/p", "label": "P"}},
        }
    )
    assert reply.text == "Where?"
    assert reply.ask == "place"
    assert reply.choices[0].payload == "/inform"
    assert reply.link is not None
    assert reply.link.url == "/p"
