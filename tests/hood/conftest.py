"""Conversations about areas without a model: the intent is given, names and shapes are found for
real, actions and registers are the real ones on a database of the test's own.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.city import City, Neighbourhood
from actions.registry import actions_for
from bot import topics
from bot.assembly import finder_of
from bot.brain.inprocess import read_payload
from bot.brain.nlg import phrasebook
from bot.brain.patterns import find_patterns
from bot.messages import Address, ChannelName, Inbound, Reply
from bot.phrases import reply_of
from bot.pictures.specs import Spec, name_of
from bot.places.finder import PlaceFinder
from bot.places.gazetteer import Gazetteer
from bot.settings import ROOT, load
from bot.store import migrate
from bot.store.city import AnswerRegister, CityRegister
from bot.store.engine import Database
from bot.store.journal import Journal
from bot.store.loading import seed
from bot.store.neighbourhood import open_reports
from bot.store.notices import NoticeRegister
from bot.store.registers import TicketRegister
from bot.store.remembered import RememberedAreas
from tests.conftest import FakeClock

NOW = datetime(2026, 4, 20, 9, 0, tzinfo=timezone.utc)
"""A Monday, one week before King's Day."""


@dataclass
class Kept:
    """A gallery that keeps specifications in memory."""

    specs: list[Spec] = field(default_factory=list)

    def keep(self, spec: Spec) -> str:
        self.specs.append(spec)
        return f"/pictures/{name_of(spec)}.png"


@dataclass
class Town:
    """The demo city with its registers, and one citizen's conversation."""

    city: City
    database: Database
    clock: FakeClock
    pictures: Kept
    notices: NoticeRegister
    tickets: TicketRegister
    journal: Journal
    conversation: str
    language: str = "en"
    slots: dict[str, Any] = field(default_factory=dict)
    replies: list[Reply] = field(default_factory=list)
    in_group: bool = False
    place: dict[str, Any] | None = None
    topic: str | None = None
    in_form: bool = False

    async def say(self, text: str, intent: str, language: str = "") -> str:
        """Say something that is understood as `intent`; returns what the bot answers."""
        self.language = language or self.language
        names = Gazetteer(self.city.finder().names).find(text)  # type: ignore[attr-defined]
        parsed = {
            "text": text,
            "intent": {"name": intent, "confidence": 0.95},
            "guess": intent,
            "entities": find_patterns(text, names),
            "topic": self.topic,
        }
        return await self._turn(parsed, {})

    async def pick(self, label: str) -> str:
        """Pick a choice of the last turn."""
        found = [c for r in self.replies for c in r.choices if c.label == label]
        assert found, f"{label!r} is not among {[c.label for r in self.replies for c in r.choices]}"
        return await self._turn(read_payload(found[0].payload, label), {"payload": "x"})

    async def _turn(self, parsed: dict[str, Any], metadata: dict[str, Any]) -> str:
        metadata |= {"language": self.language, "channel": "web", "in_group": self.in_group}
        if self.place:
            metadata["place"] = self.place
        message = {**parsed, "metadata": metadata, "message_id": "inbox-1"}
        actions = actions_for(self.city)
        following: str | None = f"action_{parsed['intent']['name']}"
        if following in ("action_affirm", "action_deny"):
            following = "action_chat"
        if following == "action_ask":
            following = "action_answer"
        self.replies = []
        loop = {"name": "report_form"} if self.in_form else {}
        while following and following in actions:
            tracker = Tracker(
                self.conversation, dict(self.slots), message, [], False, None, loop, None
            )
            dispatcher = CollectingDispatcher()
            events = await actions[following].run(dispatcher, tracker, {})
            self.replies += [self._reply(m) for m in dispatcher.messages]
            following = None
            for event in events:
                if event["event"] == "slot":
                    self.slots[event["name"]] = event["value"]
                elif event["event"] == "followup":
                    following = event["name"]
        return "\n\n".join(r.text for r in self.replies)

    def _reply(self, said: dict[str, Any]) -> Reply:
        """What Rasa makes of an action's utterance: the phrase, and what stands beside it."""
        given = {k: v for k, v in said.items() if k not in _PARTS}
        found = self.city.phrasebook.response(said["response"], self.language, **given)
        found["buttons"] = [*(said.get("buttons") or ()), *(found.get("buttons") or ())]
        found["custom"] = {**(found.get("custom") or {}), **(said.get("custom") or {})}
        found["image"] = said.get("image")
        return reply_of(found)

    @property
    def labels(self) -> list[str]:
        return [c.label for r in self.replies for c in r.choices]


_PARTS = frozenset(
    ["text", "buttons", "elements", "custom", "template", "response", "image", "attachment"]
) | {"language"}


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PlaceFinder]:
    """A file with the demo city loaded, to be copied, and a finder over it."""
    path = tmp_path_factory.mktemp("town") / "city.db"
    database = Database(f"sqlite:///{path}")
    migrate.upgrade(database)
    register = CityRegister(database)
    seed(database, ROOT / "data" / "areas", lambda: NOW)
    answers = topics.load_answers(ROOT / "data").values()
    AnswerRegister(database, lambda: NOW).load(answers)
    finder = finder_of(register)
    database.close()
    return path, finder


@pytest.fixture
async def town(loaded: tuple[Path, PlaceFinder], tmp_path: Path) -> Any:
    path, finder = loaded
    for part in path.parent.glob("city.db*"):
        shutil.copy(part, tmp_path / part.name)
    database = Database(f"sqlite:///{tmp_path / 'city.db'}")
    clock = FakeClock()
    clock.now = NOW
    made = _town(database, clock, finder)
    inbound = Inbound(ChannelName("telegram"), "1:1", Address("7"), text="hello")
    made.conversation = (await made.journal.accept(inbound)).conversation
    yield made
    database.close()


def _town(database: Database, clock: FakeClock, finder: PlaceFinder) -> Town:
    settings = load()
    register, pictures = CityRegister(database), Kept()
    notices, tickets = NoticeRegister(database, clock), TicketRegister(database, clock)
    city = City(
        catalogue=topics.load_catalogue(settings.city_dir),
        tickets=tickets,
        following=SimpleNamespace(),  # type: ignore[arg-type]
        photos=SimpleNamespace(),  # type: ignore[arg-type]
        areas=register,
        answers=AnswerRegister(database, clock),
        desk=SimpleNamespace(),  # type: ignore[arg-type]
        neighbourhood=Neighbourhood(
            remembered=RememberedAreas(database, clock),
            notices=notices,
            pictures=pictures,
            open_reports=partial(open_reports, database),
            all_areas=register.areas,
        ),
        finder=lambda: finder,
        languages=settings.languages,
        phrasebook=phrasebook(settings),
        clock=clock,
        zone=settings.zone,
    )
    return Town(city, database, clock, pictures, notices, tickets, Journal(database, clock), "")
