"""The phone in the browser: what a citizen sees and does on it, at the width of a real phone."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.messages import Choice, Link, Reply, Turn
from connectors.telegram.simulator.phone import STATIC
from tests.telegram.conftest import Echo, Make, Start, Telegram

pytestmark = pytest.mark.browser
CHROMIUM = Path(os.environ.get("LIKEWISE_CHROMIUM", "/usr/bin/chromium"))
HOSTILE = "<img src=x onerror=\"document.title='owned'\"> & <b>bold</b>"


@pytest_asyncio.fixture
async def page(telegram: Telegram) -> AsyncIterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip("no chromium")
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox"]
        )
        made = await browser.new_page(viewport={"width": 390, "height": 780})
        problems: list[str] = []
        made.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        made.on("pageerror", lambda error: problems.append(str(error)))
        await made.goto(telegram.url)
        yield made
        assert problems == []
        assert await made.title() != "owned"
        await browser.close()


def answer(turn: Turn) -> Reply:
    if turn.place:
        return Reply(f"Position {turn.place.lat}. {HOSTILE}")
    if turn.payload == "/report":
        return Reply("Where is it?", ask="place")
    choices = (Choice("", "Report a problem", "/report"), Choice("", "No", "/deny"))
    return Reply(f"You said: {turn.text}", choices, link=Link("https://city.example/a", "Read on"))


async def test_a_citizen_types_presses_buttons_and_shares_a_position(
    telegram: Telegram, connect: Make, start_road: Start, page: Any
) -> None:
    brain = Echo(reply=answer)
    await start_road(connect(), brain)
    await page.fill("#text", HOSTILE)
    await page.press("#text", "Enter")
    await page.wait_for_selector(".bot .buttons button")
    assert await page.inner_text(".citizen .words") == HOSTILE
    link = page.locator(".bot .words a", has_text="Read on")
    assert await link.get_attribute("href") == "https://city.example/a"
    await page.click("text=Report a problem")
    await page.click("#keyboard button")
    await page.fill("#lat", "53.25")
    await page.click("#place .main")
    await page.wait_for_selector("text=Position 53.25")
    assert HOSTILE in await page.locator(".bot .words").last.inner_text()
    assert await page.locator(".bot img").count() == 0
    assert not await page.locator("#keyboard").is_visible()
    assert [turn.payload for turn in brain.turns] == ["", "/report", ""]


async def test_an_edit_and_a_photo_are_sent_from_the_page(
    telegram: Telegram, connect: Make, start_road: Start, page: Any, tmp_path: Path
) -> None:
    brain = Echo()
    await start_road(connect(), brain)
    await page.fill("#text", "helo")
    await page.click(".send")
    await page.wait_for_selector("text=You said: helo")
    await page.click("text=Edit")
    await page.fill("#text", "hello")
    await page.click(".send")
    await page.wait_for_selector("text=You said: hello")
    assert brain.turns[-1].correction
    picture = tmp_path / "lamp.png"
    picture.write_bytes(await page.screenshot())
    await page.set_input_files("#file", str(picture))
    await page.locator("text=You said:").nth(2).wait_for()
    assert len(brain.turns[-1].photos) == 1
    assert await page.evaluate("document.querySelector('.citizen img').naturalWidth") == 390


async def test_the_switches_reach_the_server(telegram: Telegram, page: Any) -> None:
    await page.click("#open-panel")
    await page.fill("[name=throttle]", "3")
    await page.check("[name=shuffle]")
    await page.select_option("[name=status]", "502")
    await page.click("#close-panel")
    await page.click("#open-panel")
    await page.wait_for_function(
        "fetch('/phone').then(r => r.json()).then(w => w.faults.status === 502)"
    )
    faults = telegram.world.faults
    assert (faults.throttle, faults.shuffle, faults.status) == (3, True, 502)


def test_the_page_needs_nothing_from_elsewhere_and_writes_no_markup() -> None:
    for name in ("phone.html", "phone.css", "phone.js"):
        source = (STATIC / name).read_text("utf-8")
        assert "innerHTML" not in source
        assert "insertAdjacentHTML" not in source
        assert "//cdn" not in source
        assert "https://" not in source.replace("https?:", "")


async def test_another_website_cannot_act_on_the_phone(telegram: Telegram) -> None:
    telegram.world.chat(71)
    for path in ("/phone/faults", "/phone/chats", "/phone/chats/71"):
        async with telegram.session.post(
            telegram.url + path, json={"text": "hi"}, headers={"Origin": "https://evil.example"}
        ) as answer:
            assert answer.status == 403
    assert not telegram.world.pending
