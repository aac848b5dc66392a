"""A picture from the desk, by plain forms: cleaned, sent once, and never at the cost of a word."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from aiohttp import FormData
from PIL import Image

from bot.channel import Limits
from bot.console.office import Office
from bot.messages import ConversationId, PersonWish
from bot.store import schema
from bot.store.engine import Database
from bot.store.erasure import erase
from tests.conftest import FakeClock
from tests.console.desk import Browser, Counter, Drawer
from tests.photos import pictures as p
from tests.road.rooms import SMS, WEB, Rooms, Scripted, rows
from tests.road.test_handover import wants

TEXT = 'Look at the "blue" door & <ring>'
ALT = "A map with the blue door"


@pytest.fixture
def database(tmp_path: object) -> Database:
    """One kind of database is enough here; the rows are tried on both in the photos' own tests."""
    from bot.store import migrate

    made = Database(f"sqlite:///{tmp_path}/pictures.db")
    migrate.upgrade(made)
    return made


@pytest.fixture
def rooms(office: Office) -> Rooms:
    made = Rooms(office.journal)
    made.sms, made.web = office.connectors[SMS], office.connectors[WEB]  # type: ignore[assignment]
    made.__post_init__()
    return made


@pytest.fixture
async def ann(counter: Counter, rooms: Rooms) -> Browser:
    """An agent who has taken over a conversation by SMS."""
    await claimable(rooms, "+31600000001")
    browser = await counter.signed_in("ann", "agent")
    await browser.get("/handover")
    await browser.post("/handover/1/claim", {})
    return await browser.get("/handover/1")


async def claimable(rooms: Rooms, address: str) -> str:
    rooms.ask(Scripted(wants(PersonWish("wait"), "person")))
    accepted = await rooms.hear("a person, please", address=address)
    await rooms.answer()
    return str(accepted.conversation)


def version(browser: Browser) -> str:
    found = re.search(r'name="version" value="(\d+)" form="composer"', browser.text)
    return found[1] if found else ""


async def say(
    browser: Browser,
    picture: bytes | None = None,
    name: str = "door.jpg",
    kind: str = "image/jpeg",
    request: int = 1,
    **values: str,
) -> Browser:
    """Send the composer's form as a browser does, with a file."""
    form = FormData(default_to_multipart=True)
    for field, value in {"token": browser.token, "version": version(browser), **values}.items():
        form.add_field(field, value)
    if picture is not None:
        form.add_field("picture", picture, filename=name, content_type=kind)
    return await browser.post_form(f"/handover/{request}/say", form)


def replies(database: Database) -> list[dict[str, Any]]:
    """What the agent said, as it left."""
    return [row.reply for row in rows(database, schema.outbox) if row.sender == "agent"]


def typed_is_kept(browser: Browser) -> bool:
    return ">Look at the &#34;blue&#34; door &amp; &lt;ring&gt;</textarea>" in browser.text


async def test_a_picture_goes_out_cleaned_and_stands_in_the_transcript(
    ann: Browser, counter: Counter, database: Database, office: Office
) -> None:
    await say(ann, p.jpeg(900, 600, position=p.GRONINGEN), text=TEXT, alt=f" {ALT}\n")
    assert (ann.status, ann.location) == (303, "/handover/1"), ann.text
    (said,) = replies(database)
    (photo,) = rows(database, schema.photos)
    assert said["text"] == TEXT
    assert said["image"]["alt"] == ALT
    assert said["image"]["photo"] == photo.id
    assert re.fullmatch(r"/pictures/sent/[A-Za-z0-9_-]{43}\.jpg", said["image"]["url"])
    assert (photo.sent_by, photo.state, photo.ticket_id) == ("ann", "stored", None)
    assert (photo.lat, photo.lon) == (None, None)
    shared = await office.more["shared"].at(said["image"]["url"])
    assert p.SECRET.encode() not in shared
    assert b"Exif" not in shared
    assert Image.open(io.BytesIO(shared)).size == (900, 600)
    await ann.follow()
    assert f'<img src="/console/handover/1/photos/{photo.id}" alt="{ALT}.' in ann.text
    assert "data-state" in ann.text
    await ann.get(f"/log/{photo.conversation_id}")
    assert "There is a photo here." in ann.text
    audit = [row for row in rows(database, schema.audit) if row.action == "handover_said"]
    assert audit[0].detail == {"picture": photo.id[:8]}
    assert ALT not in repr(audit)


async def test_the_words_of_a_picture_are_behind_the_veil_like_all_words(
    ann: Browser, counter: Counter, database: Database
) -> None:
    await say(ann, p.jpeg(), text="Look", alt="The letter to ann@example.org")
    assert ann.status == 303
    await ann.follow()
    assert 'alt="The letter to ann@example.org.' in ann.text
    (photo,) = rows(database, schema.photos)
    ben = await counter.signed_in("ben", "agent")
    for page in (f"/log/{photo.conversation_id}", "/handover/1"):
        await ben.get(page)
        assert "There is a photo here." in ben.text
        assert "(The letter to [" in ben.text
        assert "ann@example.org" not in ben.text


