"""The phrasebook: every sentence the bot says, per language, in Rasa's own `responses:` format.

`data/phrases/<language>.yml` holds texts with `{names}` to fill in, buttons, and under `custom` a
link or what is asked for. The same book serves Rasa's NLG and the rooms, which must be able to
speak when the brain cannot.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bot.messages import Choice, Link, Picture, Reply

_NAME = re.compile(r"\{([a-z][a-z0-9_]*)\}")


class PhraseMissing(KeyError):
    """No language of the book has this phrase."""


def fill(template: str, values: Mapping[str, object]) -> str:
    """Replace `{name}` by its value; an unknown name stays readable and is not an error."""
    return _NAME.sub(lambda m: str(values.get(m[1], m[0])), template)


def placeholders(template: str) -> set[str]:
    """The names that a text wants filled in."""
    return set(_NAME.findall(template))


class Phrasebook:
    """Phrases of all languages, with values (city, telephone, ...) that every phrase may use."""

    def __init__(
        self,
        books: Mapping[str, Mapping[str, Any]],
        values: Mapping[str, Mapping[str, object]] = {},
    ) -> None:
        """`books` and the common `values` by language; the first language is the primary one."""
        self.books = books
        self.primary = next(iter(books))
        self.values = values

    @classmethod
    def load(
        cls,
        folder: Path,
        languages: Iterable[str],
        values: Mapping[str, Mapping[str, object]] = {},
    ) -> Phrasebook:
        """Read `<language>.yml` for each language; the first is the primary one."""
        yaml = YAML(typ="safe")
        books = {
            language: yaml.load((folder / f"{language}.yml").read_text("utf-8"))["responses"]
            for language in languages
        }
        return cls(books, values)

    @property
    def languages(self) -> list[str]:
        return list(self.books)

    def phrase(self, key: str, language: str) -> Mapping[str, Any]:
        """The raw response, in `language` or else in the primary one."""
        for book in (self.books.get(language, {}), self.books[self.primary]):
            if key in book:
                first: Mapping[str, Any] = book[key][0]
                return first
        raise PhraseMissing(key)

    def text(self, key: str, language: str, **values: object) -> str:
        """Only the words of a phrase."""
        return fill(
            str(self.phrase(key, language).get("text", "")).strip(), self._all(language, values)
        )

    def response(self, key: str, language: str, **values: object) -> dict[str, Any]:
        """The phrase filled in, in the shape that Rasa's NLG gives back."""
        everything = self._all(language, values)
        return dict(_filled(self.phrase(key, language), everything))

    def reply(self, key: str, language: str, **values: object) -> Reply:
        """The phrase as a reply."""
        return reply_of(self.response(key, language, **values))

    def _all(self, language: str, values: Mapping[str, object]) -> dict[str, object]:
        return {**self.values.get(language, {}), **values}


def _filled(part: Any, values: Mapping[str, object]) -> Any:
    if isinstance(part, str):
        return fill(part, values).strip()
    if isinstance(part, Mapping):
        return {key: _filled(value, values) for key, value in part.items()}
    if isinstance(part, list):
        return [_filled(value, values) for value in part]
    return part


def reply_of(response: Mapping[str, Any]) -> Reply:
    """A reply from a response in Rasa's shape: text, buttons, image, custom."""
    custom = response.get("custom") or {}
    image = response.get("image")
    link = custom.get("link")
    picture: Picture | None = None
    if isinstance(image, str) and image:
        picture = Picture(url=image, alt=str(custom.get("alt", "")))
    return Reply(
        text=str(response.get("text") or "").strip(),
        choices=tuple(
            Choice(id="", label=str(button["title"]), payload=str(button["payload"]))
            for button in response.get("buttons") or ()
        ),
        image=picture,
        link=Link(url=str(link["url"]), label=str(link["label"])) if link else None,
        ask=custom.get("ask"),
    )
