"""Rasa's NLG on our phrasebook: every response in the language of the conversation."""

from __future__ import annotations

from typing import Any

from rasa.core.nlg.generator import NaturalLanguageGenerator
from rasa.shared.core.trackers import DialogueStateTracker

from bot.phrases import Phrasebook, PhraseMissing
from bot.profile import Profile
from bot.settings import Settings, load


def phrasebook(settings: Settings) -> Phrasebook:
    """The city's phrasebook with the values that every phrase may use."""
    profile = Profile.load(settings.city_dir)
    common = {
        "privacy_url": settings.privacy_url,
        "emergency_number": settings.emergency_number,
    }
    values = {lang: {**profile.values(lang), **common} for lang in settings.languages}
    return Phrasebook.load(settings.city_dir / "phrases", settings.languages, values)


class PhrasebookNlg(NaturalLanguageGenerator):  # type: ignore[misc]
    """`endpoints.yml`: `nlg: type: bot.brain.nlg.PhrasebookNlg`."""

    def __init__(self, endpoint_config: Any = None, domain: Any = None) -> None:
        self.book = phrasebook(load())

    async def generate(
        self,
        utter_action: str,
        tracker: DialogueStateTracker,
        output_channel: str,
        **kwargs: Any,
    ) -> dict[str, Any] | None:
        """The response in the language of the latest message, or None for an unknown one."""
        language = kwargs.pop("language", "") or spoken_language(tracker) or self.book.primary
        try:
            return self.book.response(utter_action, language, **kwargs)
        except PhraseMissing:
            return None


def spoken_language(tracker: DialogueStateTracker) -> str:
    """What the brain identified for the latest message."""
    message = tracker.latest_message
    return str((message.metadata or {}).get("language", "")) if message else ""
