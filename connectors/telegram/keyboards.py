"""Keyboards: choices packed into rows of buttons. Pure functions.

Short labels share a row, long ones get a row of their own, and the order of the choices is the
order of reading. A button carries the choice's id, which Telegram hands back when it is pressed;
what the choice means stays with us.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Union

from telegram import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
)

from bot.messages import JsonObject

MAX_DATA = 64
"""Bytes of callback data: https://core.telegram.org/bots/api#inlinekeyboardbutton"""
MAX_BUTTONS = 100
"""Buttons that Telegram keeps of one keyboard; the rest would be dropped without a word."""
ROOM = {1: 1_000, 2: 15, 3: 8}
"""Longest label where so many buttons share a row, measured on a phone 360 points wide."""

Markup = Union[InlineKeyboardMarkup, ReplyKeyboardMarkup, ReplyKeyboardRemove]


def rows(labels: Sequence[str]) -> list[list[int]]:
    """Places of the labels, packed into rows of up to three, in order."""
    packed: list[list[int]] = []
    for place in range(len(labels)):
        row = packed[-1] if packed else []
        if (
            row
            and len(row) + 1 in ROOM
            and all(len(labels[i]) <= ROOM[len(row) + 1] for i in (*row, place))
        ):
            row.append(place)
        else:
            packed.append([place])
    for above, below in pairwise(packed):
        if len(above) == 3 and len(below) == 1 and len(labels[below[0]]) <= ROOM[2]:
            below.insert(0, above.pop())  # two and two look better than three and one
    return packed


def keyboard(choices: Sequence[tuple[str, str]]) -> list[list[JsonObject]]:
    """(id, label) pairs as rows of `{"id", "label"}`, the way a payload keeps them."""
    for choice_id, label in choices:
        if not 0 < len(choice_id.encode()) <= MAX_DATA:
            raise ValueError(f"choice id {choice_id!r} is not 1 to {MAX_DATA} bytes")
        if not label.strip():
            raise ValueError(f"choice {choice_id!r} has no label")
    placed = rows([label for _, label in choices])
    return [[{"id": choices[i][0], "label": choices[i][1]} for i in row] for row in placed]


def markup(buttons: Sequence[Sequence[JsonObject]], share: str, private: bool) -> Markup | None:
    """The keyboard under a message.

    A position can be asked for in a private chat only, and only by a reply keyboard; a message has
    one keyboard, so choices beside it become buttons that say their label. A private message with
    no buttons at all takes an earlier reply keyboard away.
    """
    if share and private:
        asked = [[KeyboardButton(share, request_location=True)]]
        said = [[KeyboardButton(button["label"]) for button in row] for row in buttons]
        return ReplyKeyboardMarkup(asked + said, resize_keyboard=True, one_time_keyboard=True)
    if buttons:
        return InlineKeyboardMarkup(
            [
                [InlineKeyboardButton(b["label"], callback_data=b["id"]) for b in row]
                for row in buttons
            ]
        )
    return ReplyKeyboardRemove() if private else None
