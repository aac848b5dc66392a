"""Photos in the database: announced with their message, attached to the citizen's own tickets."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.brain.embedded import metadata_of
from bot.civic.tickets import NewTicket
from bot.messages import (
    Answer,
    Attachment,
    ChannelName,
    ConversationId,
    Place,
    Reply,
    Turn,
)
from bot.photos.decoding import Decoded
from bot.store import schema
from bot.store.engine import Database
from bot.store.journal import Journal
from bot.store.photo_queue import PhotoQueue
from bot.store.photos import PhotoRegister
from bot.store.registers import TicketRegister
from tests.conftest import FakeClock
from tests.road.rooms import Echo, Rooms, Scripted, rows

LAMP = Attachment("photo", "provider-file-1", "image/jpeg", 4000)


@pytest.fixture
def photos(database: Database, clock: FakeClock) -> PhotoRegister:
    return PhotoRegister(database, clock)


@pytest.fixture
def rooms(journal: Journal) -> Rooms:
    return Rooms(journal)


def ticket_of(database: Database, clock: FakeClock, conversation: str, key: str = "k1") -> str:
    opened = TicketRegister(database, clock).open(
        NewTicket(
            request_key=key,
            conversation=conversation,
            service="street-light",
            desk="lighting",
            language="en",
            place="Oosterstraat 12",
            place_known=True,
        )
    )
    return opened.reference


async def test_a_picture_beside_words_reaches_the_turn_by_its_own_id(
    rooms: Rooms, database: Database
) -> None:
    brain = Echo()
    rooms.ask(brain)
    await rooms.hear("This lamp is broken", attachments=(LAMP,))
    await rooms.answer()
    (kept,) = rows(database, schema.photos)
    assert (kept.state, kept.reference, kept.channel) == ("waiting", "provider-file-1", "sms")
    assert brain.turns[0].photos == (kept.id,)
    assert len(kept.id) == 32
    assert metadata_of(brain.turns[0], "en")["photos"] == [kept.id]
    (message,) = rows(database, schema.inbox)
    assert message.body["attachments"] == [
        {
            "kind": "photo",
            "reference": "provider-file-1",
            "media_type": "image/jpeg",
            "size": 4000,
            "photo": kept.id,
        }
    ]


def test_a_turn_without_photos_says_nothing_of_them() -> None:
    assert "photos" not in metadata_of(Turn("c", "inbox-1", "hello"), "en")


async def test_a_redelivered_picture_is_announced_once(rooms: Rooms, database: Database) -> None:
    first = await rooms.hear("lamp", external="m1", attachments=(LAMP,))
    again = await rooms.hear("lamp", external="m1", attachments=(LAMP,))
    assert (first.duplicate, again.duplicate) == (False, True)
    assert len(rows(database, schema.photos)) == 1


@pytest.mark.parametrize("answered_before", [False, True])
async def test_an_edited_caption_keeps_its_picture(
    rooms: Rooms, database: Database, answered_before: bool
) -> None:
    brain = Echo()
    rooms.ask(brain)
    await rooms.hear("lmap", external="m1", attachments=(LAMP,))
    if answered_before:
        await rooms.answer()
    await rooms.hear("lamp", external="m1:e2", correction_of="m1", attachments=(LAMP,))
    await rooms.answer()
    (kept,) = rows(database, schema.photos)
    assert brain.turns[-1].text == "lamp"
    assert brain.turns[-1].photos == (kept.id,)


async def test_two_people_who_send_the_same_file_have_a_photo_each(
    rooms: Rooms, database: Database
) -> None:
    await rooms.hear("lamp", attachments=(LAMP,))
    await rooms.hear("lamp", address="+31600000002", attachments=(LAMP,))
    first, second = rows(database, schema.photos)
    assert first.conversation_id != second.conversation_id


async def test_only_pictures_get_a_place_in_the_store(rooms: Rooms, database: Database) -> None:
    brain = Echo()
    rooms.ask(brain)
    await rooms.hear("see the film", attachments=(Attachment("video", "film-1", "video/mp4"),))
    await rooms.answer()
    assert rows(database, schema.photos) == []
    assert brain.turns[0].photos == ()


async def test_photos_are_attached_once_and_only_to_an_own_ticket(
    rooms: Rooms, database: Database, clock: FakeClock, photos: PhotoRegister
) -> None:
    mine = await rooms.hear("lamp", attachments=(LAMP, Attachment("photo", "file-2")))
    other = await rooms.hear("lamp", address="+31600000002", attachments=(LAMP,))
    ids = {row.id: row.conversation_id for row in rows(database, schema.photos)}
    own = [photo for photo, whose in ids.items() if whose == mine.conversation]
    (stranger,) = [photo for photo, whose in ids.items() if whose == other.conversation]
    ticket = ticket_of(database, clock, mine.conversation)
    assert photos.attach([*own, stranger, "unknown"], ticket) == 2
    assert photos.attach(own, ticket) == 2
    assert sorted(p.id for p in photos.of_ticket(ticket)) == sorted(own)
    second = ticket_of(database, clock, mine.conversation, "k2")
    assert photos.attach(own, second) == 0
    assert photos.attach([stranger], "LW-2026-09999") == 0
    assert photos.attach([], ticket) == 0
    found = photos.get(stranger)
    assert found is not None
    assert found.ticket_id is None


async def test_loose_photos_are_those_without_a_ticket_since_then(
    rooms: Rooms, database: Database, clock: FakeClock, photos: PhotoRegister
) -> None:
    accepted = await rooms.hear("old", attachments=(Attachment("photo", "old"),))
    clock.advance(hours=2)
    since = clock()
    await rooms.hear("new", attachments=(LAMP,))
    await rooms.hear("newer", attachments=(Attachment("photo", "newer"),))
    loose = photos.loose(accepted.conversation, since)
    assert len(loose) == 2
    ticket = ticket_of(database, clock, accepted.conversation)
    photos.attach(loose[:1], ticket)
    assert photos.loose(accepted.conversation, since) == loose[1:]
    assert len(photos.loose(accepted.conversation, since - timedelta(days=1))) == 2


async def test_a_position_is_kept_only_when_the_citizen_agrees(
    rooms: Rooms, database: Database, photos: PhotoRegister
) -> None:
    await rooms.hear("lamp", attachments=(LAMP, Attachment("photo", "file-2")))
    first, second = (row.id for row in rows(database, schema.photos))
    assert photos.position_of(first) is None
    update = schema.photos.update().values(lat=53.2, lon=6.5)
    database.write_now(lambda c: c.execute(update))
    assert photos.position_of(first) == (53.2, 6.5)
    photos.agree(first, True)
    photos.agree(second, False)
    assert photos.position_of(first) == (53.2, 6.5)
    assert photos.position_of(second) is None


async def test_forgetting_takes_photos_from_tickets_and_leaves_no_trace_of_the_citizen(
    rooms: Rooms, database: Database, clock: FakeClock, photos: PhotoRegister
) -> None:
    accepted = await rooms.hear("lamp", attachments=(LAMP,))
    (row,) = rows(database, schema.photos)
    ticket = ticket_of(database, clock, accepted.conversation)
    photos.attach([row.id], ticket)
    rooms.ask(Scripted(*[Answer((Reply("Done."),), language="en", forget=True)] * 2))
    await rooms.hear("forget me")
    await rooms.answer()
    (left,) = rows(database, schema.photos)
    assert (left.state, left.conversation_id, left.ticket_id) == ("erased", None, None)
    assert (left.reference, left.lat) == ("", None)
    assert photos.of_ticket(ticket) == []
    assert photos.get(row.id) is None
    assert photos.position_of(row.id) is None


async def test_a_place_and_a_picture_do_not_disturb_each_other(rooms: Rooms) -> None:
    brain = Echo()
    rooms.ask(brain)
    await rooms.hear(place=Place(53.2, 6.5), attachments=(LAMP,))
    await rooms.answer()
    assert brain.turns[0].place == Place(53.2, 6.5)
    assert len(brain.turns[0].photos) == 1


# Pictures that staff send --------------------------------------------------------------------------


async def kept(database: Database, clock: FakeClock, conversation: str, sent_by: str = "") -> str:
    """A stored photo of a conversation."""
    queue = PhotoQueue(database, clock)
    talk = ConversationId(conversation)
    photo = await queue.begin(talk, ChannelName("sms"), sent_by)
    await queue.keep(photo, Decoded(b"photo", b"thumb", 10, 20, None))
    return photo


async def test_a_picture_of_staff_gets_one_address_that_ends(
    rooms: Rooms, photos: PhotoRegister, database: Database, clock: FakeClock
) -> None:
    rooms.ask(Echo())
    conversation = str((await rooms.hear("hello")).conversation)
    sent = await kept(database, clock, conversation, "ann")
    until = clock() + timedelta(days=7)
    share = await photos.share(sent, conversation, until)
    assert share is not None
    assert len(share) == 43
    assert await photos.share(sent, conversation, until) == share
    found = await photos.shared(share)
    assert found is not None
    assert (found.id, found.sent_by) == (sent, "ann")
    for wrong in ("", share[:-1], share.swapcase(), "%", "_" * 43):
        assert await photos.shared(wrong) is None
    clock.advance(days=7)
    assert await photos.shared(share) is None


async def test_a_citizens_photo_and_one_of_another_conversation_get_no_address(
    rooms: Rooms, photos: PhotoRegister, database: Database, clock: FakeClock
) -> None:
    rooms.ask(Echo())
    mine = str((await rooms.hear("hello")).conversation)
    other = str((await rooms.hear("hello", address="+31600000002")).conversation)
    until = clock() + timedelta(days=7)
    assert await photos.share(await kept(database, clock, mine), mine, until) is None
    sent = await kept(database, clock, mine, "ann")
    assert await photos.share(sent, other, until) is None
    assert await photos.share("0" * 32, mine, until) is None


async def test_a_picture_of_staff_is_nobodys_photo_for_a_report(
    rooms: Rooms, photos: PhotoRegister, database: Database, clock: FakeClock
) -> None:
    rooms.ask(Echo())
    conversation = str((await rooms.hear("hello")).conversation)
    sent = await kept(database, clock, conversation, "ann")
    own = await kept(database, clock, conversation)
    reference = ticket_of(database, clock, conversation)
    assert photos.loose(conversation, clock() - timedelta(hours=1)) == [own]
    assert photos.attach([sent, own], reference) == 1
    assert [photo.id for photo in await photos.in_ticket(reference)] == [own]
    assert set(await photos.in_conversation(conversation)) == {sent, own}


async def test_staff_see_photos_of_a_report_that_could_not_be_had(
    rooms: Rooms, photos: PhotoRegister, database: Database, clock: FakeClock
) -> None:
    rooms.ask(Echo())
    conversation = str((await rooms.hear("look", attachments=(LAMP,))).conversation)
    reference = ticket_of(database, clock, conversation)
    (photo,) = rows(database, schema.photos)
    photos.attach([photo.id], reference)
    await PhotoQueue(database, clock).settle(photo.id, "gone", "404")
    assert [one.state for one in await photos.in_ticket(reference)] == ["gone"]
    assert photos.of_ticket(reference) == []
