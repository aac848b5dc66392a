"""Understanding without a conversation: a text comes in, plain JSON comes out.

Loads the model without a database or actions; `python -m bot parse` prints what it gives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rasa.core.channels.channel import UserMessage
from rasa.core.lock_store import InMemoryLockStore
from rasa.core.tracker_store import InMemoryTrackerStore
from rasa.shared.core.domain import Domain

from bot.brain import light
from bot.brain.danger import DANGER, possible
from bot.brain.inprocess import RoadProcessor
from bot.brain.nlg import PhrasebookNlg
from bot.civic.catalogue import in_language
from bot.reflexes import Reflexes


class Parser:
    """`names` are the labels of topics by topic and language."""

    def __init__(
        self,
        model: Path,
        languages: tuple[str, ...],
        names: Mapping[str, Mapping[str, str]],
        reflexes: Reflexes | None = None,
    ) -> None:
        self.names = names
        self.reflexes = reflexes
        with light.without_warnings():
            self._processor = RoadProcessor(
                model_path=model,
                tracker_store=InMemoryTrackerStore(Domain.empty()),
                lock_store=InMemoryLockStore(),
                generator=PhrasebookNlg(),
            )
        self._processor.languages = languages
        self._loop = asyncio.new_event_loop()

    def parse(self, text: str) -> dict[str, Any]:
        """The fields that docs/conversation.md describes."""
        metadata = {"reflex": self.reflexes.match(text) if self.reflexes else ""}
        found = self._loop.run_until_complete(
            self._processor.parse_message(UserMessage(text, metadata=metadata))
        )
        language = str(found["language"])
        intent = found.get("intent") or {}
        guess = found.get("guess") or intent.get("name")
        return {
            "text": text,
            "language": language,
            "intent": guess,
            "confidence": round(float(intent.get("confidence") or 0.0), 4),
            "topic": found.get("topic"),
            "topic_confidence": round(float(found.get("topic_confidence") or 0.0), 4),
            "decision": found.get("decision") or "person",
            "caution": guess != DANGER and possible(found, metadata["reflex"] == DANGER),
            "candidates": [
                {
                    "topic": c["topic"],
                    "label": in_language(self.names.get(c["topic"], {}), language),
                    "confidence": c["confidence"],
                }
                for c in found.get("candidates") or ()
                if c.get("topic")
            ],
            "entities": [
                {k: e[k] for k in ("entity", "value", "start", "end")}
                for e in found.get("entities") or ()
            ],
        }
