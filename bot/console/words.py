"""What the console says, in English and Dutch.

`words/<theme>.yml` holds one entry a sentence: `key: {en: ..., nl: ...}`; in code and templates it
is called `theme.key`. Texts may hold `{names}` to fill in. A key that is missing is an error, not a
blank: tests call for every key that a template names.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ruamel.yaml import YAML

FOLDER = Path(__file__).resolve().parent / "words"
LANGUAGES = ("en", "nl")


class Words:
    """All sentences by key and language."""

    def __init__(self, texts: Mapping[str, Mapping[str, str]]) -> None:
        self.texts = texts

    @classmethod
    def load(cls, folder: Path = FOLDER) -> Words:
        """Read every theme. Raises ValueError when an entry lacks a language."""
        yaml = YAML(typ="safe")
        texts: dict[str, dict[str, str]] = {}
        for path in sorted(folder.glob("*.yml")):
            for key, entry in yaml.load(path.read_text("utf-8")).items():
                if set(entry) != set(LANGUAGES):
                    raise ValueError(f"{path.name}: {key} needs exactly {', '.join(LANGUAGES)}")
                texts[f"{path.stem}.{key}"] = {name: str(text) for name, text in entry.items()}
        return cls(texts)

    def has(self, key: str) -> bool:
        return key in self.texts

    def say(self, language: str, key: str, **values: object) -> str:
        """The sentence, filled in. Raises KeyError for a key that is in no file."""
        text = self.texts[key][language if language in LANGUAGES else LANGUAGES[0]]
        return text.format_map(values) if values else text

    def name(self, language: str, theme: str, code: str) -> str:
        """The word for a code that data brings along; the code itself when there is none."""
        key = f"{theme}.{code}"
        return self.say(language, key) if key in self.texts else code.replace("_", " ")


def preferred(header: str) -> str:
    """The first of our languages that an Accept-Language header names."""
    for part in header.split(",")[:20]:
        name = part.split(";")[0].strip()[:2].lower()
        if name in LANGUAGES:
            return name
    return LANGUAGES[0]
