"""The web hook and the opening hours: what is told, how it is signed, and when it gives up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from aiohttp import web

from bot.civic.opening import HoursUnreadable, OpeningHours
from bot.handover.hook import MAX_ATTEMPTS, SIGNATURE, TIMESTAMP, Hook, signature
from bot.messages import PersonWish
from bot.profile import Profile
from bot.settings import ROOT
from bot.store.engine import Database
from bot.store.handovers import Handovers
from bot.store.journal import Journal
from tests.conftest import FakeClock
from tests.road.rooms import Rooms, Scripted
from tests.road.test_handover import wants
from tests.serving import served

ZONE = ZoneInfo("Europe/Amsterdam")


@dataclass
class Receiver:
    """A small server of the city that is told."""

    status: int = 204
    calls: list[tuple[Any, bytes]] = field(default_factory=list)
    address: str = ""

    async def take(self, request: web.Request) -> web.Response:
        self.calls.append((request.headers, await request.read()))
        headers = {"Location": "/elsewhere"} if self.status == 302 else {}
        return web.Response(status=self.status, headers=headers)


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made, app = Receiver(), web.Application()
    app.router.add_post("/told", made.take)
    async with served(app, shutdown_timeout=1) as base:
        made.address = f"{base}/told"
        yield made


@pytest.fixture
def handovers(database: Database, clock: FakeClock) -> Handovers:
    return Handovers(database, clock)


async def someone_waits(journal: Journal) -> None:
    rooms = Rooms(journal)
    rooms.ask(Scripted(wants(PersonWish("wait"), "person")))
    await rooms.hear("my secret words: a person please")
    await rooms.answer()


async def test_it_is_told_once_signed_and_without_words(
    journal: Journal, handovers: Handovers, receiver: Receiver
) -> None:
    await someone_waits(journal)
    hook = Hook(handovers, receiver.address, "key", "https://city.example")
    assert await hook.step() == 1
    assert await hook.step() == 0
    ((headers, body),) = receiver.calls
    assert headers[SIGNATURE] == f"sha256={signature('key', headers[TIMESTAMP], body)}"
    assert b"secret" not in body
    assert b"+31600000001" not in body
    assert b'"event": "handover.waiting"' in body
    assert b"https://city.example/console/handover/" in body


@pytest.mark.parametrize("status", [500, 404, 302])
async def test_a_failing_hook_is_tried_again_with_pauses_and_then_left(
    journal: Journal, handovers: Handovers, receiver: Receiver, clock: FakeClock, status: int
) -> None:
    receiver.status = status
    await someone_waits(journal)
    hook = Hook(handovers, receiver.address, "", "")
    for n in range(MAX_ATTEMPTS):
        assert await hook.step() == 0
        assert len(receiver.calls) == n + 1
        await hook.step()
        assert len(receiver.calls) == n + 1, "not before the pause is over"
        clock.advance(seconds=15 * 2**n)
    await hook.step()
    assert len(receiver.calls) == MAX_ATTEMPTS
    row = (await handovers.queue())[0]
    kinds = [e["kind"] for e in await handovers.history(row["id"])]
    assert kinds == ["asked", "announce_failed"]
    assert SIGNATURE not in receiver.calls[0][0], "nothing to sign with"


async def test_an_address_that_nobody_answers_holds_up_nothing(
    journal: Journal, handovers: Handovers
) -> None:
    await someone_waits(journal)
    assert await Hook(handovers, "http://127.0.0.1:9/", "k", "").step() == 0
    assert (await handovers.queue())[0]["state"] == "waiting"


async def test_who_was_claimed_meanwhile_is_not_told_of(
    journal: Journal, handovers: Handovers, receiver: Receiver
) -> None:
    await someone_waits(journal)
    await handovers.claim((await handovers.queue())[0]["id"], "ann")
    assert await Hook(handovers, receiver.address, "", "").step() == 0
    assert receiver.calls == []


# Opening hours -------------------------------------------------------------------------------------


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[arg-type]


def test_hours_follow_the_citys_clock_through_summer_and_winter() -> None:
    hours = Profile.load(ROOT / "data").opening(ZONE)
    assert hours.is_open(at(2026, 1, 15, 8, 0))
    assert not hours.is_open(at(2026, 1, 15, 7, 59))
    assert not hours.is_open(at(2026, 1, 15, 16, 0)), "17:00 is closed"
    assert hours.is_open(at(2026, 7, 15, 7, 0)), "summer time"
    assert not hours.is_open(at(2026, 1, 17, 10, 0)), "a Saturday"


def test_public_holidays_are_closed_and_the_next_opening_knows_them() -> None:
    hours = Profile.load(ROOT / "data").opening(ZONE)
    assert not hours.is_open(at(2026, 4, 27, 10, 0)), "King's Day is a Monday"
    assert hours.next_opening(at(2026, 4, 24, 20, 0)) == datetime(2026, 4, 28, 9, tzinfo=ZONE)
    assert hours.next_opening(at(2026, 1, 15, 6, 0)) == datetime(2026, 1, 15, 9, tzinfo=ZONE)


def test_days_in_two_parts_own_days_off_and_midnight() -> None:
    table = {"monday": ["09:00-12:00", "13:00-24:00"]}
    hours = OpeningHours.of(table, ZONE, lambda day: day == date(2026, 1, 12))
    assert hours.is_open(at(2026, 1, 5, 22, 59))
    assert not hours.is_open(at(2026, 1, 5, 11, 30))
    assert hours.next_opening(at(2026, 1, 5, 11, 30)) == datetime(2026, 1, 5, 13, tzinfo=ZONE)
    assert not hours.is_open(at(2026, 1, 12, 10, 0))


@pytest.mark.parametrize(
    "listed",
    [["nine to five"], ["17:00-09:00"], ["09:00-25:00"], ["09:00-12:00", "11:00-13:00"], [9]],
)
def test_hours_that_cannot_be_read_name_their_day(listed: list[Any]) -> None:
    with pytest.raises(HoursUnreadable, match="tuesday"):
        OpeningHours.of({"tuesday": listed}, ZONE, lambda day: False)
