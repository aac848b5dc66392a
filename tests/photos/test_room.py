"""The photo room: uploads, fetching from providers, forgetting, and every point to fail at."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from PIL import Image

from bot.bell import Bell
from bot.channel import FileUnavailable, PhotoRefused, PhotoUnavailable
from bot.messages import Answer, Attachment, ChannelName, ConversationId, Reply
from bot.photos.decoder import Decoder
from bot.photos.room import MAX_ATTEMPTS, WAITING_UPLOADS, PhotoRoom
from bot.photos.store import FolderStore, StoreUnavailable, photo_name
from bot.store import schema
from bot.store.engine import Database
from bot.store.journal import Journal
from bot.store.photo_queue import PhotoQueue
from bot.store.photos import PhotoRegister
from tests.conftest import FakeClock
from tests.photos import pictures as p
from tests.photos.test_register import ticket_of
from tests.road.rooms import Rooms, Scripted, rows

SMS, WEB = ChannelName("sms"), ChannelName("web")
LAMP = Attachment("photo", "file-1", "image/jpeg")
LIMIT = 200_000


class Provider:
    """A connector's way to fetch: what is on its list, in order, the last one for ever."""

    def __init__(self, *outcomes: bytes | Exception) -> None:
        self.outcomes = list(outcomes)
        self.asked: list[tuple[str, int]] = []
        self.before: Any = None

    async def fetch_file(self, reference: str, limit: int) -> bytes:
        self.asked.append((reference, limit))
        if self.before is not None:
            await self.before()
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class Shaky(FolderStore):
    """A folder that sometimes gives no answer."""

    down = False

    async def put(self, name: str, content: bytes) -> None:
        if self.down:
            raise StoreUnavailable("down")
        await super().put(name, content)

    async def delete(self, name: str) -> None:
        if self.down:
            raise StoreUnavailable("down")
        await super().delete(name)


class House:
    """A photo room on its own database, with the road's rooms beside it."""

    def __init__(self, database: Database, journal: Journal, clock: FakeClock, path: Path) -> None:
        self.database, self.clock = database, clock
        self.rooms = Rooms(journal)
        self.store = Shaky(path / "photos")
        self.register = PhotoRegister(database, clock)
        self.queue = PhotoQueue(database, clock)
        self.provider = Provider(p.jpeg(position=p.GRONINGEN))
        self.told: list[tuple[str, str, str]] = []
        self.room = PhotoRoom(
            self.queue,
            self.register,
            self.store,
            Decoder(40_000_000),
            {SMS: self.provider},
            self.tell,
            Bell(),
            max_bytes=LIMIT,
            orphans=timedelta(days=7),
        )

    async def tell(self, conversation: ConversationId, phrase: str, key: str) -> None:
        self.told.append((conversation, phrase, key))

    def provide(self, *outcomes: bytes | Exception) -> Provider:
        self.provider = Provider(*outcomes)
        self.room.fetchers = {SMS: self.provider}
        return self.provider

    def photo(self) -> Any:
        (row,) = rows(self.database, schema.photos)
        return row

    @property
    def files(self) -> list[str]:
        return sorted(f.name for f in self.store.folder.rglob("*") if f.is_file())

    async def forget(self) -> None:
        self.rooms.ask(Scripted(*[Answer((Reply("Done."),), language="en", forget=True)] * 5))
        await self.rooms.hear("forget me")
        await self.rooms.answer()


@pytest.fixture
def house(database: Database, journal: Journal, clock: FakeClock, tmp_path: Path) -> House:
    return House(database, journal, clock, tmp_path)


# Fetching ----------------------------------------------------------------------------------------


async def test_a_picture_is_fetched_after_its_message_was_kept(house: House) -> None:
    accepted = await house.rooms.hear("lamp", attachments=(LAMP,))
    assert await house.room.fetch_next()
    assert not await house.room.fetch_next()
    row = house.photo()
    assert (row.state, row.width, row.height, row.code) == ("stored", 640, 480, "")
    assert (row.lat, row.lon) == pytest.approx(p.GRONINGEN, abs=1e-5)
    assert house.provider.asked == [("file-1", LIMIT)]
    assert house.files == [photo_name(row.id, small=True), photo_name(row.id)]
    kept = await house.room.picture(row.id)
    assert kept is not None
    assert len(kept) == row.bytes
    small = await house.room.picture(row.id, small=True)
    assert small is not None
    assert Image.open(io.BytesIO(small)).size == (480, 360)
    assert await house.room.owned(accepted.conversation, row.id)
    assert not await house.room.owned(ConversationId("someone-else"), row.id)


