"""The answer library: what can be answered, in which languages, and how far it can be trusted.

An answer past its date says so, one without a verified source is marked as a sample, and one that
does not exist in the citizen's language is given in a language that has it, with a word on that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bot.civic.catalogue import Words, in_language


@dataclass(frozen=True)
class AnswerTopic:
    """An entry of the library. `source_url` and `checked_at` are there unless it is a sample."""

    code: str
    owner: str
    sample: bool
    source_url: str | None
    checked_at: date | None
    valid_until: date | None
    names: Words
    texts: Words

    @property
    def topic(self) -> str:
        return f"answer/{self.code}"

    def name(self, language: str) -> str:
        return in_language(self.names, language)


@dataclass(frozen=True)
class Spoken:
    """An answer as it is given: the text, its language, and what must be said beside it."""

    text: str
    language: str
    expired: bool
    sample: bool


def spoken(answer: AnswerTopic, language: str, fallbacks: tuple[str, ...], today: date) -> Spoken:
    """The text in `language`, or in the first of `fallbacks` that has one."""
    for candidate in (language, *fallbacks, *answer.texts):
        if answer.texts.get(candidate):
            return Spoken(
                text=answer.texts[candidate].strip(),
                language=candidate,
                expired=answer.valid_until is not None and answer.valid_until < today,
                sample=answer.sample,
            )
    raise ValueError(f"answer {answer.code} has no text in any language")
