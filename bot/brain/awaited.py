"""Words that answer a question about a ticket: why it is not fixed, or whether it is.

The first was asked in a turn and stands in the tracker; the second came with the news, and the road
says in the message's metadata (`is_it_fixed`) that it is the last thing that the citizen read. Both
answers may be any words, so the question decides what they mean, unless they clearly ask for
something else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.choices import fold

ALWAYS = frozenset({"person", "cancel", "forget_me", "danger", "change_language"})
SURE = 0.6
REASON_WORDS = 4
"""From so many words a "no" gives its reason along: "no, it is still dark"."""
DIGITS = 4
"""A number or a code has at least so many; words without them are about something else."""
_NO = re.compile(
    r"^(no|nope|not|nee|niet|neen|nein|nicht|nej|ikke)\b"
    r"|\b(still|not yet|nog steeds|nog niet|nog altijd|immer noch|noch nicht|noch immer"
    r"|stadig|endnu ikke|ikke endnu)\b"
)
_YES = re.compile(r"^(yes|yep|ja|jawohl|jo|jep)\b")


def answer_of(text: str, intent: str) -> str | None:
    """What words answer to "is it fixed?": fixed, not_fixed, reason, or None."""
    said = fold(text)
    if _NO.search(said) or intent == "deny":
        return "reason" if len(said.split()) >= REASON_WORDS else "not_fixed"
    if "?" in text:
        return None
    return "fixed" if _YES.match(said) or intent == "affirm" else None


def read(
    parsed: dict[str, Any],
    metadata: Mapping[str, Any],
    pending: Mapping[str, Any] | None,
    previous: str | None,
) -> dict[str, Any]:
    """Parse data with the meaning that the open question gives it; else as they were.

    `pending` is the tracker's slot, `previous` the id of the message before this one ("" at the
    beginning of a session).
    """
    intent = parsed.get("intent") or {}
    name, confidence = str(intent.get("name") or ""), float(intent.get("confidence") or 0.0)
    if name in ALWAYS and confidence >= SURE:
        return parsed
    text = str(parsed.get("text") or "")
    waits = pending and pending.get("kind") == "ticket_answer"
    if pending and waits and previous in ("", None, pending.get("of")):
        decided = str(pending["decided"])
        if decided != "reason" and sum(c.isdigit() for c in text) < DIGITS:
            return parsed
        if "?" in text and name in ("ask", "area_facts", "waste_day") and confidence >= SURE:
            return parsed
        return _meaning(parsed, str(pending["reference"]), decided)
    reference = metadata.get("is_it_fixed")
    heard = answer_of(text, name if confidence >= SURE else "") if reference else None
    return _meaning(parsed, str(reference), heard) if heard else parsed


def _meaning(parsed: dict[str, Any], reference: str, decided: str) -> dict[str, Any]:
    meant = {"ticket_reference": reference, "decided": decided}
    entities = [
        {"entity": key, "value": value, "start": 0, "end": 0, "extractor": "awaited"}
        for key, value in meant.items()
    ]
    intent = {"name": "ticket_status", "confidence": 1.0}
    return {
        **parsed,
        "intent": intent,
        "guess": "ticket_status",
        "intent_ranking": [intent],
        "entities": entities,
        "topic": None,
        "topic_confidence": 0.0,
        "candidates": [],
        "decision": "answer",
    }
