"""Danger: someone smells gas, falls, burns, wants to die.

The classifier's alarm is trained beside the topics: on sentences that tell of danger now, on
harmless ones with the same words (`data/danger/*.yml`), and on what else citizens say that is most
like danger.
It stands beside the patterns of `data/reflexes.yml`: a pattern lowers what the alarm needs, and
works alone when the brain is down. Where danger is likely, nothing else is answered; where it is
only possible, the emergency number goes before the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from rasa.shared.nlu.constants import INTENT
from rasa.shared.nlu.training_data.message import Message

DANGER = "danger"
"""The intent, the reflex and the mark of a training sentence that tells of danger."""
HARMLESS = "harmless"
REPORTED = "reported"
"""The mark of an example of a service that is about danger itself, such as a smell of gas."""
LEARNT = {DANGER: 1, HARMLESS: 0, REPORTED: -1}
"""What the alarm learns of a mark: danger, no danger, nothing."""
WITH_PATTERN = 0.4
"""The least probability to act on when a pattern of the reflexes agrees."""
ALONE = 0.6
"""The least probability to act on without one. At both, one in a hundred harmless sentences near
danger is taken over when each is left out in turn."""
CLEAR = 0.7
"""From this confidence on a message is clearly about something ordinary ..."""
CAUTION = 4.0
"""... and the alarm must be so many times as sure ..."""
CERTAIN = 0.9
"""... but no more than this."""
POSSIBLE, POSSIBLE_WITH_PATTERN = 0.07, 0.02
"""The same for danger that is possible: of the sentences of danger 97 % are heard when each is left
out in turn, many of which have no word of danger."""
AGREED = 0.05
"""The least probability at which a report about danger itself, such as a smell of gas, is believed;
below it is only offered: who asks when the gas main is renewed smells none."""
Confidence = TypeVar("Confidence", float, npt.NDArray[np.float32])


def least(confidence: Confidence, alone: float = ALONE) -> Confidence:
    """The least probability of danger to act on without a pattern, in messages understood so."""
    more = min(alone * CAUTION, CERTAIN) - alone
    needed: Confidence = alone + more * (confidence >= CLEAR)
    return needed


def possible(parsed: Mapping[str, Any], pattern: bool) -> bool:
    """May a message that is answered as something else tell of danger all the same?"""
    alarm = heard(parsed)
    if pattern and alarm >= POSSIBLE_WITH_PATTERN:
        return True
    return alarm >= least(confidence(parsed), POSSIBLE)


def heard(parsed: Mapping[str, Any]) -> float:
    """How likely danger is, as `sound` wrote it down; 0 where nothing was heard."""
    return float(parsed.get("danger") or 0.0)


def confidence(parsed: Mapping[str, Any]) -> float:
    """How clearly a message is about what it was understood as."""
    return float(
        parsed.get("topic_confidence") or (parsed.get(INTENT) or {}).get("confidence") or 0.0
    )


def sound(message: Message, alarm: float) -> None:
    """Write down how likely danger is; when it is likely enough, nothing else counts."""
    message.set("danger", round(alarm, 4), add_to_output=True)
    if alarm >= least(confidence(message.data)):
        intent = {"name": DANGER, "confidence": alarm}
        message.set(INTENT, intent, add_to_output=True)
        message.set("guess", DANGER, add_to_output=True)
        message.set("decision", "answer", add_to_output=True)
