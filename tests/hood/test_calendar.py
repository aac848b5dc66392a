"""The waste calendar to subscribe to: every day, holidays moved, ids and tags that stay."""

from __future__ import annotations

from datetime import date
from typing import Any

import icalendar
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.store.city import CityRegister
from bot.waste_calendar import WasteCalendars
from tests.hood.conftest import Town

AREA = "BU00140000"


async def client_of(town: Town, today: date) -> TestClient[Any, Any]:
    app = web.Application()
    register = CityRegister(town.database)
    app.add_routes(list(WasteCalendars(register, town.city.phrasebook, lambda: today).routes()))
    client = TestClient(TestServer(app))
    await client.start_server()
    return client


async def test_the_calendar_holds_every_kind_with_holidays_moved(town: Town) -> None:
    client = await client_of(town, date(2026, 4, 20))
    try:
        answer = await client.get(f"/areas/{AREA}/waste.ics?lang=nl")
        assert answer.status == 200
        assert answer.content_type == "text/calendar"
        calendar = icalendar.Calendar.from_ical(await answer.read())
        again = await client.get(
            f"/areas/{AREA}/waste.ics?lang=nl", headers={"If-None-Match": answer.headers["ETag"]}
        )
        assert again.status == 304
    finally:
        await client.close()
    events = calendar.walk("VEVENT")
    assert str(calendar["X-WR-CALNAME"]) == "Afvalkalender Binnenstad-Noord"
    ids = [str(e["UID"]) for e in events]
    assert len(set(ids)) == len(ids) > 60
    kinds = {uid.split("-")[1] for uid in ids}
    assert kinds == {"residual", "organic", "paper", "plastic"}
    moved = next(e for e in events if str(e["UID"]).startswith(f"{AREA}-residual-2026-04-27"))
    assert moved["DTSTART"].dt == date(2026, 5, 2)
    assert all("Voorbeeld" in str(e["SUMMARY"]) for e in events)


async def test_the_next_day_keeps_the_ids_of_the_same_collections(town: Town) -> None:
    found = []
    for today in (date(2026, 4, 20), date(2026, 4, 21)):
        client = await client_of(town, today)
        try:
            answer = await client.get(f"/areas/{AREA}/waste.ics")
            calendar = icalendar.Calendar.from_ical(await answer.read())
        finally:
            await client.close()
        found.append({str(e["UID"]) for e in calendar.walk("VEVENT")})
    assert len(found[0] & found[1]) >= len(found[0]) - 4


async def test_unknown_areas_and_languages(town: Town) -> None:
    client = await client_of(town, date(2026, 4, 20))
    try:
        for path in ("XX", "..%2f..%2fetc", "GM0014", "a" * 300, "BU0014 0000"):
            assert (await client.get(f"/areas/{path}/waste.ics")).status == 404
        answer = await client.get(f"/areas/{AREA}/waste.ics?lang=xx%0d%0aEvil:1")
        assert answer.status == 200
        assert answer.headers["Content-Language"] == "en"
    finally:
        await client.close()