async def test_a_picture_may_go_without_words_of_the_answer_but_not_without_its_own(
    ann: Browser, database: Database
) -> None:
    await say(ann, p.png(), text="", alt="  ")
    assert ann.status == 422
    assert "Write what the picture shows." in ann.text
    waiting = re.search(r'name="photo" value="([0-9a-f]{32})"', ann.text)
    assert waiting is not None
    assert "ready to be sent" in ann.text
    await say(ann, text="", alt=ALT, photo=waiting[1])  # the same picture, not chosen again
    assert ann.status == 303, ann.text
    (said,) = replies(database)
    assert (said["text"], said["image"]["photo"]) == ("", waiting[1])


BAD = {
    "no picture": (b"just words", "is not a JPEG, PNG, WebP or HEIC"),
    "a page": (b"<html><script>alert(1)</script></html>", "is not a JPEG"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "is not a JPEG"),
    "gif": (b"GIF89a" + bytes(50), "is not a JPEG"),
    "empty": (b"", "This file is empty"),
    "cut off": (p.jpeg()[:900], "cannot be read"),
    "renamed program": (b"\x7fELF" + bytes(200), "is not a JPEG"),
    "claims to be png": (b"\x89PNG\r\n\x1a\n" + b"x" * 500, "cannot be read"),
    "too many pixels": (p.png(2000, 1500), "too many pixels"),
    "bomb": (p.bomb(), "too many pixels"),
    "too large": (p.jpeg() + bytes(250_000), "is too large"),
    "far too large": (p.jpeg() + bytes(3_000_000), "is too large"),
}


@pytest.mark.parametrize("what", list(BAD))
async def test_a_bad_file_is_named_and_costs_no_typed_word(
    ann: Browser, database: Database, what: str
) -> None:
    content, fault = BAD[what]
    await say(ann, content, text=TEXT, alt=ALT)
    assert ann.status == 422, ann.text
    assert fault in ann.text
    assert typed_is_kept(ann)
    assert f'value="{ALT}"' in ann.text
    assert replies(database) == []
    assert [row for row in rows(database, schema.photos) if row.state == "stored"] == []


async def test_what_hides_behind_a_picture_is_left_behind(
    ann: Browser, database: Database, office: Office
) -> None:
    await say(ann, p.jpeg() + p.SCRIPT, name="../../x.php", kind="text/html", text="", alt=ALT)
    assert ann.status == 303
    (said,) = replies(database)
    shared = await office.more["shared"].at(said["image"]["url"])
    assert p.SCRIPT not in shared
    assert shared.startswith(b"\xff\xd8\xff")


async def test_a_stale_form_sends_nothing_and_keeps_words_and_picture(
    ann: Browser, database: Database
) -> None:
    stale = version(ann)
    await say(ann, text="first")
    await ann.follow()
    token = ann.token
    await say(ann, p.jpeg(), text=TEXT, alt=ALT, version=stale)
    assert ann.status == 409
    assert typed_is_kept(ann)
    waiting = re.search(r'name="photo" value="([0-9a-f]{32})"', ann.text)
    assert waiting is not None
    assert token == ann.token
    assert [said["text"] for said in replies(database)] == ["first"]
    await say(ann, text=TEXT, alt=ALT, photo=waiting[1])
    assert ann.status == 303
    assert replies(database)[1]["image"]["photo"] == waiting[1]


async def test_a_waiting_picture_can_be_left_out(ann: Browser, database: Database) -> None:
    await say(ann, p.jpeg(), text=TEXT, alt="")
    waiting = re.search(r'name="photo" value="([0-9a-f]{32})"', ann.text)
    assert waiting is not None
    await say(ann, text=TEXT, alt="", photo=waiting[1], drop="yes")
    assert ann.status == 303
    assert replies(database)[0]["image"] is None


async def test_only_ones_own_picture_of_this_conversation_can_be_sent(
    ann: Browser, counter: Counter, rooms: Rooms, office: Office, database: Database
) -> None:
    other = await claimable(rooms, "+31600000002")
    room = office.more["photos"]
    conversation = rows(database, schema.handovers)[0].conversation_id
    of_citizen = await room.take(ConversationId(conversation), p.jpeg(), SMS)
    elsewhere = await room.take(ConversationId(other), p.jpeg(), SMS, "ann")
    of_colleague = await room.take(ConversationId(conversation), p.jpeg(), SMS, "ben")
    for photo in (of_citizen, elsewhere, of_colleague, "0" * 32, "x" * 32, "' OR 1=1", "\x00"):
        await ann.get("/handover/1")
        await say(ann, text=TEXT, alt=ALT, photo=photo)
        assert ann.status == 303
    assert [said["image"] for said in replies(database)] == [None] * 7
    assert await room.register.share(of_citizen, conversation, office.clock()) is None


