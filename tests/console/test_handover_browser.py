"""A citizen in the web chat and two members of staff in the console, in a real browser at once.

The road is the whole one, on SQLite; only the brain is small, so that no model is needed. Every
page is looked at by axe, in English and Dutch, on a phone and on a desktop.
LIKEWISE_SCREENSHOTS names a folder for pictures of the way.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from datetime import time
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, expect

from bot.assembly import Road
from bot.civic.opening import OpeningHours
from bot.handover.desk import Agent
from bot.messages import Answer, PersonWish, Reply, Turn
from bot.settings import load
from bot.store import migrate
from bot.store.canned import CannedReplies, load_canned
from bot.store.engine import Database
from tests.console.desk import PASSWORD, QUICK
from tests.photos import pictures
from tests.serving import served
from tests.web.test_browser import DESKTOP, PHONE, WATCH, Visit, browser  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
ALWAYS = dict.fromkeys(range(7), (time.min, time.max))
AXE = Axe()


class SmallBrain:
    """Gives a person to who asks for one; repeats everything else."""

    async def answer(self, turn: Turn) -> Answer:
        if "person" in turn.text:
            text = "A colleague has been asked. You are number 1 in line."
            return Answer((Reply(text),), "en", flag="person", wish=PersonWish("wait"))
        if "question" in turn.text:
            wish = PersonWish("question")
            return Answer((Reply("Please type your question in one message."),), "en", wish=wish)
        return Answer((Reply(f"You said: {turn.text}"),), "en")


class House:
    """The served road, with people who have a browser each."""

    def __init__(self, road: Road, base: str, chromium: Browser) -> None:
        self.road, self.base, self.browser = road, base, chromium
        self.visits: list[Visit] = []
        self.stack = contextlib.AsyncExitStack()

    async def someone(self, name: str, **options: Any) -> Visit:
        context: BrowserContext = await self.browser.new_context(**options)
        self.stack.push_async_callback(context.close)
        context.set_default_timeout(15_000)
        await context.add_init_script(WATCH)
        visit = Visit(context, await context.new_page(), self.base, name)
        self.visits.append(visit)
        return visit

    async def staff(self, name: str, role: str = "agent", **options: Any) -> Visit:
        """A member of staff who is signed in."""
        register = self.road.office().staff
        if not any(m.name == name for m in await register.everyone()):
            made = await register.add(name, role)
            await register.change(made.id, password_hash=QUICK.hash(PASSWORD))
        visit = await self.someone(name, **{**DESKTOP, **options})
        await visit.open("/console/sign-in")
        await visit.page.locator('input[name="name"]').fill(name)
        await visit.page.locator('input[name="password"]').fill(PASSWORD)
        await visit.page.locator("main button.main").first.click()
        await expect(visit.page.locator("h1")).to_contain_text(name)
        return visit


@pytest_asyncio.fixture(loop_scope="session")
async def house(tmp_path: Path, browser: Browser) -> AsyncIterator[House]:  # noqa: F811
    settings = load(data_dir=tmp_path, chat_messages_per_minute=0, chat_sessions_per_minute=0)
    database = Database(settings.database)
    migrate.upgrade(database)
    road = Road(settings, database, brain=SmallBrain())
    CannedReplies(database, road.journal.clock).load(load_canned(settings.city_dir))
    hours = OpeningHours({day: (span,) for day, span in ALWAYS.items()}, settings.zone)
    road.outlook.hours = road.rounds.hours = hours
    road.occupy()
    await road.start()
    async with served(road.application(), shutdown_timeout=1) as base:
        made = House(road, base, browser)
        async with made.stack:
            yield made
            for visit in made.visits:
                await visit.check()
    await road.stop()
    database.close()


async def clean(page: Page) -> None:
    """axe finds nothing, and nothing sticks out to the side."""
    found = await AXE.run(page)
    assert found.violations_count == 0, found.generate_report()
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


async def in_dutch(visit: Visit) -> None:
    await visit.page.get_by_role("link", name="Nederlands").click()


async def test_two_agents_and_a_citizen_from_the_queue_to_the_end(house: House) -> None:
    citizen = await house.someone("citizen", **PHONE)
    ann, ben = await house.staff("ann"), await house.staff("ben")
    for agent in (ann, ben):
        await agent.open("/console/handover")
        await agent.page.get_by_role("button", name="I am available").click()
        await expect(agent.page.locator("#presence")).to_contain_text("You are available")
    await ann.page.get_by_role("button", name="Turn sound on").click()
    await expect(ann.page.get_by_role("button", name="Turn sound off")).to_be_visible()
    await clean(ann.page)

    await citizen.open("/")
    await citizen.page.locator("likewise-chat .launcher").click()
    box = citizen.page.locator("likewise-chat textarea")
    await box.fill("a person please")
    await box.press("Enter")
    last = citizen.page.locator("likewise-chat .item").last
    await expect(last).to_contain_text("number 1 in line")

    # Both queues show the newcomer by themselves; only one agent gets the conversation.
    for agent in (ann, ben):
        await expect(agent.page.locator("#queue .queue .place")).to_have_text("1")
    await ann.shot("queue", full=True)
    await clean(ann.page)
    await expect(ann.page.locator("#news")).to_have_text("Somebody is waiting.")
    await ann.page.get_by_role("button", name="Take over").click()
    await expect(ann.page.locator("#composer")).to_be_visible()
    await expect(last).to_contain_text("You are now talking to Ann")
    await expect(ben.page.locator("#queue")).to_contain_text("with Ann")
    await expect(ben.page.get_by_role("button", name="Take over")).to_have_count(0)

    # Typing shows; the answer arrives; the citizen's words come in live.
    text = ann.page.locator("#text")
    await text.press_sequentially("Good")
    typing = citizen.page.locator("likewise-chat .typing")
    await expect(typing).to_contain_text("City staff is typing")
    await citizen.shot("typing")
    await text.fill("")
    await ann.page.locator("#canned select").select_option("hello")
    await ann.page.get_by_role("button", name="Insert").click()
    await expect(text).to_have_value(re.compile("I am Ann from Groningen"))
    await text.press("Control+Enter")
    await expect(last).to_contain_text("I am Ann from Groningen")
    await box.fill("My bin was not emptied <b>again</b>")
    await box.press("Enter")
    await expect(ann.page.locator("#lines .said").last).to_contain_text("<b>again</b>")
    await ann.shot("talk", full=True)
    await clean(ann.page)

    # Ben reads along and cannot answer; Ann hands over while she still has a page of before.
    await ben.page.get_by_role("link", name=re.compile("Open conversation")).click()
    await expect(ben.page.locator("#stand")).to_contain_text("Ann holds this conversation")
    await expect(ben.page.locator("#composer")).to_have_count(0)
    await ann.page.locator("#pass select").select_option("ben")
    await ann.page.get_by_role("button", name="Hand over").click()
    await expect(ann.page.locator(".flash")).to_contain_text("Ben has the conversation now")
    await expect(ben.page.locator("#composer")).to_be_visible()
    await ben.page.locator("#text").fill("I am Ben, I will look at it.")
    await ben.page.get_by_role("button", name="Send").click()
    await expect(last).to_contain_text("I am Ben")
    await ben.page.get_by_role("button", name="Close the conversation").click()
    everything = citizen.page.locator("likewise-chat .item")
    await expect(everything.filter(has_text="closed the conversation")).to_have_count(1)
    await expect(last).to_contain_text("did my colleague help you?")
    await citizen.shot("rating")
    await last.get_by_role("button", name="Yes").click()
    await expect(last).to_contain_text("That is good to know")
    await box.fill("thank you")
    await box.press("Enter")
    await expect(last).to_contain_text("You said: thank you")
    await citizen.shot("closed")


async def in_talk(house: House, **options: Any) -> tuple[Visit, Visit]:
    """A citizen in the web chat, and Ann who has taken over and reads."""
    citizen = await house.someone("citizen", **PHONE)
    await citizen.open("/")
    await citizen.page.locator("likewise-chat .launcher").click()
    box = citizen.page.locator("likewise-chat textarea")
    await box.fill("a person please")
    await box.press("Enter")
    await expect(citizen.page.locator("likewise-chat .item.bot").last).to_be_visible()
    ann = await house.staff("ann", **options)
    await ann.open("/console/handover")
    await ann.page.get_by_role("button", name="Take over").click()
    await expect(ann.page.locator("#composer")).to_be_visible()
    return citizen, ann


def file(name: str, content: bytes, kind: str = "image/jpeg") -> Any:
    return {"name": name, "mimeType": kind, "buffer": content}


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_pictures_go_both_ways(house: House, screen: dict[str, Any]) -> None:
    citizen, ann = await in_talk(house, **screen)
    last = citizen.page.locator("likewise-chat .item").last
    await citizen.page.locator('likewise-chat input[type="file"]').set_input_files(
        file("lamp.jpg", pictures.jpeg(900, 1200))
    )
    box = citizen.page.locator("likewise-chat textarea")
    await expect(citizen.page.locator("likewise-chat")).to_contain_text("is ready")
    await box.fill("This is the lamp.")
    await box.press("Enter")

    # The citizen's photo comes in by itself, small; the whole one is a link away.
    seen = ann.page.locator("#lines .said.citizen .photos img")
    await expect(seen).to_have_count(1)
    await expect(seen).to_have_attribute("alt", re.compile("^Photo from the citizen"))
    await ann.page.wait_for_function(
        "() => document.querySelector('#lines .photos img').naturalWidth === 360"
    )
    await ann.page.locator("#lines .photos a").focus()
    async with ann.page.expect_navigation():
        await ann.page.keyboard.press("Enter")
    assert ann.page.url.endswith("?size=full")
    await ann.page.go_back()

    # A file that is no picture costs nothing that was typed.
    await ann.page.locator("#attach summary").click()
    await ann.page.locator("#text").fill("Is it this one?")
    await ann.page.locator("#alt").fill("The lamp at the corner")
    ann.expected = ("422",)
    await ann.page.locator("#picture").set_input_files(file("x.jpg", b"not a picture"))
    await ann.page.get_by_role("button", name="Send").click()
    await expect(ann.page.locator("#fault")).to_contain_text("is not a JPEG, PNG, WebP or HEIC")
    await expect(ann.page.locator("#text")).to_have_value("Is it this one?")
    await expect(ann.page.locator("#alt")).to_have_value("The lamp at the corner")
    await clean(ann.page)

    # Without words for it the picture waits; then it goes, and both see it.
    await ann.page.locator("#alt").fill("")
    await ann.page.locator("#picture").set_input_files(file("a.png", pictures.png(), "image/png"))
    await expect(ann.page.locator("#picture-seen")).to_be_visible()
    await ann.page.locator("#alt").evaluate("field => { field.required = false; }")
    await ann.page.get_by_role("button", name="Send").click()
    await expect(ann.page.locator(".waiting-picture")).to_contain_text("ready to be sent")
    await ann.shot("picture-waits", full=True)
    await clean(ann.page)
    await ann.page.locator("#alt").fill("The lamp at the corner")
    await ann.page.get_by_role("button", name="Send").click()
    await expect(last).to_contain_text("Is it this one?")
    sent = citizen.page.locator("likewise-chat img.picture").last
    await expect(sent).to_have_attribute("alt", "The lamp at the corner")
    await sent.evaluate("image => image.decode()")
    await citizen.shot("picture-from-staff")
    own = ann.page.locator("#lines .said.agent .photos img")
    await expect(own).to_have_attribute("alt", re.compile("^The lamp at the corner"))
    await own.evaluate("image => image.decode()")
    await ann.shot("pictures", full=True)
    await clean(ann.page)

    # In the log they stay behind the veil, until an editor lifts it for a reason.
    editor = await house.staff("edith", "editor", **screen)
    row = (await house.road.desk.handovers.queue())[0]
    await editor.open(f"/console/log/{row['conversation_id']}")
    await expect(editor.page.locator(".photo-none")).to_have_count(2)
    await editor.shot("log-veiled", full=True)
    await clean(editor.page)
    await editor.page.locator(".log-veil summary").click()
    await editor.page.locator('input[name="reason"]').fill("a complaint about the lamp")
    await editor.page.locator(".log-veil button.main").click()
    await expect(editor.page.locator(".photos img")).to_have_count(2)
    await editor.page.locator(".photos img").last.evaluate("image => image.decode()")
    await editor.shot("log-lifted", full=True)
    await clean(editor.page)


async def test_a_picture_goes_out_without_any_script(house: House) -> None:
    citizen, _ = await in_talk(house)
    ann = await house.staff("ann", java_script_enabled=False)
    await ann.open("/console/handover")
    await ann.page.get_by_role("link", name="Open conversation 1").click()
    await ann.page.locator("#attach summary").click()
    await ann.page.locator("#picture").set_input_files(file("a.jpg", pictures.jpeg()))
    await ann.page.locator("#alt").fill("A lamp")
    await ann.page.get_by_role("button", name="Send").click()
    await expect(ann.page.locator("#lines .said.agent .photos img")).to_have_count(1)
    sent = citizen.page.locator("likewise-chat img.picture").last
    await expect(sent).to_have_attribute("alt", "A lamp")


async def test_a_stale_page_warns_and_keeps_the_words(house: House) -> None:
    _, ann = await in_talk(house)
    await ann.page.locator("#text").fill("my careful answer")
    stale = await ann.page.locator('#stand input[form="composer"]').get_attribute("value")
    row = (await house.road.desk.handovers.queue())[0]

    await house.road.desk.say(row["id"], Agent("ann", "Ann"), Reply("from another tab"), None)
    await expect(ann.page.locator("#lines")).to_contain_text("from another tab")
    await ann.page.evaluate(
        """v => { for (const i of document.querySelectorAll('[form="composer"]')) i.value = v; }""",
        stale,
    )
    ann.expected = ("409",)
    await ann.page.get_by_role("button", name="Send").click()
    await expect(ann.page.locator('[role="alert"]')).to_contain_text("Nothing was sent")
    await expect(ann.page.locator("#text")).to_have_value("my careful answer")
    await ann.shot("collision", full=True)
    await clean(ann.page)


async def test_the_pages_in_dutch_on_a_phone_from_the_keyboard(house: House) -> None:
    citizen = await house.someone("citizen", **PHONE)
    await citizen.open("/")
    await citizen.page.locator("likewise-chat .launcher").click()
    box = citizen.page.locator("likewise-chat textarea")
    for words in ("I have a question", "When is the market open?"):
        await box.fill(words)
        await box.press("Enter")
        await expect(citizen.page.locator("likewise-chat .item.bot").last).to_be_visible()
        await citizen.page.wait_for_function(
            "n => document.querySelector('likewise-chat').shadowRoot"
            ".querySelectorAll('.item.bot').length >= n",
            arg=1 if "have" in words else 2,
        )
    ann = await house.staff("ann", **PHONE)
    await ann.open("/console/handover")
    await in_dutch(ann)
    await expect(ann.page.locator("h1")).to_have_text("In persoon")
    await expect(ann.page.locator("#queue")).to_contain_text("Vragen om te beantwoorden")
    await ann.shot("wachtrij", full=True)
    await clean(ann.page)
    await ann.page.get_by_role("link", name="Gesprek 1 openen").focus()
    await ann.page.keyboard.press("Enter")
    await expect(ann.page.locator("#stand")).to_contain_text("When is the market open?")
    await ann.shot("vraag", full=True)
    await clean(ann.page)
    await ann.page.locator("#text").focus()
    await ann.page.keyboard.type("Every Tuesday and Friday.")
    await ann.page.keyboard.press("Control+Enter")
    await expect(ann.page.locator(".flash")).to_contain_text("Uw antwoord is onderweg.")
    last = citizen.page.locator("likewise-chat .item").last
    await expect(last).to_contain_text("Every Tuesday and Friday.")


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_two_editors_write_a_standard_reply_and_an_agent_uses_it(
    house: House, screen: dict[str, Any]
) -> None:
    edith = await house.staff("edith", "editor", **screen)
    noor = await house.staff("noor.jansen", "administrator", **screen)
    await edith.open("/console/replies")
    await edith.shot("replies", full=True)
    await clean(edith.page)
    await edith.page.get_by_role("link", name="New reply").click()
    await edith.page.locator('[name="name_en"]').fill("Bring a card")
    await edith.page.locator('[name="text_en"]').fill("I am {agnt}. Bring your card.")
    edith.expected = noor.expected = ("422", "409")
    await edith.page.get_by_role("button", name="Show how it reads").click()
    await expect(edith.page.locator("#fault")).to_contain_text("{agnt} is not a name")
    await edith.shot("replies-fault", full=True)
    await clean(edith.page)
    await edith.page.locator('[name="text_en"]').fill("I am {agent}. Bring your card.")
    await edith.page.get_by_role("button", name="Show how it reads").click()
    await expect(edith.page.locator("#preview mark").first).to_have_text("Edith")
    await edith.shot("replies-preview", full=True)
    await clean(edith.page)
    await edith.page.get_by_role("button", name="Save").click()
    await expect(edith.page.locator(".flash")).to_contain_text("Bring a card is added.")

    for one in (edith, noor):
        await one.open("/console/replies/bring-a-card")
    await edith.page.locator('[name="text_en"]').fill("I am {agent}. Bring your card or passport.")
    await edith.page.get_by_role("button", name="Save").click()
    await expect(edith.page.locator(".flash")).to_contain_text("is changed")
    await noor.page.locator('[name="text_en"]').fill("Bring your passport.")
    await noor.page.get_by_role("button", name="Save").click()
    await expect(noor.page.locator("#theirs")).to_contain_text("Edith has changed this reply")
    await expect(noor.page.locator(".their-words")).to_contain_text("card or passport")
    await expect(noor.page.locator('[name="text_en"]')).to_have_value("Bring your passport.")
    await noor.shot("replies-collision", full=True)
    await clean(noor.page)
    await in_dutch(noor)
    await noor.open("/console/replies")
    await expect(noor.page.locator("h1")).to_have_text("Standaardantwoorden")
    await clean(noor.page)

    citizen, ann = await in_talk(house, **screen)
    await ann.page.locator("#canned select").select_option("bring-a-card")
    await ann.page.get_by_role("button", name="Insert").click()
    await ann.page.get_by_role("button", name="Send").click()
    last = citizen.page.locator("likewise-chat .item").last
    await expect(last).to_contain_text("I am Ann. Bring your card or passport.")
