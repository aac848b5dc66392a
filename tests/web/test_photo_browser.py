"""Photos in the widget, in a real browser: chosen, previewed, sent, seen again, refused, taken away.

The road has a small fake brain, so that no model is needed. LIKEWISE_SCREENSHOTS names a folder for
pictures of the way.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from bot.assembly import Road
from bot.messages import Answer, Choice, Reply, Turn
from bot.settings import load
from bot.store import migrate, schema
from bot.store.engine import Database
from bot.store.erasure import erase
from tests.photos import pictures
from tests.road.rooms import rows
from tests.serving import served
from tests.web.test_browser import (
    PHONE,
    SCREENS,
    Arrive,
    Visit,
    arrive,
    browser,
)

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
__all__ = ["arrive", "browser"]

ADD = {
    "en": "Add a photo",
    "nl": "Voeg een foto toe",
    "de": "Foto hinzufügen",
    "da": "Tilføj et billede",
}
READY = {"en": "is ready", "nl": "staat klaar", "de": "ist bereit", "da": "er klar"}
WRONG = {
    "en": "cannot use this file",
    "nl": "kunnen dit bestand niet gebruiken",
    "de": "können wir nicht verwenden",
    "da": "kan ikke bruge denne fil",
}


class Brain:
    """Asks for a photo on request, and says how many came."""

    async def answer(self, turn: Turn) -> Answer:
        if turn.text == "ask":
            replies = [Reply("Can you send a photo?", (Choice("", "No", "/deny"),), ask="photo")]
        else:
            replies = [Reply(f"{turn.text or 'nothing'} with {len(turn.photos)} photo")]
        return Answer(tuple(replies), language=turn.language)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Road]:
    folder = tmp_path_factory.mktemp("photos")
    database = Database(f"sqlite:///{folder / 'likewise.db'}")
    migrate.upgrade(database)
    limits = {"chat_messages_per_minute": 0, "chat_sessions_per_minute": 0, "photos_per_minute": 0}
    made = Road(load(data_dir=folder, **limits), database, Brain())
    await made.start()
    yield made
    await made.stop()
    database.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def base(house: Road, browser: Browser) -> AsyncIterator[str]:
    async with served(house.application(), shutdown_timeout=1) as address:
        yield address


def files(visit: Visit) -> Locator:
    return visit.page.locator("likewise-chat input[type=file]")


def tray(visit: Visit) -> Locator:
    return visit.page.locator("likewise-chat .tray")


def photos(visit: Visit) -> Locator:
    """Photos in the transcript that are drawn."""
    return visit.page.locator("likewise-chat .item.citizen button.photo canvas")


async def pick(visit: Visit, content: bytes, name: str = "lamp.jpg") -> None:
    await files(visit).set_input_files({"name": name, "mimeType": "image/jpeg", "buffer": content})


async def opened(arrive: Arrive, language: str = "en", **screen: Any) -> Visit:
    visit: Visit = await arrive(**screen)
    await visit.open(f"/?lang={language}")
    await visit.page.locator("likewise-chat .launcher").click()
    await expect(visit.box).to_be_visible()
    return visit


def colour(canvas: Locator, x: float, y: float) -> Any:
    """The red, green and blue of one pixel, by its share of width and height."""
    return canvas.evaluate(
        "(c, [x, y]) => [...c.getContext('2d').getImageData(c.width * x, c.height * y, 1, 1).data]",
        [x, y],
    )


async def shows_the_scene(canvas: Locator) -> None:
    top, bottom = await colour(canvas, 0.5, 0.1), await colour(canvas, 0.5, 0.9)
    assert top[0] > 150 > top[2], top
    assert bottom[2] > 150 > bottom[0], bottom


@SCREENS
async def test_a_photo_is_chosen_previewed_sent_and_seen_again(
    arrive: Arrive, house: Road, screen: dict[str, Any]
) -> None:
    visit = await opened(arrive, **screen)
    visit.expected = ("Canvas2D",)  # these tests read pixels back, which the widget never does
    await visit.shot("composer")
    async with visit.page.expect_file_chooser() as chooser:
        await visit.page.get_by_role("button", name=ADD["en"]).click()
    picked = {"name": "lamp.jpg", "mimeType": "image/jpeg", "buffer": pictures.jpeg(1200, 900)}
    await (await chooser.value).set_files(picked)  # type: ignore[arg-type]
    await expect(tray(visit)).to_contain_text(READY["en"])
    await shows_the_scene(tray(visit).locator("canvas"))
    await visit.shot("ready")
    await visit.type("This lamp is broken")
    await expect(tray(visit)).to_be_hidden()
    await visit.hear("This lamp is broken with 1 photo")
    await expect(photos(visit)).to_have_count(1)
    await shows_the_scene(photos(visit))
    await visit.shot("sent")
    await visit.fits()

    await visit.page.reload()
    await expect(photos(visit)).to_have_count(1)
    await shows_the_scene(photos(visit))
    conversation = await visit.conversation(house)
    (row,) = [r for r in rows(house.database, schema.photos) if r.conversation_id == conversation]
    assert row.state == "stored"

    small = await photos(visit).evaluate("c => c.width")
    await visit.page.locator("likewise-chat button.photo").click()
    await expect(visit.page.locator("likewise-chat button.photo")).to_have_attribute(
        "aria-expanded", "true"
    )
    await visit.page.wait_for_function(
        "w => document.querySelector('likewise-chat').shadowRoot"
        ".querySelector('button.photo canvas').width > w",
        arg=small,
    )
    await visit.shot("larger")
    await visit.fits()


async def test_a_photo_alone_is_a_message(arrive: Arrive) -> None:
    visit = await opened(arrive, **PHONE)
    await pick(visit, pictures.png())
    await expect(tray(visit)).to_contain_text(READY["en"])
    await visit.page.get_by_role("button", name="Send", exact=True).click()
    await expect(photos(visit)).to_have_count(1)
    await visit.answered()
    own = visit.page.locator("likewise-chat .item.citizen")
    assert await own.locator(".bubble").count() == 0
    await visit.page.reload()
    await expect(photos(visit)).to_have_count(1)
    assert "My position" not in await visit.log.inner_text()


async def test_everything_works_by_keyboard(arrive: Arrive) -> None:
    visit = await opened(arrive)
    visit.expected = ("user activation",)
    await visit.tab_to(ADD["en"], back=True)
    # The driver's keys do not count as a person's, so that no file dialog opens: the click does.
    await files(visit).evaluate("(f) => f.addEventListener('click', () => (f.dataset.asked = 1))")
    await visit.page.keyboard.press("Enter")
    await expect(files(visit)).to_have_attribute("data-asked", "1")
    await pick(visit, pictures.jpeg())
    await expect(tray(visit)).to_contain_text(READY["en"])
    await visit.tab_to("Remove the photo", back=True)
    await visit.page.keyboard.press("Enter")
    await expect(tray(visit)).to_be_hidden()
    await expect(visit.box).to_be_focused()
    await pick(visit, pictures.jpeg())
    await expect(tray(visit)).to_contain_text(READY["en"])
    await visit.box.focus()
    await visit.page.keyboard.press("Enter")
    await expect(photos(visit)).to_have_count(1)
    await visit.tab_to("Your photo. Show the photo larger", back=True)
    await visit.page.keyboard.press("Enter")
    button = visit.page.locator("likewise-chat button.photo")
    await expect(button).to_have_attribute("aria-expanded", "true")
    await visit.page.keyboard.press("Enter")
    await expect(button).to_have_attribute("aria-expanded", "false")


@pytest.mark.parametrize("language", list(ADD))
async def test_what_is_no_photo_is_refused_in_words(arrive: Arrive, language: str) -> None:
    visit = await opened(arrive, language, **PHONE)
    visit.expected = ("422",)
    await pick(visit, pictures.NO_PICTURES["a program"], "holiday.jpg")
    await expect(tray(visit).get_by_role("alert")).to_contain_text(WRONG[language])
    await visit.shot("refused")
    await visit.fits()
    await pick(visit, pictures.jpeg())
    await expect(tray(visit)).to_contain_text(READY[language])
    await visit.shot("ready")


async def test_each_refusal_says_what_to_do(arrive: Arrive) -> None:
    visit = await opened(arrive)
    visit.expected = ("422", "413")
    for content, words in (
        (pictures.bomb(), "too large"),
        (pictures.jpeg()[:4000], "cannot open"),
        (b"", "cannot open"),
        (b"\xff\xd8\xff" + b"0" * 10_500_000, "too large"),
    ):
        await pick(visit, content)
        await expect(tray(visit).get_by_role("alert")).to_contain_text(words)
        assert not await tray(visit).get_by_role("button", name="Try again").is_visible()


async def test_a_message_written_while_the_photo_is_on_its_way_waits_for_it(
    arrive: Arrive,
) -> None:
    visit = await opened(arrive)
    go_on = asyncio.Event()

    async def slow(route: Any) -> None:
        await go_on.wait()
        await route.continue_()

    await visit.page.route("**/chat/photos", slow)
    await pick(visit, pictures.jpeg())
    await visit.type("see this")
    await expect(visit.page.locator("likewise-chat .notice")).to_contain_text("as soon as")
    await visit.shot("waiting")
    assert await visit.said.count() == 0
    go_on.set()
    await visit.hear("see this with 1 photo")


async def test_an_upload_that_breaks_off_can_be_tried_again(arrive: Arrive) -> None:
    visit = await opened(arrive, **PHONE)
    visit.expected = ("ERR_FAILED", "net::", "503")
    broken = True

    async def shaky(route: Any) -> None:
        if broken:
            await route.abort()
        else:
            await route.continue_()

    await visit.page.route("**/chat/photos", shaky)
    await pick(visit, pictures.jpeg())
    await expect(tray(visit).get_by_role("alert")).to_contain_text("could not send your photo")
    await visit.shot("failed")
    broken = False
    await tray(visit).get_by_role("button", name="Try again").click()
    await expect(tray(visit)).to_contain_text(READY["en"])
    await visit.page.get_by_role("button", name="Send", exact=True).click()
    await expect(photos(visit)).to_have_count(1)


async def test_the_bot_may_ask_for_a_photo(arrive: Arrive) -> None:
    visit = await opened(arrive, **PHONE)
    await visit.type("ask")
    await visit.hear("Can you send a photo?")
    await visit.shot("asked")
    async with visit.page.expect_file_chooser() as chooser:
        await visit.choose(ADD["en"])
    picked = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": pictures.jpeg()}
    await (await chooser.value).set_files(picked)  # type: ignore[arg-type]
    await visit.page.get_by_role("button", name="Send", exact=True).click()
    await expect(photos(visit)).to_have_count(1)


async def test_a_photo_that_is_gone_says_so(arrive: Arrive, house: Road) -> None:
    visit = await opened(arrive)
    visit.expected = ("404",)
    await pick(visit, pictures.jpeg())
    await visit.type("lamp")
    await visit.hear("with 1 photo")
    (row,) = [
        r
        for r in rows(house.database, schema.photos)
        if r.conversation_id == await visit.conversation(house)
    ]
    update = schema.photos.delete().where(schema.photos.c.id == row.id)
    house.database.write_now(lambda c: c.execute(update))
    await visit.page.reload()
    await expect(visit.log).to_contain_text("do not keep this photo")
    await visit.shot("gone")


async def test_a_photo_that_was_lost_before_it_was_sent_is_asked_for_again(
    arrive: Arrive, house: Road
) -> None:
    visit = await opened(arrive)
    visit.expected = ("422",)
    await pick(visit, pictures.jpeg())
    await expect(tray(visit)).to_contain_text(READY["en"])
    conversation = await visit.conversation(house)
    house.database.write_now(lambda c: erase(c, conversation))
    await visit.type("lamp")
    await expect(visit.page.locator("likewise-chat .notice")).to_contain_text("add it again")


async def test_a_picture_can_be_pasted(arrive: Arrive) -> None:
    visit = await opened(arrive)
    await visit.box.evaluate(
        """(box) => new Promise((done) => {
          const canvas = document.createElement("canvas");
          canvas.toBlob((blob) => {
            const data = new DataTransfer();
            data.items.add(new File([blob], "pasted.png", { type: "image/png" }));
            box.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
            done();
          });
        })"""
    )
    await expect(tray(visit)).to_contain_text(READY["en"])


async def test_strings_are_complete_in_every_language() -> None:
    text = Path("connectors/web/static/likewise-chat.js").read_text("utf-8")
    strings = text[text.index("const STRINGS") : text.index("/* ---", text.index("const STRINGS"))]
    with contextlib.suppress(ValueError):
        strings = strings[: strings.index("\n};")]
    import re

    blocks = re.split(r"\n  (?:en|nl|de|da): \{\n", strings)[1:]
    keys = [set(re.findall(r"^    (\w+):", block, re.MULTILINE)) for block in blocks]
    assert len(keys) == 4
    assert keys[0] == keys[1] == keys[2] == keys[3]
