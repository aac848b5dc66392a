"""The brain in this process: Rasa on a thread and an event loop of its own.

A turn comes in, replies go out. A turn whose message id the tracker already holds is replayed from
what was recorded, so that a crash after Rasa saved and before the road committed changes nothing.
While the model thinks, the road's own loop stays free to accept messages.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import sqlalchemy as sa
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.core.lock_store import InMemoryLockStore
from rasa.core.tracker_store import SQLTrackerStore, TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa_sdk import Action

from bot.brain import light
from bot.brain.inprocess import RoadProcessor
from bot.brain.nlg import PhrasebookNlg
from bot.brain.reading import answer_of
from bot.messages import Answer, Turn
from bot.places.gazetteer import Name
from bot.store.engine import create_engine
from bot.turns import BrainUnavailable

log = logging.getLogger(__name__)
T = TypeVar("T")


class RoadTrackerStore(SQLTrackerStore):  # type: ignore[misc]
    """Rasa's own SQL tracker store, on the road's database and with its settings."""

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url)
        self.Base.metadata.create_all(self.engine)
        self.sessionmaker = sa.orm.session.sessionmaker(bind=self.engine)
        TrackerStore.__init__(self, Domain.empty(), None)
        self._fetched: dict[str, DialogueStateTracker | None] = {}

    async def fetch(self, sender_id: str) -> DialogueStateTracker | None:
        """Retrieve a tracker and keep it for the retrieval that Rasa makes next in the turn."""
        tracker: DialogueStateTracker | None = await super().retrieve(sender_id)
        self._fetched[sender_id] = tracker
        return tracker

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        if sender_id in self._fetched:
            return self._fetched.pop(sender_id)
        tracker: DialogueStateTracker | None = await super().retrieve(sender_id)
        return tracker


class EmbeddedBrain:
    """Answers turns with a trained model. Construct, `start`, `answer`, `stop`.

    `names` gives the streets and areas that are known now; without it the model's own are.
    """

    def __init__(
        self,
        model: Path,
        database_url: str,
        languages: tuple[str, ...],
        actions: Mapping[str, Action],
        names: Callable[[], Sequence[Name]] | None = None,
    ) -> None:
        self.model = model
        self.database_url = database_url
        self.languages = languages
        self.actions = actions
        self.names = names
        self.ready = False
        self._taking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="brain", daemon=True)

    async def start(self) -> None:
        """Load the model; returns when the brain can answer."""
        self._thread.start()
        await self._on_brain(self._load())
        self.ready = True

    async def stop(self) -> None:
        """Let the thread end."""
        self.ready = False
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join, 10)

    async def answer(self, turn: Turn) -> Answer:
        """Take the turn or replay it. Raises BrainUnavailable before the model is there."""
        if not self.ready:
            raise BrainUnavailable("the model is not loaded")
        return await self._on_brain(self._answer(turn))

    async def parse(self, text: str) -> dict[str, Any]:
        """What the model makes of a text, without a conversation."""
        return await self._on_brain(self._parse(text))

    async def _on_brain(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _load(self) -> None:
        store = RoadTrackerStore(self.database_url)
        with light.without_warnings():
            self._processor = RoadProcessor(
                model_path=self.model,
                tracker_store=store,
                lock_store=InMemoryLockStore(),
                generator=PhrasebookNlg(),
            )
        store.domain = self._processor.domain
        self._processor.actions = self.actions
        if self.names is not None:
            self._processor.follow_names(self.names)
        self._store = store
        self._processor.languages = self.languages

    async def _parse(self, text: str) -> dict[str, Any]:
        return await self._processor.parse_message(UserMessage(text))

    async def _answer(self, turn: Turn) -> Answer:
        # A worker whose lease ran out may still be at it here: the next one waits, then replays.
        lock = self._taking.setdefault(turn.conversation, asyncio.Lock())
        async with lock:
            return await self._take(turn)

    async def _take(self, turn: Turn) -> Answer:
        recorded = await self._store.fetch(turn.conversation)
        if recorded is not None and _taken(recorded, turn.message_id):
            await self._store.retrieve(turn.conversation)  # nothing stays fetched
            return answer_of(recorded, turn, replayed=True)
        message = UserMessage(
            text=turn.text,
            output_channel=CollectingOutputChannel(),
            sender_id=turn.conversation,
            input_channel=turn.channel,
            message_id=turn.message_id,
            metadata=metadata_of(turn, self.languages[0]),
        )
        tracker = await self._processor.take_turn(message)
        return answer_of(tracker, turn, replayed=False)


def metadata_of(turn: Turn, primary: str) -> dict[str, Any]:
    """What travels beside the text: actions and the phrasebook read it from the tracker.

    `language` is what the conversation spoke before this message; parsing it may change that.
    """
    metadata: dict[str, Any] = {
        "language": turn.language or primary,
        "spoken": turn.language,
        "language_fixed": turn.language_fixed,
        "channel": turn.channel,
        **turn.context,
    }
    payload = turn.payload or ("/inform" if turn.place else "")
    if payload:
        metadata["payload"] = payload
    if turn.place:
        metadata["place"] = {
            "lat": turn.place.lat,
            "lon": turn.place.lon,
            "name": turn.place.name,
        }
    if turn.photos:
        metadata["photos"] = list(turn.photos)
    if turn.correction:
        metadata["correction"] = True
    return metadata


def _taken(tracker: DialogueStateTracker, message_id: str) -> bool:
    return any(
        isinstance(event, UserUttered) and event.message_id == message_id
        for event in tracker.events
    )
