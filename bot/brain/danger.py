"""Danger: someone smells gas, falls, burns, wants to die.

The classifier's alarm is trained beside the topics: on sentences that tell of danger now, on
harmless ones with the same words (`data/danger/*.yml`), and on what else citizens say that is most
like danger.
It stands beside the patterns of `data/reflexes.yml`: a pattern lowers what the alarm needs, and
works alone when the brain is down.
"""

from __future__ import annotations

from rasa.shared.nlu.constants import INTENT
from rasa.shared.nlu.training_data.message import Message

DANGER = "danger"
"""The intent, the reflex and the mark of a training sentence that tells of danger."""
HARMLESS = "harmless"
REPORTED = "reported"
"""The mark of an example of a service that is about danger itself, such as a smell of gas."""
LEARNT = {DANGER: 1, HARMLESS: 0, REPORTED: -1}
"""What the alarm learns of a mark: danger, no danger, nothing."""
WITH_PATTERN = 0.1
"""The least probability to act on when a pattern of the reflexes agrees."""
ALONE = 0.2
"""The least probability to act on without one."""
CLEAR = 0.7
"""From this confidence on a message is clearly about something ordinary ..."""
CAUTION = 4.0
"""... and the alarm must be so many times as sure."""


def least(confidence: float) -> float:
    """The least probability of danger to act on without a pattern, in a message understood so."""
    return ALONE * CAUTION if confidence >= CLEAR else ALONE


def sound(message: Message, alarm: float) -> None:
    """Write down how likely danger is; when it is likely enough, nothing else counts."""
    message.set("danger", round(alarm, 4), add_to_output=True)
    confidence = message.get("topic_confidence") or message.get(INTENT)["confidence"]
    if alarm >= least(float(confidence)):
        intent = {"name": DANGER, "confidence": alarm}
        message.set(INTENT, intent, add_to_output=True)
        message.set("guess", DANGER, add_to_output=True)
        message.set("decision", "answer", add_to_output=True)
