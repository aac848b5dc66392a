"""The pages that judge sentences and write notices, in a real browser: axe, phone and desktop, keys.

Each page is looked at in English and Dutch, in light and dark.
"""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from bot.settings import ROOT
from bot.store import schema
from bot.store.city import AnswerRegister
from bot.store.loading import seed
from bot.store.notices import NoticeRegister
from bot.topics import load_answers
from tests.console.talks import talk
from tests.console.test_examples import labelled
from tests.console.test_handover_browser import House, clean, house  # noqa: F401
from tests.console.test_log import rated
from tests.console.test_log_browser import VIEWS
from tests.web.test_browser import DESKTOP, browser  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


def city(house: House) -> None:  # noqa: F811
    """The demonstration city: areas, streets, answers."""
    database, clock = house.road.database, house.road.office().clock
    seed(database, ROOT / "data" / "areas", clock)
    AnswerRegister(database, clock).load(load_answers(ROOT / "data").values())


async def some_sentences(house: House) -> list[int]:  # noqa: F811
    city(house)
    office = house.road.office()
    await office.database.write(lambda c: c.execute(schema.labelled_examples.delete()))
    return [
        await labelled(office, "there is rubbish all over the playground again"),
        await labelled(office, "Mijn naam is Jan Pieterszoon, de straat ligt vol", language="nl"),
        await labelled(office, "I want something quite different", "none", None),
    ]


@pytest.mark.parametrize("view", VIEWS)
async def test_sentences_are_clean_and_fit(house: House, view: dict[str, object]) -> None:  # noqa: F811
    numbers = await some_sentences(house)
    visit = await house.staff("edda", "editor", **view)
    wide = "desktop" if view["viewport"] == DESKTOP["viewport"] else "phone"
    visit.name = f"examples-{wide}-{str(view['locale'])[:2]}"
    page = visit.page
    await visit.open("/console/examples")
    await visit.fits()
    await clean(page)
    await visit.shot("new", full=True)
    await page.locator(f"#accept-{numbers[1]} input[name=text]").fill("Jan Pieterszoon weet het")
    visit.expected = (*visit.expected, "422")
    await page.locator(f"#e{numbers[1]} button.main").click()
    await expect(page.locator("[role=alert]")).to_be_visible()
    await visit.fits()
    await clean(page)
    await visit.shot("fault", full=True)
    await page.locator(f"#accept-{numbers[1]} input[name=text]").fill("de straat ligt vol")
    await page.locator(f"#e{numbers[1]} button.main").click()
    await expect(page.locator(".flash")).to_be_visible()
    await visit.open("/console/examples?state=accepted")
    await visit.fits()
    await clean(page)
    await visit.shot("accepted", full=True)
    await page.locator(f"#e{numbers[1]} button").click()
    await expect(page.locator(".flash")).to_be_visible()


@pytest.mark.parametrize("view", VIEWS)
async def test_a_notice_is_written_and_withdrawn(house: House, view: dict[str, object]) -> None:  # noqa: F811
    city(house)
    office = house.road.office()
    await office.database.write(lambda c: c.execute(schema.notices.delete()))
    for n, language in enumerate(("en", "nl", "nl")):
        address = f"+316999{n}{len(str(view))}"
        conversation = await talk(office, address, ("hallo", "dag"), language=language)
        NoticeRegister(office.database, office.clock).follow(conversation, "GM0014")
    visit = await house.staff("edda", "editor", **view)
    wide = "desktop" if view["viewport"] == DESKTOP["viewport"] else "phone"
    visit.name = f"notices-{wide}-{str(view['locale'])[:2]}"
    visit.expected = (*visit.expected, "422")
    page = visit.page
    await visit.open("/console/notices")
    await clean(page)
    await page.locator(".headline a.button").click()
    await visit.fits()
    await clean(page)
    await visit.shot("form", full=True)
    await page.locator("[name=text_en]").fill("Cyclists can pass on the pavement.")
    await page.locator("[name=begins]").fill("2036-03-09T07:00")
    await page.locator("[name=ends]").fill("2036-03-08T07:00")
    await page.locator("[name=place]").fill("Atlantis")
    await page.locator("button[value=preview]").click()
    alert = page.locator("[role=alert]")
    await expect(alert.locator("li")).to_have_count(3)
    await expect(page.locator("[name=text_en]")).to_have_value("Cyclists can pass on the pavement.")
    await expect(page.locator("[name=begins]")).to_have_value("2036-03-09T07:00")
    await visit.fits()
    await clean(page)
    await visit.shot("faults", full=True)
    await page.locator("[name=title_en]").fill("Oosterstraat closed for repairs")
    await page.locator("[name=title_nl]").fill("Oosterstraat dicht voor herstel")
    await page.locator("[name=text_nl]").fill("Fietsers kunnen over de stoep.")
    await page.locator("[name=ends]").fill("2036-03-13T17:00")
    await page.locator("[name=place]").fill("Oosterstraat")
    await page.locator("button[value=preview]").click()
    await expect(page.locator("#preview figure").first).to_contain_text("Oosterstraat closed")
    await visit.fits()
    await clean(page)
    await visit.shot("preview", full=True)
    await page.locator("button[value=publish]").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".flash")).to_be_visible()
    await expect(page.locator(".notices h3")).to_have_count(1)
    await visit.fits()
    await clean(page)
    await visit.shot("list", full=True)
    await page.locator(".notices button").click()
    await expect(page.locator(".notices .badge.warn")).to_be_visible()
    await clean(page)
    await visit.shot("withdrawn", full=True)


@pytest.mark.parametrize("view", VIEWS)
async def test_ratings_in_the_log_are_clean_and_fit(house: House, view: dict[str, object]) -> None:  # noqa: F811
    office = house.road.office()
    number = len(str(view))
    low = await rated(office, f"+3167{number:07d}", False, "het antwoord was te lang voor mij")
    await rated(office, f"+3168{number:07d}", True)
    visit = await house.staff("noor", "reader", **view)
    wide = "desktop" if view["viewport"] == DESKTOP["viewport"] else "phone"
    visit.name = f"ratings-{wide}-{str(view['locale'])[:2]}"
    page = visit.page
    await visit.open("/console/log")
    await page.locator(".log-finder summary").click()
    await page.locator("[name=rated_low]").check()
    await expect(page).to_have_url(re.compile("rated_low=1"))
    await expect(page.locator("#found .badge.bad").first).to_be_visible()
    await expect(page.locator("#found .badge.good")).to_have_count(0)
    await visit.fits()
    await clean(page)
    await visit.shot("list", full=True)
    await visit.open(f"/console/log/{low}")
    await expect(page.locator(".log-rating .badge")).to_have_count(2)
    await visit.fits()
    await clean(page)
    await visit.shot("transcript", full=True)
    await visit.open("/console/handover")
    await clean(page)
    await visit.shot("queue", full=True)
