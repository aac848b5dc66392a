"""Replies as Telegram messages: split, escaped, with every choice reachable."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import InlineKeyboardMarkup, ReplyKeyboardMarkup, ReplyKeyboardRemove

from bot.messages import Choice, Link, Picture, Reply
from connectors.telegram.keyboards import MAX_DATA, ROOM, keyboard, markup, rows
from connectors.telegram.render import CAPTION_LIMIT, TEXT_LIMIT, render, split, units
from connectors.telegram.simulator.markup import read

CITY = "https://city.example"
TEXTS = st.text(
    alphabet=st.one_of(
        st.sampled_from(" \n.!?<>&\"'aé😀👍🏽👨\u200d👩\u0301/"),
        st.characters(blacklist_categories=("Cs",)),
    ),
    max_size=400,
)
LABELS = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=40
)


def bare(text: str) -> str:
    return re.sub(r"\s", "", text)


@given(TEXTS, st.integers(min_value=2, max_value=60))
def test_a_split_text_fits_and_loses_only_white_space(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert all(part and part == part.strip() and units(part) <= limit for part in parts)
    assert bare("".join(parts)) == bare(text)


def test_a_split_ends_even_where_one_character_is_all_that_fits() -> None:
    assert split("😀🏽e\u0301", 2) == ["😀", "🏽", "e\u0301"]


@given(TEXTS, st.integers(min_value=1, max_value=60))
def test_no_message_is_over_telegrams_limit(text: str, times: int) -> None:
    for payload in render(Reply(text * times), "en", CITY):
        words, _ = read(payload["text"])
        assert 0 < units(words) <= TEXT_LIMIT


def test_a_long_text_is_cut_at_a_sentence_end() -> None:
    text = "This is a sentence of some length. " * 200
    parts = split(text)
    assert len(parts) == 2
    assert all(part.endswith(".") for part in parts)


def test_a_long_text_is_cut_at_a_paragraph_if_one_ends_late_enough() -> None:
    text = "a" * 3000 + ".\n\n" + "b. " * 400 + "\n\n" + "c" * 100
    assert split(text)[0] == "a" * 3000 + "."


def test_a_text_without_any_end_is_cut_between_characters() -> None:
    parts = split("😀" * 5000)
    assert [units(part) for part in parts] == [4096, 4096, 1808]


@given(TEXTS)
def test_whatever_is_said_is_words_and_never_markup(text: str) -> None:
    for payload in render(Reply(text), "en", CITY):
        words, entities = read(payload["text"])
        assert entities == []
        assert html.unescape(payload["text"]) == words


def test_choices_stand_under_the_last_part_of_a_long_text() -> None:
    reply = Reply(
        "A sentence. " * 600, (Choice("5.1", "Yes", "/affirm"), Choice("5.2", "No", "/deny"))
    )
    payloads = render(reply, "en", CITY)
    assert len(payloads) == 2
    assert "buttons" not in payloads[0]
    assert payloads[1]["buttons"] == [[{"id": "5.1", "label": "Yes"}, {"id": "5.2", "label": "No"}]]
    assert "/affirm" not in str(payloads)


def test_a_link_is_a_link_with_a_whole_address() -> None:
    reply = Reply("Read & see.", link=Link('/privacy?a=1&b="2"', "Privacy <statement>"))
    (payload,) = render(reply, "en", CITY)
    words, entities = read(payload["text"])
    assert words == "Read & see.\n\nPrivacy <statement>"
    assert entities == [
        {
            "type": "text_link",
            "offset": 13,
            "length": 19,
            "url": 'https://city.example/privacy?a=1&b="2"',
        }
    ]


def test_a_link_that_nobody_could_open_is_left_out() -> None:
    assert render(Reply("Text.", link=Link("/privacy", "More")), "en") == [{"text": "Text."}]


def test_a_link_that_does_not_fit_gets_a_message_of_its_own() -> None:
    payloads = render(Reply("x" * 4090, link=Link("https://a.example", "Read more")), "en")
    assert [read(p["text"])[0] for p in payloads] == ["x" * 4090, "Read more"]


def test_a_picture_comes_with_its_words_and_before_the_text() -> None:
    reply = Reply(
        "Which bin?", (Choice("1.1", "Grey"),), image=Picture("/bins.png", "A grey & a green bin")
    )
    assert render(reply, "en", CITY) == [
        {"photo": "https://city.example/bins.png", "text": "A grey &amp; a green bin"},
        {"text": "Which bin?", "buttons": [[{"id": "1.1", "label": "Grey"}]]},
    ]


def test_a_picture_without_a_public_address_leaves_its_words() -> None:
    assert render(Reply(image=Picture("/bins.png", "Two bins")), "en") == [{"text": "Two bins"}]


def test_a_caption_keeps_to_its_own_limit() -> None:
    payloads = render(Reply(image=Picture("/b.png", "word " * 400)), "en", CITY)
    assert units(read(payloads[0]["text"])[0]) <= CAPTION_LIMIT
    assert bare("".join(p["text"] for p in payloads)) == "word" * 400


@pytest.mark.parametrize(
    ("language", "label"),
    [("en", "Share my position"), ("nl", "Mijn locatie delen"), ("de", "Meinen Standort senden"),
     ("da", "Del min placering"), ("fr", "Share my position")],
)  # fmt: skip
def test_where_a_place_is_asked_for_there_is_a_button_for_it(language: str, label: str) -> None:
    (payload,) = render(Reply("Where?", ask="place"), language, CITY)
    assert payload["share"] == label
    private = markup(payload["buttons"], payload["share"], private=True)
    assert isinstance(private, ReplyKeyboardMarkup)
    assert private.keyboard[0][0].request_location is True
    assert markup(payload["buttons"], payload["share"], private=False) is None


def test_choices_beside_the_place_button_stay_reachable() -> None:
    reply = Reply("Where?", (Choice("1.1", "I do not know"),), ask="place")
    (payload,) = render(reply, "en", CITY)
    private = markup(payload["buttons"], payload["share"], private=True)
    assert isinstance(private, ReplyKeyboardMarkup)
    assert [[b.text for b in row] for row in private.keyboard] == [
        ["Share my position"],
        ["I do not know"],
    ]
    group = markup(payload["buttons"], payload["share"], private=False)
    assert isinstance(group, InlineKeyboardMarkup)
    assert group.inline_keyboard[0][0].callback_data == "1.1"


def test_a_plain_message_takes_the_place_button_away_again() -> None:
    assert isinstance(markup([], "", private=True), ReplyKeyboardRemove)


@given(st.lists(LABELS, max_size=30))
def test_every_label_has_one_place_in_order_and_in_room(labels: list[str]) -> None:
    packed = rows(labels)
    assert [place for row in packed for place in row] == list(range(len(labels)))
    for row in packed:
        assert 1 <= len(row) <= 3
        assert len(row) == 1 or all(len(labels[place]) <= ROOM[len(row)] for place in row)


@given(
    st.lists(st.tuples(st.text("0123456789.", min_size=1, max_size=MAX_DATA), LABELS), max_size=20)
)
def test_buttons_carry_what_they_were_given(pairs: list[tuple[str, str]]) -> None:
    buttons = [(b["id"], b["label"]) for row in keyboard(pairs) for b in row]
    assert buttons == pairs


def test_four_short_labels_make_two_rows_of_two() -> None:
    assert rows(["Yes", "No", "Stop", "Help"]) == [[0, 1], [2, 3]]


@pytest.mark.parametrize("pair", [("", "Yes"), ("x" * 65, "Yes"), ("é" * 33, "Yes"), ("1.1", " ")])
def test_a_button_that_telegram_would_refuse_is_a_fault_of_ours(pair: tuple[str, str]) -> None:
    with pytest.raises(ValueError):
        keyboard([pair])


def test_more_choices_than_one_keyboard_holds_go_on_under_another_message() -> None:
    reply = Reply(
        "Choose.", tuple(Choice(f"1.{n}", f"Choice number {n} of many") for n in range(150))
    )
    payloads = render(reply, "nl", CITY)
    counts = [sum(len(row) for row in payload["buttons"]) for payload in payloads]
    assert counts == [100, 50]
    assert payloads[1]["text"] == "Kies uit:"


def test_choices_alone_get_words_to_stand_under() -> None:
    (payload,) = render(Reply(choices=(Choice("1.1", "Ja"),)), "de", CITY)
    assert payload["text"] == "Bitte wählen Sie:"


def test_rendering_is_pure() -> None:
    reply = Reply("Hi", (Choice("1.1", "Yes"),), Picture("/a.png", "A"), Link("/b", "B"), "place")
    assert render(reply, "en", CITY) == render(reply, "en", CITY)
