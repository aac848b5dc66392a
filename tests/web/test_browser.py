"""A real browser (Debian's Chromium) on the demo page, talking to the road with the real model.

Each visit fails on a console error, on anything that the content security policy stops, and on an
address that answers with an error. LIKEWISE_SCREENSHOTS names a folder for pictures of the way.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import warnings
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright, expect

from bot import staff
from bot.assembly import Road
from bot.messages import ConversationId, Reply
from bot.store import schema
from tests.serving import served
from tests.talking import clear_the_streets

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

CHROMIUM = Path(os.environ.get("LIKEWISE_CHROMIUM", "/usr/bin/chromium"))
ARGUMENTS = [
    "--no-sandbox",
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--no-first-run",
]
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 860}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
SCREENS = pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
SHOTS = os.environ.get("LIKEWISE_SCREENSHOTS", "")
REFERENCE = re.compile(r"LW-\d{4}-\d{5}")
PATIENCE = 20_000
WATCH = """
globalThis.violations = [];
addEventListener("securitypolicyviolation", (event) =>
  violations.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));
"""


class Visit:
    """A page of one visitor, and everything that went wrong on it."""

    def __init__(self, context: BrowserContext, page: Page, base: str, name: str) -> None:
        self.context, self.page, self.base, self.name = context, page, base, name
        self.faults: list[str] = []
        self.expected: tuple[str, ...] = ()
        self.shots = 0
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        page.on("response", self._response)

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"console {message.type}: {message.text}")

    def _response(self, response: Any) -> None:
        if response.status >= 400:
            self.faults.append(f"{response.status} {response.request.method} {response.url}")

    async def open(self, path: str = "/") -> None:
        await self.page.goto(self.base + path)

    async def check(self) -> None:
        self.faults += await self.page.evaluate("violations")
        found = [f for f in self.faults if not any(e in f for e in self.expected)]
        assert found == []

    async def shot(self, what: str, full: bool = False) -> None:
        if SHOTS:
            self.shots += 1
            Path(SHOTS).mkdir(parents=True, exist_ok=True)
            path = f"{SHOTS}/{self.name}-{self.shots:02}-{what}.png"
            await self.page.screenshot(path=path, animations="disabled", full_page=full)

    async def fits(self) -> None:
        """Nothing sticks out to the side."""
        wide = "document.documentElement.scrollWidth - innerWidth"
        assert await self.page.evaluate(wide) <= 0

    async def focused(self) -> str:
        """The words of what has the focus, inside the widget too."""
        return await self.page.evaluate(
            """() => { let at = document.activeElement;
              while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
              return (at?.innerText || at?.getAttribute("aria-label") || "").trim(); }"""
        )

    async def tab_to(self, label: str, back: bool = False) -> None:
        for _ in range(40):
            if await self.focused() == label:
                return
            await self.page.keyboard.press("Shift+Tab" if back else "Tab")
        raise AssertionError(f"no way to {label!r} by keyboard")

    async def conversation(self, road: Road) -> ConversationId:
        """The conversation that this browser keeps the token of."""
        kept = (
            "JSON.parse(Object.values(localStorage).find((kept) => kept.includes('token'))).token"
        )
        token = await self.page.evaluate(kept)
        found = await road.journal.session(hashlib.sha256(token.encode()).hexdigest())
        assert found is not None
        return found

    # The widget ----------------------------------------------------------------------------------

    @property
    def log(self) -> Locator:
        return self.page.locator("likewise-chat").get_by_role("log")

    @property
    def box(self) -> Locator:
        return self.page.locator("likewise-chat textarea")

    @property
    def said(self) -> Locator:
        """Everything that was said in this conversation, by both sides."""
        return self.page.locator("likewise-chat .item")

    @property
    def last(self) -> Locator:
        return self.said.last

    async def type(self, text: str) -> None:
        await self.box.fill(text)
        await self.box.press("Enter")

    async def choose(self, label: str) -> None:
        await self.log.get_by_role("button", name=label, exact=True).click()

    async def hear(self, words: str | re.Pattern[str]) -> None:
        await expect(self.last).to_contain_text(words)

    async def answered(self) -> None:
        """Wait until the bot had the last word."""
        await expect(self.last).to_have_class(re.compile(r"\b(bot|agent)\b"))

    async def to_the_end(self) -> str:
        """Take the first choice of each question until there is a reference; returns it."""
        done = self.said.filter(has_text=REFERENCE)  # the question whether it went well may follow
        question = self.last.get_by_role("button").first
        for _ in range(6):
            await self.answered()
            await expect(done.or_(question).first).to_be_visible()
            if await done.count():
                return str(REFERENCE.findall(await done.last.inner_text())[0])
            await question.click()
        raise AssertionError("the report found no end")

    async def texts(self) -> list[str]:
        """The bubbles, top to bottom, as a reader sees them."""
        return await self.page.locator("likewise-chat .item .bubble").all_inner_texts()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    if not CHROMIUM.exists():
        missing = f"{CHROMIUM} is missing: the browser tests need Debian's chromium"
        if os.environ.get("CI"):
            pytest.fail(missing)
        warnings.warn(missing, stacklevel=1)
        pytest.skip(missing)
    expect.set_options(timeout=PATIENCE)
    policy = asyncio.get_event_loop_policy()
    # Importing Rasa sets uvloop's policy, which starts no processes on a loop of asyncio's own.
    asyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy())
    async with async_playwright() as playwright:
        asyncio.set_event_loop_policy(policy)
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        await started.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def base(road: Road, browser: Browser) -> AsyncIterator[str]:
    """The address of the served road."""
    async with served(road.application(), shutdown_timeout=1) as address:
        yield address


Arrive = Callable[..., Any]


@pytest_asyncio.fixture(loop_scope="session")
async def arrive(
    browser: Browser, base: str, request: pytest.FixtureRequest
) -> AsyncIterator[Arrive]:
    """Visitors with a screen each; their pages are checked at the end."""
    visits: list[Visit] = []
    async with contextlib.AsyncExitStack() as stack:

        async def come(**options: Any) -> Visit:
            context = await browser.new_context(**options)
            stack.push_async_callback(context.close)
            context.set_default_timeout(PATIENCE)
            await context.add_init_script(WATCH)
            page = await context.new_page()
            name = re.sub(r"\W+", "-", request.node.name.removeprefix("test_")).strip("-")
            visits.append(Visit(context, page, base, name))
            return visits[-1]

        yield come
        for visit in visits:
            await visit.check()


# Reporting a problem -----------------------------------------------------------------------------


@SCREENS
async def test_visitor_reports_a_problem_and_reloads_half_way(
    arrive: Arrive, road: Road, screen: dict[str, Any]
) -> None:
    await clear_the_streets(road)
    visit = await arrive(**screen)
    await visit.open()
    await visit.fits()
    await visit.shot("page")
    await visit.page.get_by_role("button", name="Ask a question").first.click()
    await visit.shot("opened")
    await visit.choose("Report a problem")
    await visit.hear("What do you want to report?")
    await visit.shot("services")
    await visit.choose("Broken street light")
    await visit.hear("where is it?")
    await visit.shot("where")

    before = await visit.texts()
    await visit.page.reload()
    await visit.hear("where is it?")
    assert await visit.texts() == before
    await visit.shot("reloaded")

    await visit.type("Oosterstraat 12")
    await visit.hear("one lamp or several")
    await visit.choose("One lamp")
    await visit.hear("Oosterstraat 12")
    await visit.shot("summary")
    await visit.choose("Yes, send it")
    await visit.hear("did this go well?")
    await visit.shot("reference")
    await visit.fits()
    ticket = road.tickets.find(await visit.to_the_end())
    assert ticket is not None
    assert (ticket.service, ticket.place) == ("street-light", "Oosterstraat 12")
    own = visit.page.locator("likewise-chat .item.citizen .bubble")
    assert await own.all_inner_texts() == [
        "Report a problem", "Broken street light", "Oosterstraat 12", "One lamp", "Yes, send it",
    ]  # fmt: skip


@SCREENS
async def test_visitor_reports_in_dutch(arrive: Arrive, road: Road, screen: dict[str, Any]) -> None:
    visit = await arrive(**screen)
    await visit.open("/?lang=nl")
    await expect(visit.page.get_by_role("heading", level=1)).to_have_text(
        "Waarmee kunnen we u helpen?"
    )
    await visit.shot("page")
    await visit.page.get_by_role("button", name="Een probleem melden").click()
    await visit.hear("Wat wilt u melden?")
    await expect(visit.log).to_contain_text("U praat met de automatische assistent")
    await visit.shot("services")
    await visit.choose("Gat in de weg")
    await visit.hear("waar is het?")
    await visit.page.reload()
    await visit.hear("waar is het?")
    await visit.type("Oosterstraat 12")
    await visit.answered()
    await visit.shot("summary")
    ticket = road.tickets.find(await visit.to_the_end())
    await visit.shot("reference")
    assert ticket is not None
    assert (ticket.service, ticket.language) == ("pothole", "nl")
    await visit.type("Hoeveel mensen wonen er in Paddepoel?")
    await visit.hear("Paddepoel")
    await visit.shot("area")


@SCREENS
async def test_visitor_shares_a_position(arrive: Arrive, screen: dict[str, Any]) -> None:
    here = {"latitude": 53.21687, "longitude": 6.57017}
    visit = await arrive(**screen, geolocation=here, permissions=["geolocation"])
    await visit.open()
    await visit.page.get_by_role("button", name="Report a problem").click()
    await visit.hear("What do you want to report?")
    await visit.choose("Litter in the street")
    await visit.hear("where is it?")
    await visit.choose("Share my position")
    await expect(visit.page.locator("likewise-chat .item.citizen").last).to_contain_text(
        "My position"
    )
    await expect(visit.said.filter(has_text="My position")).to_have_count(1)
    await visit.to_the_end()
    await visit.hear("did this go well?")
    await visit.shot("reference")
    before = await visit.texts()
    await visit.page.reload()
    await visit.hear("did this go well?")
    assert await visit.texts() == before


async def test_visitor_who_keeps_the_position_private_can_type_it(arrive: Arrive) -> None:
    visit = await arrive(**DESKTOP, permissions=[])
    await visit.open()
    await visit.page.get_by_role("button", name="Report a problem").click()
    await visit.hear("What do you want to report?")
    await visit.choose("Litter in the street")
    await visit.hear("where is it?")
    await visit.choose("Share my position")
    await expect(visit.page.locator("likewise-chat .notice")).to_contain_text(
        "We could not find your position."
    )
    await visit.shot("denied")
    await visit.type("Oosterstraat 12")
    await visit.hear("Oosterstraat 12")


async def test_keyboard_is_enough(arrive: Arrive) -> None:
    visit = await arrive(**DESKTOP)
    await visit.open()
    keys = visit.page.keyboard
    await visit.tab_to("Ask a question")
    await visit.shot("focus")
    await keys.press("Enter")
    await expect(visit.box).to_be_focused()
    await visit.tab_to("Report a problem", back=True)
    await visit.shot("focus-on-choice")
    await keys.press("Enter")
    await visit.hear("What do you want to report?")
    await expect(visit.box).to_be_focused()
    await visit.tab_to("Hole in the road", back=True)
    await keys.press("Space")
    await visit.hear("where is it?")
    await keys.type("Oosterstraat 12")
    await keys.press("Enter")
    for _ in range(6):
        done, question = (
            visit.said.filter(has_text=REFERENCE),
            visit.last.get_by_role("button").first,
        )
        await visit.answered()
        await expect(done.or_(question).first).to_be_visible()
        if await done.count():
            break
        await visit.tab_to(await question.inner_text(), back=True)
        await keys.press("Enter")
    await visit.hear("did this go well?")
    await keys.press("Escape")
    await expect(visit.box).to_be_hidden()
    assert await visit.focused() == "Ask a question"
    await keys.press("Enter")
    await visit.hear("did this go well?")


# Around it ---------------------------------------------------------------------------------------


@SCREENS
@pytest.mark.parametrize("language", ["en", "nl", "de", "da"])
async def test_pages_in_each_language_fit_the_screen(
    arrive: Arrive, screen: dict[str, Any], language: str
) -> None:
    visit = await arrive(**screen)
    for path in (f"/?lang={language}", f"/privacy#{language}"):
        await visit.open(path)
        await visit.fits()
        await visit.shot(path.strip("/?#").replace("=", "-").replace("#", "-"), full=True)
    await visit.open(f"/?lang={language}")
    await expect(visit.page.locator("likewise-chat")).to_have_attribute("lang", language)
    await visit.page.locator("likewise-chat .launcher").click()
    await visit.log.get_by_role("button").nth(1).click()
    await expect(visit.page.locator("likewise-chat .item.bot")).not_to_have_count(0)
    await visit.answered()
    await visit.shot("bin")


async def test_markup_in_a_message_is_shown_and_not_run(arrive: Arrive) -> None:
    visit = await arrive(**DESKTOP)
    await visit.open()
    visit.page.on("dialog", lambda dialog: visit.faults.append("markup ran"))
    await visit.page.get_by_role("button", name="Ask a question").first.click()
    text = "<img src=x onerror=alert(1)><script>alert(2)</script> javascript:alert(3)"
    await visit.type(text)
    await visit.answered()
    assert (await visit.texts())[0] == text
    await visit.page.reload()
    await expect(visit.said.first).to_contain_text(text)


async def test_persons_reply_appears_while_the_page_is_open(arrive: Arrive, road: Road) -> None:
    visit = await arrive(**PHONE)
    await visit.open()
    await visit.page.get_by_role("button", name="Ask a question").first.click()
    await visit.type("I want to talk to a person")
    await visit.answered()
    row = await road.journal.conversation(await visit.conversation(road))
    assert row is not None
    await staff.say_to(road.journal, road.connectors, row, Reply("This is Anna. How can I help?"))
    await visit.hear("This is Anna.")
    await expect(visit.last).to_contain_text("City staff")
    await visit.shot("agent")


@SCREENS
async def test_visitor_rates_with_buttons_and_says_what_went_wrong(
    arrive: Arrive, road: Road, screen: dict[str, Any]
) -> None:
    visit = await arrive(**screen)
    await visit.open()
    await visit.page.get_by_role("button", name="Ask a question").first.click()
    await visit.type("when is the town hall open?")
    await visit.hear("Monday to Friday")
    await visit.type("thank you")
    await visit.hear("Did I help you?")
    await visit.shot("asked")
    await visit.choose("No")
    await visit.hear("What can we do better?")
    await visit.type("I wanted the hours of the library")
    await visit.hear("Do you want an answer to it now?")
    await visit.shot("commented")
    await visit.choose("Yes, please answer")
    await visit.hear("ibrary")
    await visit.fits()
    table = schema.ratings
    mine = table.c.conversation_id == await visit.conversation(road)
    (row,) = await road.database.read(lambda c: c.execute(sa.select(table).where(mine)).all())
    assert (row.helped, row.comment_inbox_id is not None) == (False, True)


async def test_message_typed_without_internet_is_sent_when_it_is_back(arrive: Arrive) -> None:
    visit = await arrive(**PHONE)
    visit.expected = ("ERR_INTERNET_DISCONNECTED",)
    await visit.open()
    await visit.page.get_by_role("button", name="Ask a question").first.click()
    await visit.type("hello")
    await visit.answered()
    await visit.context.set_offline(True)
    await visit.type("When is my bin collected?")
    await expect(visit.last).to_contain_text("Not sent.")
    await visit.shot("offline")
    await visit.context.set_offline(False)
    await visit.answered()
    await expect(visit.page.locator("likewise-chat .failed")).to_have_count(0)


async def test_ended_session_begins_a_new_conversation(arrive: Arrive) -> None:
    visit = await arrive(**DESKTOP)
    visit.expected = ("401",)
    await visit.open()
    await visit.page.get_by_role("button", name="Ask a question").first.click()
    await visit.type("hello")
    await visit.answered()
    await visit.page.evaluate(
        """() => { for (const key of Object.keys(localStorage)) {
          const kept = JSON.parse(localStorage[key]);
          localStorage[key] = JSON.stringify({ ...kept, token: "x".repeat(43) }); } }"""
    )
    await visit.page.reload()
    await visit.type("thank you")
    await visit.answered()
    assert "hello" not in await visit.texts()


async def test_website_of_the_city_uses_the_chat_from_its_own_address(
    arrive: Arrive, road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = await arrive(**DESKTOP)
    html = (
        "<!doctype html><title>Our city</title><link rel=icon href='data:,'><h1>Our city</h1>"
        f"<script type=module src='{visit.base}/static/likewise-chat.js'></script>"
        f"<likewise-chat src='{visit.base}' lang=nl open></likewise-chat>"
    )
    app = web.Application()
    app.add_routes([web.get("/", lambda _: web.Response(text=html, content_type="text/html"))])
    async with served(app, shutdown_timeout=1) as elsewhere:
        options = replace(road.web.options, origins=(elsewhere,))
        monkeypatch.setattr(road.web, "options", options)
        await visit.page.goto(elsewhere)
        await visit.type("hallo")
        await visit.answered()
        await expect(visit.log).to_contain_text("U praat met")
