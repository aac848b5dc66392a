"""The road: one embedded process with its rooms, brain, connectors and loops on one database."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from collections.abc import Callable, Coroutine, Mapping
from datetime import timedelta
from functools import partial
from typing import IO, Any

import sqlalchemy as sa
from aiohttp import web

from actions.city import City, Neighbourhood
from actions.registry import actions_for
from bot import server
from bot.assembly.channels import sms_connector, telegram_connector, web_options
from bot.assembly.console import office_of
from bot.assembly.registers import catalogue, finder_of, purge_of, ticket_register, utc_now
from bot.bell import DELIVERIES, Bell, reader
from bot.brain import light, training
from bot.brain.nlg import phrasebook
from bot.channel import ChannelRefused, Connector
from bot.console import application as console
from bot.console.office import Office
from bot.dispatch import Dispatch
from bot.handover.desk import DeskWork
from bot.handover.hook import Hook
from bot.handover.outlook import DeskOutlook
from bot.handover.rounds import Patience, Rounds
from bot.intake import Intake
from bot.keeping.daily import time_of_day
from bot.messages import ChannelName, ConversationId
from bot.notices.pulling import Pulling
from bot.notices.telling import Telling
from bot.open311.endpoints import load_endpoints
from bot.open311.forwarding import Forwarding
from bot.open311.opening import open_server
from bot.photos.opening import open_room
from bot.photos.sharing import SharedPictures
from bot.pictures.gallery import Gallery
from bot.places.live import LiveFinder
from bot.profile import Profile
from bot.rating import Ratings
from bot.reader import Reader
from bot.reflexes import Reflexes
from bot.settings import Settings
from bot.staff import say_to
from bot.store.city import AnswerRegister, CityRegister
from bot.store.engine import Database
from bot.store.forwards import Forwards
from bot.store.handovers import Handovers
from bot.store.journal import Journal
from bot.store.neighbourhood import Drawings, open_reports
from bot.store.notices import NoticeRegister
from bot.store.photos import PhotoRegister
from bot.store.presence import Presence
from bot.store.remembered import RememberedAreas
from bot.telling import Teller
from bot.tickets.following import Following
from bot.tickets.news import TicketNews
from bot.turns import Brain, Turns
from bot.waste_calendar import WasteCalendars
from connectors.web import pages
from connectors.web.connector import WebConnector
from connectors.web.limits import RateLimit

log = logging.getLogger(__name__)


class Occupied(RuntimeError):
    """Another process runs the road on this database."""


class Road:
    """Everything one embedded process runs."""

    def __init__(self, settings: Settings, database: Database, brain: Brain | None = None) -> None:
        self.settings = settings
        self.database = database
        self.bell = Bell()
        self.journal = Journal(database, utc_now)
        self.catalogue = catalogue(settings)
        self.tickets = ticket_register(settings, database, self.catalogue)
        self.photos = PhotoRegister(database, utc_now)
        self.notices = NoticeRegister(database, utc_now)
        self.gallery = Gallery(Drawings(database, utc_now), settings.data_dir / "pictures")
        self.phrasebook = phrasebook(settings)
        self.reader = Reader(self.journal, self.bell)
        self.intake = Intake(self.journal, self.bell)
        self.refused: dict[ChannelName, str] = {}
        self.connectors: dict[ChannelName, Connector] = {}
        self.photo_room = open_room(
            settings, database, utc_now, self.connectors, self._tell, self.bell
        )
        self.shared = SharedPictures(self.photo_room, self.phrasebook)
        self.web = WebConnector(self.journal, self.reader, web_options(settings), self.photo_room)
        self.connectors[self.web.name] = self.web
        for connector in self._providers():
            self.connectors[connector.name] = connector
        self.teller = Teller(
            self.journal,
            self.connectors,
            settings.primary_language,
            settings.quiet,
            self.bell,
        )
        self.ticket_news = TicketNews(self.tickets, self.teller, self.phrasebook, self.catalogue)
        self.presence = Presence(database, utc_now)
        self.hours = Profile.load(settings.city_dir).opening(settings.zone)
        self.outlook = DeskOutlook(self.presence, self.hours)
        ratings = Ratings(self.phrasebook, utc_now, timedelta(days=settings.rating_rest_days))
        self.desk = DeskWork(
            Handovers(database, utc_now), self.connectors, self.phrasebook, self.bell, ratings
        )
        self.rounds = self._rounds()
        register = CityRegister(database)
        self.finder = LiveFinder(register.version, lambda: finder_of(register))
        self.brain = brain or _embedded(settings, self._city(), self.finder)
        self.turns = Turns(
            self.journal,
            self.brain,
            self.connectors,
            self.phrasebook,
            Reflexes.load(settings.city_dir / "reflexes.yml"),
            self.bell,
            timedelta(seconds=settings.lease_seconds),
            ratings,
        )
        self.telling = Telling(
            self.notices,
            self.teller.push,
            self.phrasebook,
            register.areas,
            settings.languages,
            settings.zone,
        )
        self.forwarding = Forwarding(
            Forwards(database, utc_now), self.tickets, load_endpoints(settings.city_dir)
        )
        self.dispatch = Dispatch(self.journal, self.connectors, self.bell)
        self._tasks: list[asyncio.Task[None]] = []
        self._lock: IO[str] | None = None
        self._archive: Database | None = None

    def _rounds(self) -> Rounds:
        settings, handovers = self.settings, self.desk.handovers
        hook = None
        if settings.handover_webhook:
            secret = settings.handover_webhook_secret.get_secret_value()
            hook = Hook(handovers, settings.handover_webhook, secret, settings.public_url)
        patience = Patience(
            timedelta(minutes=settings.handover_agent_minutes),
            timedelta(minutes=settings.handover_citizen_minutes),
            timedelta(minutes=settings.handover_wait_minutes),
        )
        return Rounds(
            handovers,
            self.presence,
            self.hours,
            patience,
            self.connectors,
            self.phrasebook,
            self.bell,
            hook,
        )

    async def _tell(self, conversation: ConversationId, phrase: str, key: str) -> None:
        """Say a phrase to a conversation, once for this key; one that is gone hears nothing."""
        row = await self.journal.conversation(conversation)
        if row is not None and row["channel"] in self.connectors:
            reply = self.phrasebook.reply(phrase, row["language"] or self.settings.languages[0])
            await say_to(self.journal, self.connectors, row, reply, sender="bot", notice_key=key)
            self.bell.ring(DELIVERIES)
            self.bell.ring(reader(conversation))

    def _providers(self) -> list[Connector]:
        """The channels that have settings; one that cannot be right is refused by name."""
        made: list[Connector] = []
        providers: tuple[tuple[str, Callable[..., Connector | None]], ...] = (
            ("telegram", partial(telegram_connector, own_picture=self._own_picture)),
            ("sms", sms_connector),
        )
        for name, make in providers:
            try:
                connector = make(self.settings, self.journal)
            except ChannelRefused as error:
                self.refused[ChannelName(name)] = str(error)
            else:
                made += [connector] if connector else []
        return made

    async def _own_picture(self, url: str) -> bytes | None:
        """The bytes of a picture at an address of this server: drawn by it, or sent by staff."""
        return await self.shared.at(url) or await self.gallery.at(url)

    async def open_channels(self) -> None:
        """Let each channel check its account; a refused one says why, the others go on."""
        for name, connector in list(self.connectors.items()):
            if hasattr(connector, "start"):
                try:
                    await connector.start()
                except ChannelRefused as error:
                    self.refused[name] = str(error)

    @property
    def open_connectors(self) -> list[Connector]:
        """The channels that work. A refused one still renders what waits for it."""
        return [c for name, c in self.connectors.items() if name not in self.refused]

    def _city(self) -> City:
        register = CityRegister(self.database)
        return City(
            catalogue=self.catalogue,
            tickets=self.tickets,
            following=self._following(),
            photos=self.photos,
            areas=register,
            answers=AnswerRegister(self.database, utc_now),
            desk=self.outlook,
            neighbourhood=Neighbourhood(
                remembered=RememberedAreas(self.database, utc_now),
                notices=self.notices,
                pictures=self.gallery,
                open_reports=partial(open_reports, self.database),
                all_areas=register.areas,
            ),
            finder=self.finder,
            languages=self.settings.languages,
            phrasebook=self.phrasebook,
            clock=utc_now,
            zone=self.settings.zone,
        )

    def _following(self) -> Following:
        telegram = self.connectors.get(ChannelName("telegram"))
        return Following(
            self.tickets,
            self.journal,
            self.connectors,
            self.phrasebook,
            Profile.load(self.settings.city_dir).country,
            lambda: str(getattr(getattr(telegram, "me", None), "username", "") or ""),
        )

    def occupy(self) -> None:
        """Make this the one process of an embedded database, or raise Occupied."""
        if not self.database.is_sqlite:
            return
        path = str(self.database.engine.url.database) + ".lock"
        lock = open(path, "w", encoding="utf-8")  # noqa: SIM115 - held until the process ends
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise Occupied(path) from None
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    async def start(self) -> None:
        """Load the brain and run the loops. What a crash left behind is dealt with first."""
        if self.database.is_sqlite:
            await self.journal.release_all()
            await self.dispatch.recover()
        if hasattr(self.brain, "start"):
            await self.brain.start()
        host = f"{os.uname().nodename[:20]}-{os.getpid()}"
        loops = [self.turns.run(f"{host}-{n}") for n in range(self.settings.turn_workers)]
        loops.append(self.photo_room.run())
        if self.forwarding.endpoints:
            loops.append(self.forwarding.run())
        loops += [self.dispatch.run(connector.name) for connector in self.open_connectors]
        loops += [
            connector.poll(self.intake.accept, self.intake.report)
            for connector in self.open_connectors
            if hasattr(connector, "poll")
        ]
        loops.append(self.rounds.run())
        if at := time_of_day(self.settings.purge_at):
            loops.append(purge_of(self.settings, self.database).run(at, self.settings.zone))
        loops.append(self.ticket_news.run())
        loops += self._neighbourhood_loops()
        self._tasks = [asyncio.create_task(loop) for loop in loops]

    def _neighbourhood_loops(self) -> list[Coroutine[Any, Any, None]]:
        """Notices are told to who follows their area; feeds are pulled where there are any."""
        settings = self.settings
        loops: list[Coroutine[Any, Any, None]] = [self.telling.run()]
        if settings.notice_feeds:
            pulling = Pulling(
                settings.notice_feeds,
                self.notices,
                self.finder,
                settings.zone,
                settings.primary_language,
            )
            loops.append(pulling.run(settings.notice_pull_minutes))
        return loops

    async def stop(self) -> None:
        """End the loops; whatever they held is found again at the next start."""
        self.web.close()
        running = set(self._tasks)
        while running:
            # Again and again: Python 3.10's wait_for can swallow a cancellation (bpo-42130).
            for task in running:
                task.cancel()
            done, running = await asyncio.wait(running, timeout=1.0)
            for task in done:
                if not task.cancelled() and task.exception() is not None:
                    log.error("a loop had ended with an error", exc_info=task.exception())
        for connector in self.connectors.values():
            if hasattr(connector, "stop"):
                await connector.stop()
        await self.forwarding.close()
        if hasattr(self.brain, "stop"):
            await self.brain.stop()
        self.gallery.close()
        if self._archive is not None and self._archive is not self.database:
            self._archive.close()
            self._archive = None
        if self._lock is not None:
            self._lock.close()

    def application(self, phones: Mapping[str, str] | None = None) -> web.Application:
        """The web application with every connector's routes."""
        routes: list[web.AbstractRouteDef] = [*pages.routes(phones), *self.gallery.routes()]
        routes += self.shared.routes()
        routes += WasteCalendars(
            CityRegister(self.database),
            self.phrasebook,
            lambda: utc_now().astimezone(self.settings.zone).date(),
        ).routes()
        routes += open_server(
            self.settings,
            self.tickets,
            self.catalogue,
            self.phrasebook,
            self.finder,
            RateLimit,
        ).routes()
        for connector in self.open_connectors:
            routes += connector.routes(self.intake.accept, self.intake.report)
        checks: dict[str, server.Check] = {
            "model": self._model_ready,
            "database": self._database_ready,
            "loops": self._loops_running,
        }
        parts = {"/console": console.application(self.office())}
        return server.application(routes, checks, self.settings.trusted_proxies, parts)

    def office(self) -> Office:
        """What the pages of the staff console may use."""
        # A long look into the log goes over a connection of its own (see `Office`).
        self._archive = self._archive or (
            Database(self.settings.database) if self.database.is_sqlite else self.database
        )
        return office_of(self, self._archive)

    async def _model_ready(self) -> bool:
        return bool(getattr(self.brain, "ready", True))

    async def _database_ready(self) -> bool:
        return await self.database.read(lambda c: c.execute(sa.text("SELECT 1")).scalar() == 1)

    async def _loops_running(self) -> bool:
        return bool(self._tasks) and not any(task.done() for task in self._tasks)


def _embedded(settings: Settings, city: City, finder: LiveFinder) -> Brain:
    light.load_rasa()
    from bot.brain.embedded import EmbeddedBrain

    return EmbeddedBrain(
        model=training.model_path(settings),
        database_url=settings.database,
        languages=settings.languages,
        actions=actions_for(city),
        names=lambda: finder().names,
    )
