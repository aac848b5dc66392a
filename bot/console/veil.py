"""The veil over personal data in the console: drawn by default, lifted for one conversation.

Whoever may lift it gives a reason, which goes into the audit log; it stays lifted in this session
only. Names that a citizen gave once are hidden in the whole conversation, on both sides.
"""

from __future__ import annotations

from collections.abc import Iterable

from bot.console.visit import Visit
from bot.masking import Masker
from bot.store.transcript import Line

Pieces = list[tuple[str, str]]
ASKING_FOR_NAME = ("utter_ask_contact", "utter_ask_name")
"""Phrases after which a short answer is taken for a name or another way to reach the citizen."""
HIDDEN_LENGTH = 10
"""What is hidden counts as so many characters."""
NO_ANSWER = frozenset({"skip", "deny", "affirm", "cancel", "forget_me", "danger", "person"})


class Veil:
    """Hides what the masker finds, unless the visit may see this conversation bare."""

    def __init__(
        self,
        masker: Masker,
        questions: frozenset[str],
        lifted: bool,
        known: Iterable[str] = (),
    ) -> None:
        self.masker = masker
        self.questions = questions
        self.lifted = lifted
        self.known: set[str] = set(known)

    def pieces(self, text: str, expected: bool = False) -> Pieces:
        """The text as pieces to show: words, or the kind of what is hidden."""
        if self.lifted:
            return [(text, "")] if text else []
        return self.masker.pieces(text, self.known, expected)

    def opening(self, text: str, most: int) -> Pieces:
        """The first `most` characters or so. Hidden first and cut then: half a telephone number
        would be left readable otherwise."""
        kept: Pieces = []
        for words, kind in self.pieces(text):
            if most <= 0 or len(words) > most:
                return [*kept, (f"{words[: max(most, 0)].rstrip()}…", "")]
            kept.append((words, kind))
            most -= len(words) or HIDDEN_LENGTH
        return kept

    def words(self, text: str, expected: bool = False) -> str:
        """The text with what is hidden named in brackets."""
        return "".join(words or f"[{kind}]" for words, kind in self.pieces(text, expected))

    def learn(self, lines: Iterable[Line]) -> dict[int, bool]:
        """Get to know the names in a conversation; tells at which cursors a name was expected."""
        expected: dict[int, bool] = {}
        asked = False
        for line in lines:
            if line.sender != "citizen":
                asked = line.text.strip() in self.questions
                continue
            intent = (line.turn or {}).get("intent", "")
            expected[line.cursor] = asked and intent not in NO_ANSWER
            self.known |= self.masker.names(line.text, expected[line.cursor])
            asked = False
        return expected


def questions_of(visit: Visit) -> frozenset[str]:
    """The phrases that ask for a name, in every language."""
    office = visit.office
    if "questions" not in office.more:
        office.more["questions"] = frozenset(
            office.phrasebook.text(key, language).strip()
            for key in ASKING_FOR_NAME
            for language in office.phrasebook.languages
            if key in office.phrasebook.books[language]
        )
    questions: frozenset[str] = office.more["questions"]
    return questions


def masker_of(visit: Visit) -> Masker:
    masker: Masker = visit.office.more.setdefault("masker", Masker())
    return masker


def veil_of(visit: Visit, conversation: str = "", known: Iterable[str] = ()) -> Veil:
    """The veil for this visit; lifted when this session lifted it for the conversation.

    `known` are names that the conversation is known to hold (see `bot.console.known`).
    """
    lifted = bool(conversation and visit.session and conversation in visit.session.unmasked)
    return Veil(masker_of(visit), questions_of(visit), lifted, known)
