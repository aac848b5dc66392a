"""Replies as SMS: folding, choices, links, the budget and its held parts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.messages import Choice, Link, Picture, Reply
from connectors.sms.folding import fold
from connectors.sms.render import BUDGET, MORE, render, sentences
from connectors.sms.segments import size

BASE = "https://bot.city.example"


@pytest.mark.parametrize(
    ("language", "text", "folded"),
    [
        ("en", "“Hello” – it’s 9…", '"Hello" - it\'s 9...'),
        ("de", "„Müll“ größer", '"Müll" größer'),
        ("da", "på cykelstien – får ødelagt", "på cykelstien - får ødelagt"),
        ("nl", "financiën, geïnd, enquête, Zoë", "financien, geind, enquete, Zoe"),
        ("nl", "één coördinator, hè, reünie", "één coördinator, hè, reünie"),
        ("nl", "vóór 9 uur", "vóór 9 uur"),  # "voor" is another word
        ("nl", "dáár", "daar"),
        ("da", "han fór", "han fór"),  # "for" is another word
        ("en", "Tomás", "Tomás"),  # a name stays a name
        ("", "Zoë – “x”", 'Zoë - "x"'),  # a language we do not know: typography only
        ("nl", "• 25\u00a0m² groot", "- 25 m2 groot"),
        ("en", "see https://x.example/a–b’c “now”", 'see https://x.example/a–b’c "now"'),
        ("nl", "finance\u0301", "financé"),  # one character, however it was typed
        ("en", "soft\u00adhyphen", "softhyphen"),
    ],
)
def test_folding_keeps_the_word(language: str, text: str, folded: str) -> None:
    assert fold(text, language) == folded


def test_choices_are_numbered_lines() -> None:
    reply = Reply("Is that right?", (Choice("7.1", "Yes", "/yes"), Choice("7.2", "No", "/no")))
    assert render(reply, "en") == [{"text": "Is that right?\n1 Yes\n2 No", "segments": 1}]


def test_a_payload_of_the_brain_is_never_shown() -> None:
    reply = Reply("Well?", (Choice("1", "Yes", '/affirm{"x": 1}'),))
    assert "/affirm" not in str(render(reply, "en"))


def test_links_and_pictures_are_whole_addresses_with_their_words() -> None:
    reply = Reply(
        "Look.",
        image=Picture("/static/map é.png", "The map of your area"),
        link=Link("/privacy", "How we handle your data"),
    )
    [payload] = render(reply, "en", BASE)
    assert payload["text"] == (
        "Look.\nPicture: https://bot.city.example/static/map%20%C3%A9.png\n"
        "How we handle your data: https://bot.city.example/privacy"
    )


def test_paragraphs_become_lines() -> None:
    assert render(Reply("One.\n\n  Two.  "), "en")[0]["text"] == "One.\nTwo."


def test_the_same_reply_gives_the_same_payloads() -> None:
    reply = Reply("Sentence here. " * 60, (Choice("1", "Yes"),), link=Link("/x", "More"))
    assert render(reply, "nl", BASE) == render(reply, "nl", BASE)


@pytest.mark.parametrize("language", ["en", "nl", "de", "da"])
def test_what_is_over_the_budget_waits_for_the_word(language: str) -> None:
    reply = Reply(
        " ".join(f"Dette er sætning nummer {n} i et langt svar." for n in range(30)),
        (Choice("1", "Ja"), Choice("2", "Nej")),
        link=Link("https://city.example/" + "a" * 150, "Læs mere"),
    )
    payloads = render(reply, language)
    assert len(payloads) > 2
    assert [p.get("held", False) for p in payloads] == [False] + [True] * (len(payloads) - 1)
    for payload in payloads[:-1]:
        assert payload["text"].endswith(f".\n{MORE[language]}")  # cut at the end of a sentence
    assert MORE[language] not in payloads[-1]["text"]
    assert payloads[-1]["text"].endswith("\n1 Ja\n2 Nej")
    assert all(size(p["text"]).segments == p["segments"] <= BUDGET for p in payloads)
    assert sum(p["text"].count(reply.link.url) for p in payloads if reply.link) == 1


def test_an_unknown_language_is_asked_in_english() -> None:
    assert MORE["en"] in render(Reply("Word and word. " * 60), "fr")[0]["text"]


def test_choices_stay_together_when_they_can() -> None:
    options = tuple(Choice(str(n), f"Choice number {n} of this list") for n in range(1, 10))
    payloads = render(Reply("Sentence here. " * 25, options), "en")
    assert payloads[-1]["text"].startswith("1 Choice") or "\n1 Choice" in payloads[-1]["text"]
    assert "9 Choice" in payloads[-1]["text"]


def test_sentences_end_where_sentences_end() -> None:
    line = "Wij helpen u. Bel tel. 050 123 of bijv. Mevr. Bij dhr. J. Jansen om 9.00 uur. Klaar in week 3. Echt! “Ja?” Ja."
    assert sentences(fold(line, "nl")) == [
        "Wij helpen u.",
        "Bel tel. 050 123 of bijv. Mevr.",
        "Bij dhr. J. Jansen om 9.00 uur.",
        "Klaar in week 3.",
        "Echt!",
        '"Ja?"',
        "Ja.",
    ]
    assert sentences("1. Bring your card. Pay.") == ["1. Bring your card.", "Pay."]


words = st.text(st.sampled_from("abcdeé €ëö.!?\n123ABC😀–“"), max_size=900)


@settings(max_examples=150, deadline=None)
@given(words, st.lists(st.text(st.sampled_from("abc dëf€"), min_size=1, max_size=40), max_size=6))
def test_nothing_is_lost_and_nothing_is_over_the_budget(text: str, labels: list[str]) -> None:
    reply = Reply(
        text,
        tuple(Choice(str(n), label) for n, label in enumerate(labels)),
        link=Link("https://city.example/page?id=1&b=2", "Read"),
    )
    payloads = render(reply, "nl")
    assert all(size(p["text"]).segments <= BUDGET for p in payloads)
    heard = "".join(p["text"].replace(MORE["nl"], "") for p in payloads)
    expected = fold(text, "nl") + "Read: https://city.example/page?id=1&b=2"
    expected += "".join(f"{n} {fold(label, 'nl')}" for n, label in enumerate(labels, start=1))
    assert re.sub(r"\s", "", heard) == re.sub(r"\s", "", expected)
    assert any("https://city.example/page?id=1&b=2" in p["text"] for p in payloads)


def test_an_address_longer_than_the_budget_is_still_one_piece() -> None:
    url = "https://city.example/" + "a" * 700
    payloads = render(Reply("Short. " * 80, link=Link(url, "Read")), "en")
    assert any(url in p["text"] for p in payloads)


def test_a_reply_without_words_is_only_its_picture() -> None:
    reply = Reply(image=Picture("https://x.example/a.png", ""))
    assert [p["text"] for p in render(reply, "en")] == ["https://x.example/a.png"]
    assert render(Reply(), "en") == []
