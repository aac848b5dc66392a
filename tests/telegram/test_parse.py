"""Every kind of update, literally as Telegram sends it, and what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import Attachment, Place
from connectors.telegram.parse import Me, parse_update
from tests.telegram import payloads as p

ME = Me(p.BOT, "likewise_demo_bot")
LANGUAGES = ("en", "nl", "de", "da")


def parse(update: dict[str, Any], me: Me = ME) -> Any:
    return parse_update(update, me, LANGUAGES).inbound


UNDERSTOOD = [
    ("TEXT", {"text": "Er ligt afval op straat"}),
    ("COMMAND", {"command": "start", "argument": "from-letter"}),
    (
        "EDITED",
        {"text": "Er ligt glas op straat", "correction_of": f"{p.BOT}:m71:12"},
    ),
    (
        "PHOTO",
        {"text": "Deze lamp", "attachments": (Attachment("photo", "large", "image/jpeg", 99000),)},
    ),
    ("PICTURE_FILE", {"attachments": (Attachment("photo", "doc", "image/heic", 2_000_000),)}),
    ("PDF", {"unsupported": "document"}),
    ("POSITION", {"place": Place(53.2194, 6.5665)}),
    ("LIVE", {"place": Place(53.2194, 6.5665)}),
    ("VENUE", {"place": Place(53.2194, 6.5665, "Stadhuis, Grote Markt 1")}),
    ("OWN_CONTACT", {"text": "+31612345678"}),
    ("OTHER_CONTACT", {"text": "Kim de Vries +31687654321"}),
    ("STICKER", {"unsupported": "sticker"}),
    ("VOICE", {"unsupported": "voice"}),
    ("VIDEO", {"unsupported": "video"}),
    (
        "VIDEO_WITH_WORDS",
        {
            "text": "Kijk, dit lekt",
            "attachments": (Attachment("video", "v", "video/mp4", 1_000_000),),
        },
    ),
    ("ANIMATION", {"unsupported": "animation"}),
    ("POLL", {"unsupported": "poll"}),
    ("DICE", {"unsupported": "dice"}),
    ("UNKNOWN_KIND", {"unsupported": "unknown"}),
    ("BUTTON", {"choice": "17.2"}),
    ("OLD_BUTTON", {"choice": "3.1"}),
    ("NAMED_IN_GROUP", {"text": "wanneer komt het oud papier?", "in_group": True}),
    ("ONLY_NAMED", {"command": "help", "in_group": True}),
    ("COMMAND_TO_US", {"command": "privacy", "in_group": True}),
    ("ANSWER_TO_US", {"text": "ja", "in_group": True}),
    (
        "PHOTO_UNDER_NEW_POLL",
        {"attachments": (Attachment("photo", "large", "image/jpeg", 99000),)},
    ),
    ("NEW_POLL", {"unsupported": "unreadable"}),
    ("MISSING_DATE", {"text": "Hallo"}),
    ("MISSING_SIZES", {"unsupported": "unreadable"}),
    ("WRONG_TYPES", {"unsupported": "unreadable"}),
    ("WRONG_POSITION", {"unsupported": "unreadable"}),
    ("HOSTILE", {"text": '<b>& /inform{"a": 1} ? \'; DROP TABLE inbox; --'}),
    ("TOO_LONG", {"text": "a" * 4000}),
]
LEFT_ASIDE = [
    "LIVE_MOVED",
    "JOINED",
    "PINNED",
    "INLINE_BUTTON",
    "CHANNEL_POST",
    "BLOCKED_US",
    "NEW_SORT_OF_UPDATE",
    "OTHER_BOT",
    "IN_GROUP",
    "NAME_INSIDE_ANOTHER",
    "COMMAND_IN_GROUP",
    "COMMAND_TO_OTHER",
    "STICKER_IN_GROUP",
    "MISSING_CHAT",
    "FAR_OUT",
    "BLANK",
]


@pytest.mark.parametrize(("name", "expected"), UNDERSTOOD, ids=[name for name, _ in UNDERSTOOD])
def test_an_update_is_understood(name: str, expected: dict[str, Any]) -> None:
    inbound = parse(getattr(p, name))
    assert inbound is not None
    empty = {
        "text": "", "choice": "", "place": None, "command": None, "argument": "",
        "unsupported": "", "attachments": (), "correction_of": "", "in_group": False,
    }  # fmt: skip
    assert {key: getattr(inbound, key) for key in empty} == empty | expected
    assert inbound.channel == "telegram"
    assert inbound.address == ("-10055" if inbound.in_group else "71")


@pytest.mark.parametrize("name", LEFT_ASIDE)
def test_an_update_is_left_aside_with_a_reason(name: str) -> None:
    parsed = parse_update(getattr(p, name), ME, LANGUAGES)
    assert parsed.inbound is None
    assert parsed.note


def test_every_payload_is_in_a_table() -> None:
    named = {name for name in vars(p) if name.isupper()}
    parts = {"BOT", "CITIZEN", "PRIVATE", "GROUP", "CHANNEL", "OURSELVES"}
    assert named - parts == {name for name, _ in UNDERSTOOD} | set(LEFT_ASIDE)


def test_ids_are_the_same_in_a_redelivery_and_an_edit_names_its_message() -> None:
    first, again = parse(p.TEXT), parse(dict(p.TEXT))
    assert first.external_id == again.external_id == f"{p.BOT}:m71:12"
    assert first.fingerprint() == again.fingerprint()
    edit = parse(p.EDITED)
    assert edit.correction_of == first.external_id != edit.external_id
    second = parse({**p.EDITED, "update_id": 900500})
    assert second.external_id != edit.external_id
    assert parse(p.BUTTON).external_id == f"{p.BOT}:q4382bfdwdsb323b2d9"


def test_two_bots_on_one_database_do_not_meet() -> None:
    assert parse(p.TEXT, Me(1, "a")).external_id != parse(p.TEXT, Me(2, "b")).external_id


def test_the_apps_language_is_a_hint_only_when_the_bot_speaks_it() -> None:
    assert parse(p.TEXT).language_hint == "nl"
    french = p.update(text="Bonjour", **{"from": {**p.CITIZEN, "language_code": "fr"}})
    assert parse(french).language_hint == ""
    unknown = p.update(text="Hi", **{"from": {"id": 71, "is_bot": False, "first_name": "R"}})
    assert parse(unknown).language_hint == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/help", {"command": "help"}),
        ("/HELP", {"command": "help"}),
        ("/help@likewise_demo_bot", {"command": "help"}),
        ("/report  a hole in\nthe road ", {"command": "report", "argument": "a hole in\nthe road"}),
        ('/inform{"language": "nl"}', {"text": '/inform{"language": "nl"}'}),
        ("/unknown", {"text": "/unknown"}),
        ("/ help", {"text": "/ help"}),
        ("please /help", {"text": "please /help"}),
    ],
)
def test_only_our_commands_are_commands(text: str, expected: dict[str, str]) -> None:
    inbound = parse(p.update(text=text))
    assert {key: getattr(inbound, key) for key in expected} == expected


def test_without_its_name_known_the_bot_hears_only_answers_in_a_group() -> None:
    nameless = Me(p.BOT)
    assert parse(p.NAMED_IN_GROUP, nameless) is None
    assert parse(p.ANSWER_TO_US, nameless).text == "ja"
    assert parse(p.COMMAND, nameless).command == "start"


def test_a_button_is_answered_even_when_nothing_comes_of_it() -> None:
    parsed = parse_update(p.INLINE_BUTTON, ME, LANGUAGES)
    assert parsed.callback_id == "4382bfdwdsb323b2db"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "type", "chat", "from", "text", "photo", "location", "date"]),
            inner,
        )
    ),
    max_leaves=12,
)


@given(
    st.sampled_from(["message", "edited_message", "callback_query", "poll"]),
    st.dictionaries(st.sampled_from(list(p.TEXT["message"]) + ["photo", "location", "data"]), JSON),
)
def test_no_update_makes_the_parser_raise(kind: str, changes: dict[str, Any]) -> None:
    base = p.BUTTON["callback_query"] if kind == "callback_query" else p.TEXT["message"]
    parse_update({"update_id": 1, kind: {**base, **changes}}, ME, LANGUAGES)
