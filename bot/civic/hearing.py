"""A message in the terms of a report: how it sounds, and which offered answers it contains.

Pure: texts in four languages are told apart by how they begin, nothing is looked up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.choices import fold
from bot.civic.catalogue import Question, Service, in_language

LIKELY = 0.3
"""Confidence that is enough for a service when the citizen corrects it or is asked for it."""

# How a question begins, and how the answer to "where is it?" begins, in the city's languages.
_ASKS = re.compile(
    r"^(en |and |und |og )?(wanneer|hoe|hoeveel|wat|waarom|wie|welke|kan ik|mag ik|moet ik"
    r"|when|how|what|why|who|which|can i|may i|do i|is it possible"
    r"|wann|wie viele?|was|warum|wer|welche\w*|kann ich|darf ich|muss ich"
    r"|hvornar|hvordan|hvad|hvor mange|hvor meget|hvorfor|hvem|hvilken|kan jeg|ma jeg|skal jeg)\b"
)
_WHERE = re.compile(
    r"^(it is |its |het is |daar |es ist |det er )?"
    r"(in|at|on|near|next to|behind|opposite|beside|between|in front of|under|corner|across"
    r"|bij|naast|achter|tegenover|tussen|voor|op|aan|onder|langs|hoek|vlak|vlakbij"
    r"|bei|beim|neben|hinter|gegenuber|zwischen|vor|auf|an|im|unter|ecke|nahe"
    r"|ved|bag|overfor|mellem|foran|pa|hjornet|naer|taet)\b"
)


def reads_like_question(text: str) -> bool:
    """Does a text read like a question rather than an answer?"""
    return "?" in text or bool(_ASKS.match(fold(text)))


@dataclass(frozen=True)
class Heard:
    """A message in the terms of a report.

    `confidence` is 0 where the model was not sure; `guessed` is what it then thought of the topic.
    `words` are the text without the names of places; `option` is the id of a picked answer,
    `twin` the reference of a picked report near by or "new", `photos` are ids of pictures.
    """

    text: str
    intent: str
    confidence: float = 1.0
    service: str | None = None
    guessed: float = 1.0
    spot: Mapping[str, Any] | None = None
    house_number: str | None = None
    contact: str | None = None
    change: str | None = None
    reference: bool = False
    picked: bool = False
    correcting: bool = False
    option: str | None = None
    twin: str | None = None
    photos: tuple[str, ...] = ()
    words: str | None = None
    language: str = "en"

    @property
    def asks(self) -> bool:
        """Does it read like a question rather than an answer?"""
        return reads_like_question(self.text)

    @property
    def agrees(self) -> bool:
        """Is it surely a yes? On a mere guess nothing is sent."""
        return self.intent == "affirm" and self.confidence > 0

    @property
    def likely(self) -> bool:
        """Is the guess good enough where it is only to be confirmed?"""
        return max(self.confidence, self.guessed) >= LIKELY

    @property
    def tells_where(self) -> bool:
        """Does it read like the answer to "where is it?"?"""
        return not self.asks and bool(_WHERE.match(fold(self.text)))


def options(heard: Heard, service: Service | None) -> dict[str, str]:
    """Answers to the service's questions that a message gives: question key to label.

    "papierbak" contains "papier"; of labels inside one another the longest counts. An answer such
    as "something else" is never read into a sentence.
    """
    said = f" {fold(heard.text if heard.words is None else heard.words)}"
    found: dict[str, str] = {}
    for question in service.questions if service else ():
        longest = 0
        for option in question.options:
            label_here = in_language(option.labels, heard.language)
            if heard.picked:
                if option.id == heard.option:
                    found.setdefault(question.key, label_here)
                continue
            whole = option.id in ("other", "unknown", "nothing")
            for label in map(fold, option.labels.values()):
                hit = said == f" {label}" if whole else f" {label}" in said
                if hit and len(label) > longest:
                    longest = len(label)
                    found[question.key] = label_here
    return found


def begun_label(heard: Heard, question: Question) -> str | None:
    """The one label that begins with these words: "several" for "Several lamps"."""
    said = fold(heard.text)
    labels = [in_language(option.labels, heard.language) for option in question.options]
    fitting = [label for label in labels if said and f"{fold(label)} ".startswith(f"{said} ")]
    return fitting[0] if len(fitting) == 1 else None
