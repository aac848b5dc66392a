"""Doubt and what clears it up: the candidates offered, and the example that a choice makes.

What was offered is remembered beside the sentence that it was offered for. When the citizen then
chooses one, or "something else", the road is told once, and staff find a labelled example.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.places.gazetteer import without_places

DOUBT = "doubt"
NONE = "none"
"""The intent of an example for which nothing that was offered fitted."""
PRIVATE = frozenset({"phone", "email"})
LONGEST = 500


def remembered(
    text: str,
    language: str,
    entities: Sequence[Mapping[str, Any]],
    candidates: Sequence[tuple[str, str]],
) -> dict[str, Any]:
    """What to keep beside an offer; `candidates` are intent and topic ("" for none).

    Telephone numbers and e-mail addresses are no part of an example.
    """
    spans = [(int(e["start"]), int(e["end"])) for e in entities if e["entity"] in PRIVATE]
    return {
        "text": without_places(text, spans)[:LONGEST] if spans else text[:LONGEST],
        "language": language,
        "offered": [{"intent": intent, "topic": topic or None} for intent, topic in candidates],
    }


def label_of(
    offer: Mapping[str, Any], intent: str, topic: str | None, picked: bool
) -> dict[str, Any] | None:
    """The labelled example that this message makes of the offer before it, if it makes one."""
    doubt = offer.get(DOUBT)
    if not doubt:
        return None
    offered = list(doubt["offered"])
    if picked and intent == "nlu_fallback":
        return {**doubt, "intent": NONE, "topic": None}
    chosen = {"intent": intent, "topic": topic or None}
    if not picked:
        only = offered[0] if len(offered) == 1 else {}
        if intent != "affirm" or not only or only["intent"] != offer.get("yes"):
            return None
        chosen = only
    return {**doubt, **chosen} if chosen in offered else None
