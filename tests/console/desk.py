"""A console on a test database, without a model: an office, members of staff, and their browsers.

`Counter` serves the application on loopback; `Browser` is a person with cookies who reads forms as
a browser does, token and all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import ClientResponse, ClientSession, CookieJar, FormData, web
from argon2 import PasswordHasher
from yarl import URL

from bot import server
from bot.bell import Bell
from bot.console import application as console
from bot.console.office import ConsoleOptions, Office
from bot.console.passwords import Passwords
from bot.handover.desk import DeskWork
from bot.handover.front import FrontDesk
from bot.handover.outlook import DeskOutlook
from bot.messages import ConversationId
from bot.photos.decoder import Decoder
from bot.photos.room import PhotoRoom
from bot.photos.sharing import SharedPictures
from bot.photos.store import StoreUnavailable
from bot.profile import Profile
from bot.settings import ROOT
from bot.store.audit import AuditLog
from bot.store.canned import CannedReplies, load_canned
from bot.store.engine import Database
from bot.store.handovers import Handovers
from bot.store.journal import Journal
from bot.store.keys import own_key
from bot.store.people import Member, StaffRegister
from bot.store.photo_queue import PhotoQueue
from bot.store.photos import PhotoRegister
from bot.store.presence import Presence
from bot.store.registers import TicketRegister
from bot.topics import load_catalogue
from tests.conftest import FakeClock
from tests.road.rooms import SMS, WEB, Line, phrasebook

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "a long enough sentence"
CATALOGUE = load_catalogue(ROOT / "data")


def office_of(database: Database, clock: FakeClock) -> Office:
    """An office with quick password hashes."""
    bell, lines = Bell(), {WEB: Line(WEB), SMS: Line(SMS)}
    presence = Presence(database, clock)
    work = DeskWork(Handovers(database, clock), lines, phrasebook(), bell)
    hours = Profile.load(ROOT / "data").opening(ZoneInfo("Europe/Amsterdam"))
    photos = photo_room(database, clock, bell)
    canned = CannedReplies(database, clock)
    canned.load(load_canned(ROOT / "data"))
    return Office(
        database=database,
        archive=database,
        journal=Journal(database, clock),
        bell=bell,
        clock=clock,
        staff=StaffRegister(database, clock),
        audit=AuditLog(database, clock),
        tickets=TicketRegister(database, clock),
        catalogue=CATALOGUE,
        phrasebook=phrasebook(),
        connectors=lines,
        options=ConsoleOptions(zone=ZoneInfo("Europe/Amsterdam"), city="Testburg"),
        key=own_key(database, "console"),
        passwords=Passwords(QUICK),
        more={
            "city_dir": ROOT / "data",
            "desk": FrontDesk(work, presence, DeskOutlook(presence, hours), canned),
            "photos": photos,
            "shared": SharedPictures(photos, phrasebook()),
        },
    )


class Drawer:
    """A photo store in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.down = False

    async def put(self, name: str, content: bytes) -> None:
        if self.down:
            raise StoreUnavailable("down")
        self.files[name] = content

    async def get(self, name: str) -> bytes | None:
        if self.down:
            raise StoreUnavailable("down")
        return self.files.get(name)

    async def delete(self, name: str) -> None:
        self.files.pop(name, None)


def photo_room(database: Database, clock: FakeClock, bell: Bell) -> PhotoRoom:
    """A photo room that fetches from nobody; pictures are read in their own process."""

    async def tell(conversation: ConversationId, phrase: str, key: str) -> None:
        raise AssertionError("nobody is told anything")

    return PhotoRoom(
        PhotoQueue(database, clock),
        PhotoRegister(database, clock),
        Drawer(),
        Decoder(2_000_000),
        {},
        tell,
        bell,
        max_bytes=200_000,
        orphans=timedelta(days=30),
    )


async def member(office: Office, name: str, role: str, password: str = PASSWORD) -> Member:
    """An account with a password."""
    made = await office.staff.add(name, role)
    await office.staff.change(made.id, password_hash=await office.passwords.hash(password))
    found = await office.staff.by_id(made.id)
    assert found is not None
    return found


