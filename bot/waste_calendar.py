"""The waste calendar of a neighbourhood as an iCalendar file that phones can subscribe to.

`/areas/<code>/waste.ics?lang=nl` holds the past month and the coming year. A day keeps its id when
a holiday moves it, so a calendar that has it moves it too; the same dates give the same file and
the same ETag, so a subscriber that asks every day mostly gets 304.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta, timezone
from typing import Protocol

from aiohttp import web
from icalendar import Calendar, Event

from bot.civic.areas import Area
from bot.civic.waste import Collection, Pickup, Shift, pickups
from bot.phrases import Phrasebook, PhraseMissing

BEFORE, AFTER = timedelta(days=31), timedelta(days=366)
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,20}")


class Register(Protocol):
    """What is read of the city; see `bot.store.city`."""

    def area(self, code: str) -> Area | None: ...
    def collections(self, area_code: str) -> list[Collection]: ...
    def shifts(self, area_code: str) -> list[Shift]: ...


def address(area_code: str, language: str) -> str:
    """Where the calendar of an area is found on this server."""
    return f"/areas/{area_code}/waste.ics?lang={language}"


def calendar(area: Area, days: Iterable[Pickup], language: str, book: Phrasebook) -> bytes:
    """The file. All-day events, because nobody knows the hour of the lorry."""
    made = Calendar()
    made.add("prodid", "-//Likewise//waste calendar//EN")
    made.add("version", "2.0")
    made.add("calscale", "GREGORIAN")
    made.add("method", "PUBLISH")
    name = book.text("utter_ics_name", language, area=area.name)
    made.add("name", name)  # RFC 7986
    made.add("x-wr-calname", name)
    made["REFRESH-INTERVAL;VALUE=DURATION"] = "P1D"
    made["X-PUBLISHED-TTL"] = "P1D"
    for day in days:
        made.add_component(_event(area, day, language, book))
    return bytes(made.to_ical())


def waste_name(waste: str, language: str, book: Phrasebook) -> str:
    """What a kind of waste is called; a kind that only this city has keeps its own name."""
    try:
        return book.text(f"utter_waste_name_{waste}", language)
    except PhraseMissing:
        return waste.replace("_", " ").capitalize()


def _event(area: Area, day: Pickup, language: str, book: Phrasebook) -> Event:
    usual = day.planned_on or day.on
    event = Event()
    event.add("uid", f"{area.code}-{day.waste}-{usual.isoformat()}@waste.likewise")
    # A stamp is required; one that depends on the dates alone keeps the file the same.
    event.add("dtstamp", datetime(day.on.year, day.on.month, day.on.day, tzinfo=timezone.utc))
    event.add("dtstart", day.on)
    event.add("dtend", day.on + timedelta(days=1))
    waste = waste_name(day.waste, language, book)
    event.add(
        "summary", book.text("utter_ics_sample", language, waste=waste) if day.sample else waste
    )
    notes = []
    if day.planned_on:
        notes.append(book.text("utter_ics_moved", language, date=usual.isoformat()))
    if day.sample:
        notes.append(book.text("utter_note_sample_calendar", language))
    if notes:
        event.add("description", "\n".join(notes))
    event.add("transp", "TRANSPARENT")
    return event


class WasteCalendars:
    """The route. `today` is the date where the city is."""

    def __init__(self, register: Register, book: Phrasebook, today: Callable[[], date]) -> None:
        self.register = register
        self.book = book
        self.today = today

    def routes(self) -> Iterable[web.RouteDef]:
        return [web.get("/areas/{code}/waste.ics", self._show)]

    async def _show(self, request: web.Request) -> web.Response:
        code, language = request.match_info["code"], request.query.get("lang", "")
        if not _CODE.fullmatch(code):
            raise web.HTTPNotFound()
        if language not in self.book.languages:
            language = self.book.primary
        made = await asyncio.get_running_loop().run_in_executor(None, self._made, code, language)
        if made is None:
            raise web.HTTPNotFound()
        tag = f'"{hashlib.sha256(made).hexdigest()[:32]}"'
        headers = {"ETag": tag, "Cache-Control": "public, max-age=3600"}
        if tag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        headers["Content-Disposition"] = f'inline; filename="waste-{code}.ics"'
        headers["Content-Language"] = language
        return web.Response(
            body=made, content_type="text/calendar", charset="utf-8", headers=headers
        )

    def _made(self, code: str, language: str) -> bytes | None:
        area = self.register.area(code)
        plan = self.register.collections(code) if area else []
        shifts = self.register.shifts(code) if area else []
        if area is None or not (plan or shifts):
            return None
        today = self.today()
        days = pickups(plan, shifts, today - BEFORE, today + AFTER)
        return calendar(area, days, language, self.book)
