"""Telegram's HTML mode, read as strictly as Telegram reads it: words and entities come out."""

from __future__ import annotations

import html
import re
from typing import Any

KINDS = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline",
    "s": "strikethrough", "code": "code", "pre": "pre", "a": "text_link",
}  # fmt: skip
_TOKEN = re.compile(
    r"<(?P<end>/?)(?P<tag>[a-z]+)(?:\s+href=\"(?P<href>[^\"]*)\")?>"
    r"|&(?:lt|gt|amp|quot|\#[0-9]+|\#x[0-9a-fA-F]+);|<"
)


class BadMarkup(ValueError):
    """The text is not what HTML mode accepts."""


def read(text: str) -> tuple[str, list[dict[str, Any]]]:
    """The visible words and their entities. Raises BadMarkup."""
    words: list[str] = []
    entities: list[dict[str, Any]] = []
    opened: list[tuple[str, int, str]] = []
    length = place = 0
    for token in _TOKEN.finditer(text):
        plain = text[place : token.start()]
        place = token.end()
        if token[0].startswith("&"):
            plain += html.unescape(token[0])
        words.append(plain)
        length += units(plain)
        if token[0].startswith("&"):
            continue
        tag = token["tag"]
        if tag not in KINDS:
            raise BadMarkup(f"unsupported start tag at byte offset {token.start()}")
        if not token["end"]:
            opened.append((tag, length, html.unescape(token["href"] or "")))
            continue
        if not opened or opened[-1][0] != tag:
            raise BadMarkup(f"unexpected end tag at byte offset {token.start()}")
        _, start, href = opened.pop()
        if tag == "a" and not href.startswith(("http://", "https://")):
            continue  # Telegram drops such a link and keeps its words
        entity = {"type": KINDS[tag], "offset": start, "length": length - start}
        entities.append(entity | ({"url": href} if href else {}))
    if opened:
        raise BadMarkup(f"can't find end tag corresponding to start tag {opened[-1][0]}")
    words.append(text[place:])
    return "".join(words), entities


def units(text: str) -> int:
    """Length in UTF-16 units, as Telegram counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
