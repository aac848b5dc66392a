"""Citizens' photos in the console: who sees which, where, and what stands there otherwise."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from bot.console.office import Office
from bot.messages import Attachment, ChannelName, ConversationId
from bot.photos.room import PhotoRoom
from bot.store import schema
from bot.store.engine import Database
from tests.conftest import FakeClock
from tests.console.desk import Browser, Counter, Drawer
from tests.photos import pictures as p
from tests.photos.test_register import ticket_of
from tests.road.rooms import SMS, WEB, Rooms, Scripted
from tests.road.test_handover import wants

REASON = "checking a complaint"


@pytest.fixture
def database(tmp_path: object) -> Database:
    """One kind of database is enough here."""
    from bot.store import migrate

    made = Database(f"sqlite:///{tmp_path}/photos.db")
    migrate.upgrade(made)
    return made


class Sent:
    """A conversation with a photo, a request for a person and a report; and one of another."""

    conversation: str
    photo: str
    reference: str
    request: str
    other_photo: str
    other_reference: str


def room_of(office: Office) -> PhotoRoom:
    room: PhotoRoom = office.more["photos"]
    return room


async def hears(rooms: Rooms, office: Office, address: str) -> tuple[str, str]:
    """A citizen sends a photo; its conversation and its id."""
    first = await rooms.hear("hello", address=address)
    await rooms.answer()
    conversation = ConversationId(first.conversation)
    photo = await room_of(office).take(conversation, p.jpeg(900, 600), ChannelName("sms"))
    picture = Attachment("photo", "", "image/jpeg", photo=photo)
    await rooms.hear("look at this", address=address, attachments=(picture,))
    await rooms.answer()
    return str(conversation), photo


@pytest.fixture
async def sent(office: Office, database: Database, clock: FakeClock) -> Sent:
    rooms = Rooms(office.journal)
    rooms.sms, rooms.web = office.connectors[SMS], office.connectors[WEB]  # type: ignore[assignment]
    rooms.__post_init__()
    made = Sent()
    made.conversation, made.photo = await hears(rooms, office, "+31600000001")
    made.reference = ticket_of(database, clock, made.conversation)
    office.more["photos"].register.attach([made.photo], made.reference)
    other, made.other_photo = await hears(rooms, office, "+31600000002")
    made.other_reference = ticket_of(database, clock, other, "k2")
    office.more["photos"].register.attach([made.other_photo], made.other_reference)
    from bot.messages import PersonWish

    rooms.ask(Scripted(wants(PersonWish("wait"), "person")))
    await rooms.hear("a person please", address="+31600000001")
    await rooms.answer()
    made.request = "1"
    return made


def pages(sent: Sent) -> dict[str, str]:
    return {
        "ticket": f"/tickets/{sent.reference}",
        "talk": f"/handover/{sent.request}",
        "log": f"/log/{sent.conversation}",
    }


async def claim(browser: Browser, sent: Sent) -> None:
    await browser.get("/handover")
    await browser.post(f"/handover/{sent.request}/claim", {})
    assert browser.status == 303


async def lift(browser: Browser, sent: Sent) -> None:
    await browser.get(f"/log/{sent.conversation}")
    await browser.post(f"/log/{sent.conversation}/unmask", {"reason": REASON})
    assert browser.status == 303


async def test_an_agent_sees_the_photo_with_the_report_and_in_person(
    counter: Counter, sent: Sent
) -> None:
    ann = await counter.signed_in("ann", "agent")
    await claim(ann, sent)
    for page in ("ticket", "talk"):
        path = pages(sent)[page]
        await ann.get(path)
        assert f'<img src="/console{path}/photos/{sent.photo}"' in ann.text, page
        alt = re.search(r'<img src="[^"]+" alt="(Photo [^"]+)"', ann.text)
        assert alt is not None
        assert 'width="480" height="320"' in ann.text
        async with ann.http.get(f"{ann.base}/console{path}/photos/{sent.photo}") as answer:
            content = await answer.read()
            headers = answer.headers
        assert content.startswith(b"\xff\xd8\xff")
        assert headers["Content-Type"] == "image/jpeg"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Disposition"].startswith("inline;")
        assert headers["Cache-Control"] == "private, no-store"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        async with ann.http.get(f"{ann.base}/console{path}/photos/{sent.photo}?size=full") as whole:
            assert len(await whole.read()) > len(content)


async def test_in_person_only_who_holds_the_conversation_sees_its_photos(
    counter: Counter, sent: Sent
) -> None:
    ann, ben = await counter.signed_in("ann", "agent"), await counter.signed_in("ben", "agent")
    editor = await counter.signed_in("edith", "editor")
    await claim(ann, sent)
    path = pages(sent)["talk"]
    for browser in (ben, editor):
        await browser.get(path)
        assert "There is a photo here." in browser.text
        assert sent.photo not in browser.text
        await browser.get(f"{path}/photos/{sent.photo}")
        assert browser.status == 403
    await lift(editor, sent)
    await editor.get(path)
    assert sent.photo in editor.text
    async with editor.http.get(f"{editor.base}/console{path}/photos/{sent.photo}") as answer:
        assert answer.status == 200


async def test_opening_the_whole_photo_is_written_down_and_the_small_one_is_not(
    counter: Counter, sent: Sent, office: Office
) -> None:
    ann = await counter.signed_in("ann", "agent")
    path = f"/tickets/{sent.reference}/photos/{sent.photo}"
    for query in ("", "?size=small", "?size=full", "?size="):
        async with ann.http.get(f"{ann.base}/console{path}{query}") as answer:
            assert answer.status == 200
    audit = schema.audit
    query = sa.select(audit).where(audit.c.action == "photo_opened")
    (row,) = office.database.read_now(lambda c: c.execute(query).all())
    assert (row.staff_name, row.subject) == ("ann", sent.reference)
    assert row.conversation_id == sent.conversation
    assert row.detail == {"photo": sent.photo[:8]}


async def test_in_the_log_a_photo_stays_behind_the_veil_until_it_is_lifted(
    counter: Counter, sent: Sent
) -> None:
    path = pages(sent)["log"]
    for role in ("reader", "agent", "editor"):
        browser = await counter.signed_in(role, role)
        await browser.get(path)
        assert "It is hidden, because it may show people" in browser.text
        assert sent.photo not in browser.text
        await browser.get(f"{path}/photos/{sent.photo}")
        assert browser.status == 403, role
    editor = counter.browsers[-1]
    await lift(editor, sent)
    await editor.get(path)
    assert f'<img src="/console{path}/photos/{sent.photo}"' in editor.text
    async with editor.http.get(f"{editor.base}/console{path}/photos/{sent.photo}") as answer:
        assert answer.status == 200
    await editor.get(path)
    await editor.post(f"{path}/mask", {})
    await editor.get(f"{path}/photos/{sent.photo}")
    assert editor.status == 403
    other = await counter.signed_in("other", "editor")  # lifted in one session, not in another
    await other.get(f"{path}/photos/{sent.photo}")
    assert other.status == 403


async def test_a_reader_reads_that_there_is_a_photo_and_gets_none(
    counter: Counter, sent: Sent
) -> None:
    reader = await counter.signed_in("rita", "reader")
    await reader.get(pages(sent)["ticket"])
    assert "There is a photo here." in reader.text
    assert sent.photo not in reader.text
    for path in pages(sent).values():
        await reader.get(f"{path}/photos/{sent.photo}")
        assert reader.status == 403, path


async def test_nobody_gets_a_photo_without_signing_in(counter: Counter, sent: Sent) -> None:
    browser = await counter.browser()
    for path in pages(sent).values():
        await browser.get(f"{path}/photos/{sent.photo}")
        assert browser.status == 303
        assert browser.location.startswith("/sign-in")


async def test_a_photo_of_another_report_or_conversation_is_not_found(
    counter: Counter, sent: Sent
) -> None:
    browser = await counter.signed_in("root", "administrator")
    await lift(browser, sent)
    hostile = [sent.other_photo, "0" * 32, sent.photo.upper(), sent.photo[:-1], "..%2f" + "0" * 27]
    for path in pages(sent).values():
        for photo in hostile:
            await browser.get(f"{path}/photos/{photo}")
            assert browser.status == 404, (path, photo)
    await browser.get(f"/tickets/{sent.other_reference}/photos/{sent.photo}")
    assert browser.status == 404
    await browser.get(f"/handover/99/photos/{sent.photo}")
    assert browser.status == 404


async def test_what_is_not_there_is_said_in_words(
    counter: Counter, sent: Sent, office: Office, database: Database
) -> None:
    ann = await counter.signed_in("ann", "agent")
    await claim(ann, sent)
    photos = schema.photos
    said = {
        "waiting": "The photo is still on its way.",
        "refused": "a file that is no picture we can open",
        "gone": "The photo could not be fetched",
        "erased": "This photo has been deleted.",
    }
    for state, words in said.items():
        change = photos.update().where(photos.c.id == sent.photo).values(state=state)
        database.write_now(lambda c, change=change: c.execute(change))
        await ann.get(pages(sent)["talk"])
        assert words in ann.text, state
        assert "<img" not in ann.text
        await ann.get(f"/handover/1/photos/{sent.photo}")
        assert ann.status == 404, state
    await ann.get(pages(sent)["log"])
    assert "This photo has been deleted." in ann.text


async def test_a_store_that_gives_no_answer_is_no_missing_photo(
    counter: Counter, sent: Sent, office: Office
) -> None:
    ann = await counter.signed_in("ann", "agent")
    store = room_of(office).store
    assert isinstance(store, Drawer)
    store.down = True
    await ann.get(f"/tickets/{sent.reference}/photos/{sent.photo}")
    assert ann.status == 503
    store.down = False
    async with ann.http.get(
        f"{ann.base}/console/tickets/{sent.reference}/photos/{sent.photo}"
    ) as answer:
        assert answer.status == 200