async def test_an_outage_is_tried_again_later_and_nothing_is_lost(house: House) -> None:
    house.provide(FileUnavailable("TimedOut", again=True), p.jpeg())
    await house.rooms.hear("lamp", attachments=(LAMP,))
    assert await house.room.fetch_next()
    row = house.photo()
    assert (row.state, row.reference, row.code, row.attempts) == (
        "waiting",
        "file-1",
        "TimedOut",
        1,
    )
    assert not await house.room.fetch_next(), "not before its time"
    house.clock.advance(seconds=6)
    assert await house.room.fetch_next()
    assert house.photo().state == "stored"
    assert house.told == []


async def test_a_fault_of_our_own_is_tried_again_too(house: House) -> None:
    house.provide(RuntimeError("bug"), p.jpeg())
    await house.rooms.hear("lamp", attachments=(LAMP,))
    await house.room.fetch_next()
    assert house.photo().code == "RuntimeError"
    house.clock.advance(minutes=1)
    await house.room.fetch_next()
    assert house.photo().state == "stored"


async def test_waits_grow_and_end_after_a_day_with_a_word_to_the_citizen(house: House) -> None:
    house.provide(FileUnavailable("TimedOut", again=True))
    accepted = await house.rooms.hear("lamp", attachments=(LAMP,))
    began = house.clock.now
    while house.photo().state == "waiting":
        await house.room.fetch_next()
        house.clock.advance(minutes=10)
    assert len(house.provider.asked) == MAX_ATTEMPTS
    assert timedelta(hours=12) < house.clock.now - began < timedelta(days=2)
    row = house.photo()
    assert (row.state, row.reference) == ("gone", "file-1")
    assert house.told == [(accepted.conversation, "utter_photo_gone", f"photo-{row.id}")]


@pytest.mark.parametrize(
    ("outcome", "state", "code", "phrase"),
    [
        (FileUnavailable("gone"), "gone", "gone", "utter_photo_gone"),
        (FileUnavailable("too_large"), "gone", "too_large", "utter_photo_too_large"),
        (b"", "refused", "photo_empty", "utter_photo_broken"),
        (b"MZ program", "refused", "photo_type", "utter_photo_type"),
        (p.jpeg()[:5000], "refused", "photo_broken", "utter_photo_broken"),
        (p.bomb(), "refused", "photo_pixels", "utter_photo_too_large"),
    ],
)
async def test_what_cannot_be_kept_is_said_once_and_its_reference_stays(
    house: House, outcome: Any, state: str, code: str, phrase: str
) -> None:
    house.provide(outcome)
    await house.rooms.hear("lamp", attachments=(LAMP,))
    await house.room.fetch_next()
    row = house.photo()
    assert (row.state, row.code, row.reference) == (state, code, "file-1")
    assert [phrase for _, phrase, _ in house.told] == [phrase]
    assert not await house.room.fetch_next()
    assert await house.room.picture(row.id) is None
    assert house.files == []


async def test_a_worker_that_dies_gives_the_picture_back(house: House) -> None:
    await house.rooms.hear("lamp", attachments=(LAMP,))
    assert await house.queue.claim() is not None  # and then nothing more was heard of it
    assert await house.queue.claim() is None
    house.clock.advance(minutes=6)
    assert await house.room.fetch_next()
    assert house.photo().state == "stored"


async def test_a_channel_that_is_switched_off_keeps_its_pictures_waiting(house: House) -> None:
    house.room.fetchers = {}
    await house.rooms.hear("lamp", attachments=(LAMP,))
    await house.room.fetch_next()
    assert (house.photo().state, house.photo().code) == ("waiting", "channel_off")


async def test_a_store_that_is_down_loses_no_picture(house: House) -> None:
    house.store.down = True
    await house.rooms.hear("lamp", attachments=(LAMP,))
    await house.room.fetch_next()
    assert house.photo().state == "waiting"
    house.store.down = False
    house.clock.advance(minutes=1)
    await house.room.fetch_next()
    assert house.photo().state == "stored"


# Uploads -----------------------------------------------------------------------------------------


async def conversation_of(house: House) -> ConversationId:
    return (await house.rooms.hear("hello", channel=WEB)).conversation


async def test_an_upload_is_stored_before_it_is_answered(house: House) -> None:
    conversation = await conversation_of(house)
    photo = await house.room.take(conversation, p.heic(), WEB)
    row = house.photo()
    assert (row.id, row.state, row.channel) == (photo, "stored", "web")
    assert await house.room.picture(photo) is not None