@dataclass
class Form:
    """A form as it stands in a page."""

    method: str = "get"
    action: str = ""
    fields: list[tuple[str, str]] = field(default_factory=list)

    @property
    def values(self) -> dict[str, str]:
        return dict(self.fields)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {k: v or "" for k, v in attrs}
        if tag == "form":
            self.forms.append(Form(given.get("method", "get").lower(), given.get("action", "")))
        elif self.forms and tag in ("input", "textarea", "button") and given.get("name"):
            ticked = given.get("type") not in ("checkbox", "radio") or "checked" in given
            if ticked and tag != "button":
                self.forms[-1].fields.append((given["name"], given.get("value", "")))
        elif self.forms and tag == "select":
            self._select = given.get("name", "")
        elif self.forms and tag == "option" and self._select:
            if "selected" in given or self._select not in self.forms[-1].values:
                self.forms[-1].fields.append((self._select, given.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""


def forms_of(text: str) -> list[Form]:
    parser = _Forms()
    parser.feed(text)
    return parser.forms


class Browser:
    """One person's browser: keeps cookies, follows no redirect by itself."""

    def __init__(self, base: str, language: str = "en") -> None:
        self.base = base
        self.http = ClientSession(
            cookie_jar=CookieJar(unsafe=True), headers={"Accept-Language": language}
        )
        self.text = ""
        self.status = 0
        self.location = ""

    async def _took(self, answer: ClientResponse) -> Browser:
        self.text = await answer.text()
        self.status = answer.status
        self.headers = answer.headers
        self.location = answer.headers.get("Location", "").removeprefix("/console")
        return self

    async def get(self, path: str, **options: Any) -> Browser:
        address = URL(self.base + "/console" + path, encoded="%" in path)
        async with self.http.get(address, allow_redirects=False, **options) as answer:
            return await self._took(answer)

    async def post(self, path: str, values: dict[str, Any], token: str | None = "") -> Browser:
        """Post as a form. `token` "" takes the one of the last page, None sends none."""
        data = dict(values)
        if token == "":
            data.setdefault("token", self.token)
        elif token is not None:
            data["token"] = token
        async with self.http.post(
            self.base + "/console" + path, data=data, allow_redirects=False
        ) as answer:
            return await self._took(answer)

    async def post_form(self, path: str, form: FormData) -> Browser:
        """Post a form with files; it carries its token itself."""
        async with self.http.post(
            self.base + "/console" + path, data=form, allow_redirects=False
        ) as answer:
            return await self._took(answer)

    @property
    def token(self) -> str:
        found = re.search(r'name="token" value="([0-9a-f]+)"', self.text)
        return found[1] if found else ""

    @property
    def forms(self) -> list[Form]:
        return forms_of(self.text)

    async def sign_in(self, name: str, password: str = PASSWORD) -> Browser:
        await self.get("/sign-in")
        await self.post("/sign-in", {"name": name, "password": password, "next": "/"})
        return self

    async def follow(self) -> Browser:
        return await self.get(self.location)

    async def close(self) -> None:
        await self.http.close()


class Counter:
    """The console served on loopback, and the browsers that were opened at it."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.browsers: list[Browser] = []

    async def open(self) -> None:
        app = server.application([], {}, 0, {"/console": console.application(self.office)})
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.base = f"http://127.0.0.1:{self.runner.addresses[0][1]}"

    async def browser(self, language: str = "en") -> Browser:
        self.browsers.append(Browser(self.base, language))
        return self.browsers[-1]

    async def signed_in(self, name: str, role: str) -> Browser:
        """A browser in which this person is signed in; the account is made."""
        await member(self.office, name, role)
        browser = await self.browser()
        await browser.sign_in(name)
        assert browser.status == 303, browser.text
        return browser

    async def close(self) -> None:
        for browser in self.browsers:
            await browser.close()
        await self.runner.cleanup()