async def test_a_form_that_is_none_is_refused_and_the_next_one_works(
    ann: Browser, counter: Counter, database: Database
) -> None:
    address = f"{ann.base}/console/handover/1/say"
    hostile = {
        "no boundary": ("multipart/form-data", b"x"),
        "another boundary": ("multipart/form-data; boundary=a", b"--b\r\n\r\nx\r\n--b--\r\n"),
        "cut off": (
            "multipart/form-data; boundary=a",
            b'--a\r\nContent-Disposition: form-data; name="text"\r\n\r\nhello',
        ),
        "parts in parts": (
            "multipart/form-data; boundary=a",
            b"--a\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--a--",
        ),
        "no names": ("multipart/form-data; boundary=a", b"--a\r\n\r\nx\r\n--a--\r\n"),
        "nothing": ("multipart/form-data; boundary=a", b""),
    }
    for what, (kind, body) in hostile.items():
        async with ann.http.post(address, data=body, headers={"Content-Type": kind}) as answer:
            assert answer.status in (400, 403), what
    many = FormData(default_to_multipart=True)
    for number in range(100):
        many.add_field(f"field{number}", "x")
    await ann.get("/handover/1")
    token = ann.token
    await ann.post_form("/handover/1/say", many)
    assert ann.status == 400
    await ann.get("/handover/1")
    long = FormData(default_to_multipart=True)
    for field, value in {"token": token, "text": "x" * 400_000}.items():
        long.add_field(field, value)
    await ann.post_form("/handover/1/say", long)
    assert ann.status == 413
    assert replies(database) == []
    await ann.get("/handover/1")
    await say(ann, text="fine")
    assert ann.status == 303


async def test_without_a_public_address_no_picture_goes_by_text_message(
    ann: Browser, office: Office, database: Database
) -> None:
    office.connectors[SMS].limits = Limits(pictures=False)
    await say(ann, p.jpeg(), text=TEXT, alt=ALT)
    assert ann.status == 422
    assert "no public address" in ann.text
    assert typed_is_kept(ann)
    assert replies(database) == []


async def test_a_store_that_is_down_costs_no_typed_word(ann: Browser, office: Office) -> None:
    store = office.more["photos"].store
    assert isinstance(store, Drawer)
    store.down = True
    await say(ann, p.jpeg(), text=TEXT, alt=ALT)
    assert ann.status == 422
    assert "cannot be stored now" in ann.text
    assert typed_is_kept(ann)


async def test_a_left_question_is_answered_with_a_picture(
    counter: Counter, rooms: Rooms, database: Database
) -> None:
    rooms.ask(Scripted(wants(PersonWish("question"), "")))
    await rooms.hear("a person, please")
    await rooms.answer()
    await rooms.hear("Where is the desk?")
    await rooms.answer()
    ann = await counter.signed_in("ann", "agent")
    await ann.get("/handover/1")
    await say(ann, p.png(), text="Here:", alt=ALT)
    assert ann.location == "/handover"
    assert replies(database)[0]["image"]["alt"] == ALT


async def test_the_address_ends_with_its_time_and_with_forgetting(
    ann: Browser, database: Database, office: Office, clock: FakeClock
) -> None:
    await say(ann, p.jpeg(), text=TEXT, alt=ALT)
    url = replies(database)[0]["image"]["url"]
    shared = office.more["shared"]
    assert await shared.at(url)
    for other in (url + "x", url[:-5] + "A.jpg", "/pictures/sent/../x.jpg", "", url.upper()):
        assert await shared.at(other) is None, other
    clock.advance(days=31)
    assert await shared.at(url) is None
    clock.advance(days=-31)
    assert await shared.at(url)
    conversation = rows(database, schema.handovers)[0].conversation_id
    database.write_now(lambda c: erase(c, conversation))
    assert await shared.at(url) is None
    assert await office.more["photos"].delete_erased() == 1
    assert office.more["photos"].store.files == {}


async def test_an_unsent_picture_is_gone_after_a_day_and_no_report_gets_it(
    ann: Browser, database: Database, office: Office, clock: FakeClock
) -> None:
    await say(ann, p.jpeg(), text=TEXT, alt="")
    room = office.more["photos"]
    (photo,) = rows(database, schema.photos)
    assert room.register.loose(photo.conversation_id, clock()) == []
    assert not await room.owned(ConversationId(photo.conversation_id), photo.id)
    await room.queue.sweep(room.orphans)
    assert rows(database, schema.photos)[0].state == "stored"
    clock.advance(days=1, seconds=1)
    await room.queue.sweep(room.orphans)
    assert rows(database, schema.photos)[0].state == "erased"