async def test_a_refused_upload_leaves_nothing(house: House) -> None:
    conversation = await conversation_of(house)
    for content, code in ((b"", "photo_empty"), (p.bomb(), "photo_pixels"), (b"x", "photo_type")):
        with pytest.raises(PhotoRefused, match=code):
            await house.room.take(conversation, content, WEB)
    with pytest.raises(PhotoRefused, match="too_large"):
        await house.room.take(conversation, b"\xff\xd8\xff" + b"0" * LIMIT, WEB)
    assert rows(house.database, schema.photos) == []
    assert house.files == []


async def test_an_upload_that_cannot_be_stored_is_asked_for_again(house: House) -> None:
    conversation = await conversation_of(house)
    house.store.down = True
    with pytest.raises(PhotoUnavailable):
        await house.room.take(conversation, p.jpeg(), WEB)
    house.store.down = False
    assert await house.queue.sweep(timedelta(days=7)) == 0
    house.clock.advance(hours=2)
    assert await house.queue.sweep(timedelta(days=7)) == 1, "the row of the upload that broke off"


async def test_more_uploads_than_can_wait_are_told_to_come_back(house: House) -> None:
    conversation = await conversation_of(house)
    house.room._uploads = WAITING_UPLOADS
    with pytest.raises(PhotoUnavailable):
        await house.room.take(conversation, p.jpeg(), WEB)


# Leaving -----------------------------------------------------------------------------------------


async def test_forgetting_deletes_files_and_rows(house: House) -> None:
    accepted = await house.rooms.hear("lamp", attachments=(LAMP,))
    await house.room.fetch_next()
    reference = ticket_of(house.database, house.clock, accepted.conversation)
    assert house.register.attach([house.photo().id], reference) == 1
    await house.forget()
    assert await house.room.picture(house.photo().id) is None, "at once, whatever lies there"
    house.store.down = True
    assert await house.room.delete_erased() == 0
    assert len(house.files) == 2, "the store gives no answer; the row remembers what is to be done"
    house.store.down = False
    assert await house.room.delete_erased() == 1
    assert house.files == []
    assert rows(house.database, schema.photos) == []


async def test_a_picture_forgotten_while_it_is_fetched_is_not_kept(house: House) -> None:
    await house.rooms.hear("lamp", attachments=(LAMP,))
    house.provider.before = house.forget
    await house.room.fetch_next()
    assert house.files == []
    assert house.photo().state == "erased"
    await house.room.delete_erased()
    assert rows(house.database, schema.photos) == []


async def test_photos_without_a_ticket_go_after_some_days_and_those_with_one_stay(
    house: House,
) -> None:
    accepted = await house.rooms.hear("two", attachments=(LAMP, Attachment("photo", "file-2")))
    await house.room.fetch_next()
    await house.room.fetch_next()
    first, _second = rows(house.database, schema.photos)
    reference = ticket_of(house.database, house.clock, accepted.conversation)
    house.register.attach([first.id], reference)
    house.clock.advance(days=6, hours=23)
    assert await house.queue.sweep(timedelta(days=7)) == 0
    house.clock.advance(hours=2)
    assert await house.queue.sweep(timedelta(days=7)) == 1
    assert await house.room.delete_erased() == 1
    assert house.photo().id == first.id
    assert len(house.files) == 2
    assert [photo.id for photo in house.register.of_ticket(reference)] == [first.id]


async def test_a_position_without_a_yes_is_forgotten_after_a_day(house: House) -> None:
    await house.rooms.hear("two", attachments=(LAMP, Attachment("photo", "file-2")))
    await house.room.fetch_next()
    await house.room.fetch_next()
    first, second = rows(house.database, schema.photos)
    house.register.agree(first.id, True)
    house.clock.advance(hours=23)
    await house.queue.sweep(timedelta(days=7))
    assert house.register.position_of(second.id) is not None
    house.clock.advance(hours=2)
    await house.queue.sweep(timedelta(days=7))
    assert house.register.position_of(second.id) is None
    assert house.register.position_of(first.id) == pytest.approx(p.GRONINGEN, abs=1e-5)


async def test_no_row_says_more_than_it_must_after_forgetting(house: House) -> None:
    await house.rooms.hear("lamp", attachments=(LAMP,))
    await house.room.fetch_next()
    await house.forget()
    whole = house.database.read_now(
        lambda c: str([tuple(r) for r in c.execute(sa.select(schema.photos))])
    )
    assert "file-1" not in whole
    assert "53.2" not in whole
