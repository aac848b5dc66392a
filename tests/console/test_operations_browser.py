"""The operations page in a real browser: on a quiet day and on a bad one, phone and desktop, axe.

LIKEWISE_SCREENSHOTS names a folder for pictures.
"""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
import sqlalchemy as sa
from playwright.async_api import expect

from bot.keeping.purge import Purged
from bot.messages import Address, ChannelName, Inbound
from bot.store import schema
from tests.conftest import FakeClock
from tests.console.test_handover_browser import House, clean, house  # noqa: F401
from tests.console.test_log_browser import VIEWS
from tests.console.test_operations import stuck
from tests.web.test_browser import DESKTOP, browser  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def a_bad_day(house: House) -> None:  # noqa: F811
    """Something of everything that can need a person."""
    road = house.road
    office, clock = road.office(), FakeClock()
    clock.now = office.clock()
    for n, text in enumerate(("deadly", "hello there", "where is my bin?")):
        await road.intake.accept(
            Inbound(ChannelName("web"), f"x:{n}", Address(f"visitor-{n}"), text=text)
        )
    await road.journal.set_mark("purge", Purged(48, 31, 2, 5).told())
    told = {"file": "likewise-20260302T023000Z.tar.gz", "bytes": 48_400_000, "rows": 9, "photos": 3}
    await road.journal.set_mark("backup", json.dumps(told))
    old = schema.marks.update().where(schema.marks.c.name == "backup")
    old = old.values(set_at=clock() - timedelta(days=9))
    road.database.write_now(lambda c: c.execute(old))
    stuck(office, clock, "unclear", code="no answer in 30 seconds", attempts=1, sent_at=clock())
    stuck(office, clock, "failed", "f", code="400: unknown service_code", attempts=1)
    stuck(office, clock, "pending", "p", code="503", attempts=4)
    stuck(office, clock, "sent", "s", remote_id="W-77")


async def settled(house: House) -> None:  # noqa: F811
    """All that was said is answered, and the answers are sent."""
    unsent = sa.select(sa.func.count()).where(schema.outbox.c.state != "sent")
    for _ in range(200):
        left = await house.road.database.read(lambda c: int(c.execute(unsent).scalar_one()))
        if not left and not await house.road.journal.waiting_turns():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the road does not come to rest")


async def wrong(house: House) -> None:  # noqa: F811
    """One conversation with a failed turn, and one send that is unclear."""
    road = house.road
    first, second = road.database.read_now(
        lambda c: c.execute(schema.conversations.select().order_by("created_at")).all()
    )[:2]

    def work(c: object) -> None:
        talks, inbox, turns, outbox = (
            schema.conversations,
            schema.inbox,
            schema.turns,
            schema.outbox,
        )
        run = c.execute  # type: ignore[attr-defined]
        flag = {"flag_reason": "failed", "flagged_at": road.journal.clock()}
        run(talks.update().where(talks.c.id == first.id).values(flag))
        run(inbox.update().where(inbox.c.conversation_id == first.id).values(interrupted=3))
        run(turns.update().where(turns.c.conversation_id == first.id).values(outcome="failed"))
        run(
            outbox.update()
            .where(outbox.c.conversation_id == second.id)
            .values(state="unclear", code="timeout")
        )

    road.database.write_now(work)


@pytest.mark.parametrize("view", VIEWS)
async def test_a_bad_day_is_clean_and_fits(house: House, view: dict[str, object]) -> None:  # noqa: F811
    await a_bad_day(house)
    visit = await house.staff("noor", "agent", **view)
    wide = "desktop" if view["viewport"] == DESKTOP["viewport"] else "phone"
    visit.name = f"operations-{wide}-{str(view['locale'])[:2]}"
    await settled(house)
    await wrong(house)
    await visit.open("/console/operations")
    page = visit.page
    await expect(page.locator(".wanted li")).to_have_count(4)
    await expect(page.locator("#h-forwards")).to_be_visible()
    await visit.shot("bad-day", full=True)
    await clean(page)


async def test_a_quiet_day_says_that_everything_runs(house: House) -> None:  # noqa: F811
    await house.road.journal.set_mark("purge", Purged().told())
    told = {"file": "likewise-20260302T023000Z.tar.gz", "bytes": 48_400_000, "rows": 9, "photos": 3}
    await house.road.journal.set_mark("backup", json.dumps(told))
    visit = await house.staff("noor", "agent")
    await visit.open("/console/operations")
    await expect(visit.page.locator("main .flash")).to_contain_text("Everything runs")
    await visit.shot("quiet-day", full=True)
    await clean(visit.page)
