"""What a citizen picked: "2", a callback id or a label becomes the choice that was offered.

Pure functions over the choices stored with the conversation. A payload can only come from that
store: whatever a citizen types stays words, even when it looks like one of Rasa's own payloads.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from bot.messages import Choice

_NUMBER = re.compile(r"^\(?\s*([1-9][0-9]?)\s*[.):]?$")
_NUMBER_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5,
    "een": 1, "twee": 2, "drie": 3, "vier": 4, "vijf": 5,
    "eins": 1, "zwei": 2, "drei": 3, "funf": 5,
    "en": 1, "to": 2, "tre": 3, "fire": 4, "fem": 5,
}  # fmt: skip


def fold(text: str) -> str:
    """Lower case, accents and punctuation off, white space single: how labels are compared."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^\w]+", " ", bare).split())


def by_id(choice_id: str, offered: Sequence[Choice]) -> Choice | None:
    """The offered choice with this id, or None when it is unknown or no longer offered."""
    return next((choice for choice in offered if choice.id == choice_id), None)


def by_text(text: str, offered: Sequence[Choice], numbered: bool = True) -> Choice | None:
    """The offered choice that these words name: its number, its label, or the first word of it.

    Numbers count only where choices were shown with numbers or stand alone as the whole message.
    """
    if not offered:
        return None
    said = fold(text)
    if not said:
        return None
    match = _NUMBER.match(text.strip())
    if numbered and match:
        index = int(match[1])
        return offered[index - 1] if index <= len(offered) else None
    labels = [fold(choice.label) for choice in offered]
    if labels.count(said) == 1:
        return offered[labels.index(said)]
    if numbered and said in _NUMBER_WORDS and _NUMBER_WORDS[said] <= len(offered):
        return offered[_NUMBER_WORDS[said] - 1]
    return None
