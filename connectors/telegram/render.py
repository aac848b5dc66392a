"""Replies as Telegram messages: words in HTML with everything escaped, split where they are long.

A payload is `{"text", "buttons", "share"}`, or `{"photo", "alt", ...}` for a picture. `text` is
HTML; Telegram counts its limits on what is left after the markup, in UTF-16 units, so the words are
split before they are escaped. Buttons stand under the last message.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from bot.messages import Payload, Reply
from connectors.telegram.keyboards import MAX_BUTTONS, keyboard
from connectors.telegram.words import CHOOSE, SHARE_PLACE, word

TEXT_LIMIT = 4096
"""https://core.telegram.org/bots/api#sendmessage: 1-4096 characters after entities parsing."""
CAPTION_LIMIT = 1024
"""https://core.telegram.org/bots/api#sendphoto: 0-1024 characters after entities parsing."""
_ENDS = (
    re.compile(r"\n\s*\n"),
    re.compile(r"(?<=[.!?…])[\"'”’»)\]]*\s+|\n"),
    re.compile(r"\s+"),
)
"""Where a long text may be cut: after a paragraph, else a sentence or line, else a word."""


def render(
    reply: Reply, language: str, public_url: str = "", uploads: bool = False
) -> list[Payload]:
    """The payloads of a reply, in the order of sending. `uploads`: a picture of this server is sent
    by its bytes, with the reply's own words under it where they fit: they say the same."""
    payloads: list[Payload] = []
    if reply.image and uploads and reply.image.url.startswith("/"):
        whole = _whole(reply.text)
        fits = units(whole) <= CAPTION_LIMIT
        words = (
            whole if whole and fits else (split(_whole(reply.image.alt), CAPTION_LIMIT) or [""])[0]
        )
        where = absolute(reply.image.url, public_url) or reply.image.url
        payloads.append({"photo": where, "own": reply.image.url, "text": escape(words)})
        if fits:
            payloads += _worded(replace(reply, text=""), public_url)
            _add_buttons(payloads, reply, language)
            return payloads
    elif reply.image:
        url = absolute(reply.image.url, public_url)
        alt = _whole(reply.image.alt)
        if url:
            caption = split(alt, CAPTION_LIMIT)
            payloads.append({"photo": url, "text": escape(caption[0]) if caption else ""})
            payloads += [{"text": escape(part)} for part in caption[1:]]
        else:
            payloads += [{"text": escape(part)} for part in split(alt)]
    payloads += _worded(reply, public_url)
    _add_buttons(payloads, reply, language)
    return payloads


def _worded(reply: Reply, public_url: str) -> list[Payload]:
    parts = split(_whole(reply.text))
    link = reply.link
    url = absolute(link.url, public_url) if link else ""
    texts = [escape(part) for part in parts]
    if link and url:
        label = split(_whole(link.label) or url)[0]
        anchor = f'<a href="{html.escape(url)}">{escape(label)}</a>'
        if parts and units(parts[-1]) + 2 + units(label) <= TEXT_LIMIT:
            texts[-1] += f"\n\n{anchor}"
        else:
            texts.append(anchor)
    return [{"text": text} for text in texts]


def _add_buttons(payloads: list[Payload], reply: Reply, language: str) -> None:
    """Choices and the wish for a position go under the last message; make one if there is none."""
    pairs = [(choice.id, _whole(choice.label)) for choice in reply.choices]
    share = word(SHARE_PLACE, language) if reply.ask == "place" else ""
    if not (pairs or share):
        return
    if not payloads:
        payloads.append({"text": escape(word(CHOOSE, language))})
    payloads[-1] |= {"buttons": keyboard(pairs[:MAX_BUTTONS])}
    if share:
        payloads[-1]["share"] = share
    for start in range(MAX_BUTTONS, len(pairs), MAX_BUTTONS):
        more = keyboard(pairs[start : start + MAX_BUTTONS])
        payloads.append({"text": escape(word(CHOOSE, language)), "buttons": more})


def absolute(url: str, public_url: str) -> str:
    """The full address of a page or picture, or "" when it has none that others can open."""
    full = urljoin(public_url + "/", url) if public_url else url
    return full if urlsplit(full).scheme in ("http", "https") else ""


def escape(text: str) -> str:
    """Words for HTML mode: https://core.telegram.org/bots/api#html-style"""
    return html.escape(text, quote=False)


def units(text: str) -> int:
    """Length as Telegram counts it, in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def split(text: str, limit: int = TEXT_LIMIT) -> list[str]:
    """Parts of at most `limit` units. Only white space at the cuts is dropped."""
    parts = []
    rest = text.strip()
    while units(rest) > limit:
        cut = _cut(rest, _fitting(rest, limit))
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*parts, rest] if rest else parts


def _fitting(text: str, limit: int) -> int:
    """How many characters fit in so many units; at least one."""
    used = 0
    for place, character in enumerate(text):
        used += 2 if ord(character) > 0xFFFF else 1
        if used > limit:
            return max(place, 1)
    return len(text)


def _cut(text: str, room: int) -> int:
    """Where to cut within `room` characters: as late as the best kind of end allows."""
    for number, end in enumerate(_ENDS):
        earliest = room // 2 if number == 0 else room // 4
        places = [m.end() for m in end.finditer(text, 0, room + 1) if earliest < m.start() <= room]
        if places:
            return places[-1]
    cut = room
    while cut > max(1, room // 2) and _joins(text[cut]):
        cut -= 1
    return cut


def _joins(character: str) -> bool:
    """True for what belongs to the character before it: accents, joiners, skin tones."""
    return (
        unicodedata.combining(character) > 0
        or unicodedata.category(character) in ("Mn", "Me", "Cf")
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )


def _whole(text: str) -> str:
    """Without lone surrogates, which are no text to Telegram."""
    return text.encode("utf-8", "replace").decode("utf-8")
