"""Two members of staff in a real browser: accounts, the log, the veil, codes; axe on every page.

Each page is looked at in English and Dutch, on a phone and on a desktop, in light and dark.
"""

from __future__ import annotations

import re

import pyotp
import pytest
from playwright.async_api import Page, expect

from bot.messages import Address, Inbound
from tests.console.desk import PASSWORD
from tests.console.talks import talk
from tests.console.test_handover_browser import House, clean, house  # noqa: F401
from tests.road.rooms import WEB
from tests.web.test_browser import DESKTOP, PHONE, browser  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
SECRET = (
    "Goedemiddag, mijn naam is Jan Pieterszoon. Bel mij op 06 12345678 of mail jan@example.org."
)
VIEWS = [
    pytest.param({**DESKTOP, "locale": "en-GB"}, id="desktop-en"),
    pytest.param({**DESKTOP, "locale": "nl-NL", "color_scheme": "dark"}, id="desktop-nl-dark"),
    pytest.param({**PHONE, "locale": "en-GB", "color_scheme": "dark"}, id="phone-en-dark"),
    pytest.param({**PHONE, "locale": "nl-NL"}, id="phone-nl"),
]


async def some_talks(house: House) -> str:  # noqa: F811
    """A few conversations; gives the one with personal data in it."""
    office = house.road.office()
    first = await talk(
        office, "+31611111111", (SECRET, "Dank u, Jan Pieterszoon. Waar kan ik mee helpen?"),
        ("Hoe vraag ik een paspoort aan?", "Maak een afspraak bij het stadhuis."),
        confidence=0.62, entities=({"entity": "product", "value": "paspoort"},),
    )  # fmt: skip
    await talk(
        office,
        "+31622222222",
        ("Wann wird der Müll abgeholt?", "Jeden Dienstag."),
        language="de",
        intent="waste_day",
        topic=None,
    )
    await talk(
        office,
        "+31633333333",
        ("asdf qwer", "I did not understand that."),
        language="en",
        confidence=0.12,
        actions=("action_unclear",),
    )
    await talk(
        office, "+31644444444", ("there is something with my bin", "Did you mean ...?"), language="en",
        confidence=0.31, actions=("action_unclear",), candidates=({"intent": "report", "topic": "missed-bin", "confidence": 0.31},),
    )  # fmt: skip
    return first


async def shown(page: Page) -> int:
    return await page.locator("#found .log-talk").count()


@pytest.mark.parametrize("view", VIEWS)
async def test_every_page_is_clean_and_fits(house: House, view: dict[str, object]) -> None:  # noqa: F811
    first = await some_talks(house)
    visit = await house.staff("noor", "administrator", **view)
    wide = "desktop" if view["viewport"] == DESKTOP["viewport"] else "phone"
    visit.name = f"{wide}-{str(view['locale'])[:2]}"
    page = visit.page
    for name, path in (
        ("start", "/"), ("log", "/log"), ("log-filtered", "/log?low=1&language=en"), ("log-empty", "/log?q=zzz"),
        ("transcript", f"/log/{first}"), ("account", "/account"), ("codes", "/account/codes"),
        ("staff", "/staff"), ("audit", "/audit"), ("lost", "/nothing-here"),
    ):  # fmt: skip
        visit.expected = (*visit.expected, "404")
        await visit.open(f"/console{path}")
        await visit.shot(name, full=True)
        await clean(page)
    await visit.open(f"/console/log/{first}")
    for part in await page.locator("details.log-mind").all():
        await part.evaluate("(d) => { d.open = true; }")
    await visit.shot("transcript-open", full=True)
    await clean(page)
    stranger = await house.someone(f"{visit.name}-stranger", **view)
    await stranger.open("/console/sign-in")
    await stranger.shot("sign-in", full=True)
    await clean(stranger.page)


async def test_the_search_follows_the_typing_and_the_address_keeps_it(house: House) -> None:  # noqa: F811
    await some_talks(house)
    visit = await house.staff("noor", "reader")
    page = visit.page
    await visit.open("/console/log")
    await expect(page.locator("#found .log-talk")).to_have_count(4)
    await page.get_by_role("searchbox").press_sequentially("pasp")
    await expect(page.locator("#found .log-talk")).to_have_count(1)
    await expect(page).to_have_url(re.compile(r"q=pasp"))
    await page.get_by_role("searchbox").fill("")
    await page.locator(".log-finder summary").click()
    await page.get_by_label("the bot was unsure of").check()
    await expect(page.locator("#found .log-talk")).to_have_count(2)
    await page.locator('.log-finder select[name="language"]').select_option("en")
    await page.reload()
    await expect(page.locator("#found .log-talk")).to_have_count(2)
    await page.get_by_label("Keep these filters as").fill("Unsure in English")
    await page.get_by_role("button", name="Keep this filter").click()
    await expect(page.get_by_role("link", name="Unsure in English")).to_be_visible()
    await visit.open("/console/log")
    await page.get_by_role("link", name="Unsure in English").click()
    await expect(page.locator("#found .log-talk")).to_have_count(2)


