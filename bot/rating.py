"""Asking citizens whether they were helped, once, and reading what they answer.

The question comes at a natural end: after thanks or a goodbye, after a report was sent, or when a
person closed the talk. "No" is followed by one free sentence. The road does all of this itself, so
it needs no training and works when the brain does not. What is no rating is an ordinary message.
Payloads begin with `/rate` and, like all payloads, come only from choices that we offered.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from bot.choices import fold
from bot.messages import Answer, Choice, Rating, Reply
from bot.phrases import Phrasebook

RATE = "/rate"
QUESTIONS = {"report": "utter_rating_report", "person": "utter_rating_person"}
ENDINGS = {"thanks": "utter_rating_thanks", "goodbye": "utter_rating_goodbye"}
"""What ends a talk, by intent, and the phrase that answers it and asks as well."""
COMMENT_WAITS = timedelta(minutes=30)
"""So long the words after a "no" are taken for what went wrong."""
Heard = Literal["helped", "not_helped", "skip"]


def _listed(text: str) -> frozenset[str]:
    """Words and short sayings between bars, as `fold` leaves them."""
    return frozenset(text.split("|"))


_YES = _listed("yes|yep|yeah|ja|jawohl|jo|jep|jazeker|zeker")
_NO = _listed("no|nope|nee|neen|nein|nej")
_REFUSALS = _listed("no thanks|no thank you|nee dank u|nee bedankt|nee dank je|nein danke|nej tak")
"""Said to a question, these mean "I would rather not say"."""
_HALF_NO = _listed(
    "not really|not at all|niet echt|helaas niet|leider nicht|nicht wirklich|ikke rigtig|"
    "desvaerre ikke"
)
_FILLERS = _listed(
    "thanks|thank|you|it|did|really|very|much|sure|of|course|not|at|all|sorry|good|"
    "hoor|dank|u|je|wel|bedankt|graag|echt|helemaal|niet|helaas|heel|erg|natuurlijk|goed|"
    "danke|sehr|leider|gar|nicht|wirklich|naturlich|gut|"
    "tak|det|gjorde|slet|ikke|desvaerre|selvfolgelig|mange|rigtig|godt|fint"
)
"""What may stand beside a yes or a no without being about something else."""
_POLITE = _listed(
    "thanks|thank you|bye|goodbye|hello|hi|bedankt|dank u|dank u wel|dank je|doei|tot ziens|"
    "hallo|danke|vielen dank|danke schon|auf wiedersehen|tschuss|tak|mange tak|farvel|hej"
)
"""Never what went wrong."""
_THUMBS: dict[str, Heard] = {"\N{THUMBS UP SIGN}": "helped", "\N{THUMBS DOWN SIGN}": "not_helped"}


@dataclass(frozen=True)
class Step:
    """What a message does to a rating: what is said and what is kept; or words to answer anew."""

    reply: Reply | None = None
    rating: Rating | None = None
    words: str = ""


class Ratings:
    """Asks and hears. `rest`: so long a conversation is not asked again; zero never asks."""

    def __init__(
        self, phrasebook: Phrasebook, clock: Callable[[], datetime], rest: timedelta
    ) -> None:
        self.phrasebook = phrasebook
        self.clock = clock
        self.rest = rest

    # Asking --------------------------------------------------------------------------------------

    def occasion(self, answer: Answer) -> str:
        """What could be asked about after this answer: "answer", "report", or "" for nothing.

        Never where something else is open or wanted: a question, a wish for a person, danger.
        """
        wanted = answer.flag or answer.caution or answer.wish or answer.forget
        if not self.rest or not answer.replies or wanted:
            return ""
        last, understood = answer.replies[-1], answer.understanding
        if last.choices or last.ask:
            return ""
        if "action_submit_report" in understood.actions:
            return "report"
        alone = len(answer.replies) == 1 and understood.actions == ("action_chat",)
        return "answer" if alone and understood.intent in ENDINGS else ""

    def asked(self, answer: Answer, about: str) -> Answer:
        """The answer with the question behind it, or in the place of its last courtesy."""
        ending = ENDINGS.get(answer.understanding.intent, "")
        phrase = QUESTIONS.get(about, ending)
        question = self.phrasebook.reply(phrase, answer.language)
        before = answer.replies if about in QUESTIONS else ()
        return replace(answer, replies=(*before, question), rating=Rating(asked=about))

    def question(self, about: str, language: str) -> Reply:
        """The question alone."""
        return self.phrasebook.reply(QUESTIONS[about], language)

    # Hearing -------------------------------------------------------------------------------------

    def picked(self, payload: str, language: str) -> Step | None:
        """What a picked choice does; None when it is no choice of ours."""
        values = _values(payload)
        if values is None:
            return None
        if "again" in values:
            return Step(words=str(values["again"]))
        if "helped" in values:
            return self._heard("helped" if values["helped"] else "not_helped", language)
        return self._heard("skip", language)

    def said(
        self, text: str, offered: Sequence[Choice], language: str, never_mind: bool = False
    ) -> Step | None:
        """What words do while one of our questions stands open; None: an ordinary message."""
        payloads = [v for v in (_values(choice.payload) for choice in offered) if v is not None]
        if any("helped" in values for values in payloads):
            heard = "skip" if never_mind else read(text)
            return self._heard(heard, language) if heard else None
        again = next((str(v["again"]) for v in payloads if v.get("again")), "")
        if again and (heard := read(text)):
            return Step(words=again) if heard == "helped" else self._heard("skip", language)
        until = next((str(v["until"]) for v in payloads if v.get("until")), "")
        if not until or self.clock() > datetime.fromisoformat(until):
            return None
        if never_mind or fold(text) in _REFUSALS:
            return self._heard("skip", language)
        if "?" in text or not fold(text) or fold(text) in _POLITE:
            return None
        reply = self._filled(self.phrasebook.reply("utter_rating_comment", language), text)
        return Step(reply, Rating(comment=True))

    def _heard(self, heard: Heard, language: str) -> Step:
        if heard == "skip":
            return Step(self.phrasebook.reply("utter_rating_skipped", language))
        phrase = "utter_rating_yes" if heard == "helped" else "utter_rating_no"
        reply = self._filled(self.phrasebook.reply(phrase, language), "")
        return Step(reply, Rating(helped=heard == "helped"))

    def _filled(self, reply: Reply, text: str) -> Reply:
        """Choices with what they are to bring back: the time until when words are a comment, and
        the words themselves."""
        until = (self.clock() + COMMENT_WAITS).isoformat()
        filled = []
        for choice in reply.choices:
            values = _values(choice.payload)
            if values is not None and "skip" in values:
                choice = replace(choice, payload=f"{RATE}{json.dumps({**values, 'until': until})}")
            elif values is not None and "again" in values:
                choice = replace(choice, payload=f"{RATE}{json.dumps({'again': text})}")
            filled.append(choice)
        return replace(reply, choices=tuple(filled))


def read(text: str) -> Heard | None:
    """What a short answer to "did this help?" says; None when it is about something else."""
    thumb = next((heard for sign, heard in _THUMBS.items() if text.strip().startswith(sign)), None)
    said = fold(text.replace("ø", "o").replace("æ", "ae"))
    if thumb and not said:
        return thumb
    if "?" in text:
        return None
    if said in _REFUSALS:
        return "skip"
    if said in _HALF_NO:
        return "not_helped"
    first, *others = said.split() or [""]
    if not set(others) <= _FILLERS:
        return None
    return "helped" if first in _YES else "not_helped" if first in _NO else None


def _values(payload: str) -> dict[str, Any] | None:
    """What a payload of ours carries; None for any other."""
    name, brace, rest = payload.partition("{")
    return dict(json.loads(brace + rest)) if name == RATE and brace else None
