"""How sure the alarm must be: to take a message over, and to put the emergency number before it."""

from __future__ import annotations

import numpy as np
import pytest

from bot.brain.danger import ALONE, CERTAIN, POSSIBLE, least, possible


@pytest.mark.parametrize(
    ("danger", "topic", "pattern", "told"),
    [
        (0.0, 0.2, False, False),
        (0.12, 0.2, False, True),
        (0.12, 0.9, False, False),  # clearly about something ordinary
        (0.5, 0.9, False, True),
        (0.05, 0.9, True, True),
        (0.004, 0.2, True, False),
        (None, 1.0, True, False),  # a choice that was picked: nothing was heard
    ],
)
def test_possible_danger(danger: float | None, topic: float, pattern: bool, told: bool) -> None:
    parsed = {"danger": danger, "topic_confidence": topic, "intent": {"confidence": 0.1}}
    assert possible(parsed, pattern) is told


def test_what_is_clearly_ordinary_needs_more_but_never_more_than_certainty() -> None:
    assert least(0.3) == ALONE
    assert ALONE < least(0.95) <= CERTAIN
    assert np.allclose(least(np.array([0.1, 0.8]), POSSIBLE), [POSSIBLE, 4 * POSSIBLE])