async def test_a_new_message_appears_in_the_list_by_itself(house: House) -> None:  # noqa: F811
    visit = await house.staff("noor", "reader")
    await visit.open("/console/log")
    await expect(visit.page.locator("#found .empty")).to_be_visible()
    road = house.road
    key = "f" * 64
    from datetime import timedelta

    await road.journal.open_session(key, "en", timedelta(days=1))
    conversation = await road.journal.session(key)
    assert conversation is not None
    await road.intake.accept(
        Inbound(
            WEB, f"{conversation}:1", Address(conversation), "a live one", conversation=conversation
        )
    )
    await expect(visit.page.locator("#found .log-talk")).to_contain_text("a live one")


async def test_the_veil_is_lifted_by_one_and_stays_for_the_other(house: House) -> None:  # noqa: F811
    first = await some_talks(house)
    editor = await house.staff("noor", "editor")
    agent = await house.staff("ties", "agent")
    for visit in (editor, agent):
        await visit.open(f"/console/log/{first}")
        await expect(visit.page.locator("body")).not_to_contain_text("Pieterszoon")
        await expect(visit.page.locator(".mask").first).to_be_visible()
    await editor.page.locator(".log-veil summary").click()
    await editor.page.get_by_label("Why do you need to see it?").fill("called the desk about it")
    await editor.shot("reason")
    await clean(editor.page)
    await editor.page.locator(".log-veil form button").click()
    await expect(editor.page.locator("body")).to_contain_text("Pieterszoon")
    await editor.shot("bare", full=True)
    await clean(editor.page)
    await agent.page.reload()
    await expect(agent.page.locator("body")).not_to_contain_text("Pieterszoon")
    await agent.page.get_by_label("Label").fill("praise")
    await agent.page.get_by_role("button", name="Add", exact=True).click()
    await agent.page.get_by_label("New note").fill("Friendly citizen.")
    await agent.page.get_by_role("button", name="Add the note").click()
    await editor.page.reload()
    await expect(editor.page.locator("aside")).to_contain_text("Friendly citizen.")
    await expect(editor.page.locator("aside")).to_contain_text("praise")


async def test_an_account_from_link_to_one_time_code(house: House) -> None:  # noqa: F811
    chief = await house.staff("noor", "administrator")
    await chief.open("/console/staff")
    await chief.page.locator('form[action$="/staff"] input[name="name"]').fill("ties")
    await chief.page.locator('form[action$="/staff"] select').select_option("agent")
    await chief.page.get_by_role("button", name="Add", exact=True).click()
    link = await chief.page.locator("code.break").inner_text()
    await clean(chief.page)
    ties = await house.someone("ties", **PHONE)
    page = ties.page
    await page.goto(link)
    await ties.shot("password")
    await clean(page)
    await page.locator('input[name="password"]').fill(PASSWORD)
    await page.locator('input[name="again"]').fill(PASSWORD)
    await page.locator("main button").click()
    await page.locator('input[name="name"]').fill("ties")
    await page.locator('input[name="password"]').fill(PASSWORD)
    await page.locator("main button.main").click()
    await expect(page.locator("h1")).to_contain_text("ties")
    await ties.open("/console/account/codes")
    secret = (await page.locator("code.break").inner_text()).strip()
    await page.locator('input[name="code"]').fill(pyotp.TOTP(secret).now())
    await page.locator('input[name="present"]').fill(PASSWORD)
    await page.get_by_role("button", name="Switch on").click()
    await expect(page.locator(".codes li")).to_have_count(10)
    await ties.shot("recovery", full=True)
    await clean(page)
    recovery = await page.locator(".codes li").first.inner_text()
    await page.locator(".menu summary").click()
    await page.get_by_role("button", name="Sign out").click()
    await page.locator('input[name="name"]').fill("ties")
    await page.locator('input[name="password"]').fill(PASSWORD)
    await page.locator("main button.main").click()
    await clean(page)
    await page.locator('input[name="code"]').fill(recovery)
    await page.locator("main button.main").click()
    await expect(page.locator("h1")).to_contain_text("ties")


async def test_the_log_works_from_the_keyboard(house: House) -> None:  # noqa: F811
    await some_talks(house)
    visit = await house.staff("noor", "reader")
    page = visit.page
    await visit.open("/console/log")
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.type("paspoort")
    await expect(page.locator("#found .log-talk")).to_have_count(1)
    for _ in range(12):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.classList.contains('log-talk')"):
            break
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/console/log/*")
    await expect(page.locator("h1")).to_contain_text("Conversation")
