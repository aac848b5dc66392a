"""The dispatch room: one send each, outcomes as values, reports that only move forward."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bot import dispatch
from bot.messages import (
    Address,
    Answer,
    ChannelName,
    ConversationId,
    DeliveryReport,
    Later,
    Moved,
    OutboxId,
    Receipt,
    Refused,
    Reply,
    Sent,
    Unclear,
)
from bot.store import schema
from bot.store.engine import Database
from bot.store.journal import Journal
from bot.store.rows import Delivery, OutgoingReply
from tests.conftest import FakeClock
from tests.road.rooms import (
    PHONE,
    SMS,
    WEB,
    AskingLine,
    Rooms,
    claimed,
    count,
    out,
    rows,
    said,
)

MINUTE = timedelta(seconds=60)


@pytest.fixture
def rooms(journal: Journal) -> Rooms:
    return Rooms(journal)


async def queue(rooms: Rooms, *texts: str, address: str = PHONE) -> str:
    """Queue things to say to an address; returns the conversation."""
    accepted = await rooms.hear("hello", address=Address(address))
    claim = await claimed(rooms.journal)
    await rooms.journal.commit_turn(claim, Answer(()), out(*texts), "answered", 1.0)
    return accepted.conversation


async def queue_web(rooms: Rooms, text: str) -> None:
    accepted = await rooms.hear("hello", channel=WEB, address=Address("w"))
    await rooms.journal.claim_turn("a", MINUTE)
    await rooms.journal.say(accepted.conversation, out(text))


def states(database: Database) -> list[str]:
    return [row.state for row in rows(database, schema.outbox)]


async def take(journal: Journal) -> Delivery:
    delivery = await journal.claim_delivery([SMS, WEB], 2 * MINUTE)
    assert delivery is not None
    return delivery


# Sending -------------------------------------------------------------------------------------------


async def test_rows_of_a_conversation_leave_in_order_each_once(
    rooms: Rooms, database: Database
) -> None:
    await queue(rooms, "one", "two", "three")
    await asyncio.gather(rooms.send(), rooms.send(), rooms.send())
    await rooms.send()
    assert [text for _, text in rooms.sms.sent] == ["one", "two", "three"]
    assert states(database) == ["sent"] * 3
    assert [r.provider_id for r in rows(database, schema.outbox)] == [
        f"provider-{n}" for n in (1, 2, 3)
    ]


async def test_a_row_is_claimed_by_one_sender_only(rooms: Rooms, journal: Journal) -> None:
    await queue(rooms, "one", "two")
    got = await asyncio.gather(*(journal.claim_delivery([SMS], MINUTE) for _ in range(6)))
    assert [d.payload["text"] for d in got if d] == ["one"]


async def test_later_waits_as_long_as_it_says_and_what_follows_waits_behind_it(
    rooms: Rooms, clock: FakeClock, database: Database
) -> None:
    await queue(rooms, "one", "two")
    await queue(rooms, "other", address="+31600000002")
    rooms.sms.receipts = [Later(30)]
    await rooms.send()
    assert [text for _, text in rooms.sms.sent] == ["one", "other"]
    clock.advance(seconds=29)
    assert await rooms.send() == 0
    clock.advance(seconds=1)
    assert await rooms.send() == 2
    assert [text for _, text in rooms.sms.sent][2:] == ["one", "two"]
    assert states(database) == ["sent"] * 3


async def test_a_provider_cannot_make_us_wait_for_ever(rooms: Rooms, clock: FakeClock) -> None:
    await queue(rooms, "one")
    rooms.sms.receipts = [Later(10_000_000)]
    await rooms.send()
    clock.advance(seconds=dispatch.MAX_WAIT_SECONDS)
    assert await rooms.send() == 1


async def test_a_refused_send_is_not_tried_again_and_the_next_one_goes(
    rooms: Rooms, database: Database
) -> None:
    conversation = await queue(rooms, "one", "two")
    rooms.sms.receipts = [Refused("invalid")]
    await rooms.send()
    assert states(database) == ["refused", "sent"]
    row = await rooms.journal.conversation(conversation)
    assert row is not None
    assert row["blocked_at"] is None


async def test_a_block_is_remembered_until_the_citizen_writes_again(rooms: Rooms) -> None:
    conversation = await queue(rooms, "one")
    rooms.sms.receipts = [Refused("blocked")]
    await rooms.send()
    row = await rooms.journal.conversation(conversation)
    assert row is not None
    assert row["blocked_at"] is not None
    await rooms.hear("I am back")
    row = await rooms.journal.conversation(conversation)
    assert row is not None
    assert row["blocked_at"] is None


@pytest.mark.parametrize("outcome", [Unclear("timeout"), RuntimeError("a fault of ours")])
async def test_an_unclear_send_is_never_sent_again_by_itself(
    rooms: Rooms, clock: FakeClock, database: Database, outcome: Receipt | Exception
) -> None:
    await queue(rooms, "one", "two")
    rooms.sms.receipts = [outcome]
    await rooms.send()
    clock.advance(days=1)
    await rooms.journal.recover_sends([WEB], everything=True)
    assert await rooms.send() == 0
    assert states(database) == ["unclear", "sent"]
    (waiting,) = await rooms.journal.unclear()
    assert (waiting["id"], waiting["channel"]) == (1, SMS)


async def test_a_provider_that_does_not_answer_leaves_the_send_unclear(
    rooms: Rooms, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: Any) -> Receipt:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(dispatch, "SEND_SECONDS", 0.01)
    monkeypatch.setattr(rooms.sms, "send", silent)
    await queue(rooms, "one")
    await rooms.send()
    assert states(database) == ["unclear"]


@pytest.mark.parametrize(
    ("decision", "after", "sends"),
    [("sent", "sent", 0), ("cancelled", "cancelled", 0), ("queued", "sent", 1)],
)
async def test_a_clerk_decides_on_an_unclear_send_once(
    rooms: Rooms, database: Database, decision: Any, after: str, sends: int
) -> None:
    await queue(rooms, "one")
    rooms.sms.receipts = [Unclear()]
    await rooms.send()
    assert await rooms.journal.resolve(1, decision)
    assert not await rooms.journal.resolve(1, decision)
    assert await rooms.send() == sends
    assert states(database) == [after]


@pytest.mark.parametrize(
    ("found", "after"),
    [
        (Sent("p"), "sent"),
        (Refused("invalid"), "refused"),
        (None, "unclear"),
        (Unclear(), "unclear"),
        (Later(5), "queued"),
    ],
)
async def test_an_unclear_send_is_looked_up_after_a_while_and_settled_by_what_is_found(
    journal: Journal, clock: FakeClock, database: Database, found: Receipt | None, after: str
) -> None:
    line = AskingLine(SMS)
    rooms = Rooms(journal, sms=line)
    await queue(rooms, "one")
    line.receipts, line.found = [Unclear()], [found, found]
    await rooms.send()
    await rooms.dispatch.look_up(SMS)
    assert line.looked_up == [], "a report may still come"
    clock.advance(seconds=21)
    await rooms.dispatch.look_up(SMS)
    assert line.looked_up == [1]
    assert states(database) == [after]
    await rooms.dispatch.look_up(SMS)
    assert line.looked_up == [1], "not again at once"
    if after == "unclear":
        clock.advance(seconds=21)
        await rooms.dispatch.look_up(SMS)
        assert line.looked_up == [1, 1]


# Reports -------------------------------------------------------------------------------------------


def told(state: Any, by: str = "provider-1", channel: ChannelName = SMS) -> DeliveryReport:
    return DeliveryReport(channel, state, provider_id=by)


@pytest.mark.parametrize(
    ("reports", "after"),
    [
        (["sent", "delivered"], "delivered"),
        (["delivered", "sent"], "delivered"),
        (["delivered", "refused"], "delivered"),
        (["refused", "delivered"], "refused"),
        (["sent", "refused", "sent"], "refused"),
        (["sent", "sent"], "sent"),
    ],
)
async def test_reports_only_move_a_state_forward(
    rooms: Rooms, database: Database, reports: list[str], after: str
) -> None:
    await queue(rooms, "one")
    await rooms.send()
    for state in reports:
        assert await rooms.journal.report(told(state))
    assert states(database) == [after]
    assert count(database, schema.reports) == len(reports)


async def test_a_report_resolves_an_unclear_send(rooms: Rooms, database: Database) -> None:
    await queue(rooms, "one")
    rooms.sms.receipts = [Unclear()]
    await rooms.send()
    assert await rooms.journal.report(
        DeliveryReport(SMS, "delivered", provider_id="p9", outbox_id=OutboxId(1))
    )
    assert states(database) == ["delivered"]
    assert await rooms.journal.unclear() == []


async def test_a_report_on_nothing_of_ours_or_of_another_channel_changes_nothing(
    rooms: Rooms, database: Database
) -> None:
    await queue(rooms, "one")
    await rooms.send()
    assert not await rooms.journal.report(told("delivered", by="unknown"))
    assert not await rooms.journal.report(told("delivered", channel=WEB))
    assert not await rooms.journal.report(DeliveryReport(SMS, "delivered", outbox_id=OutboxId(99)))
    assert states(database) == ["sent"]


async def test_a_report_that_comes_before_the_end_of_the_send_is_not_undone(
    rooms: Rooms, journal: Journal, database: Database
) -> None:
    await queue(rooms, "one")
    delivery = await take(journal)
    await journal.report(
        DeliveryReport(SMS, "delivered", provider_id="p", outbox_id=delivery.outbox_id)
    )
    await journal.settle(delivery, Sent("p"))
    assert states(database) == ["delivered"]


async def test_a_report_that_knows_only_the_providers_id_may_come_before_we_know_it(
    rooms: Rooms, journal: Journal, database: Database
) -> None:
    await queue(rooms, "one")
    delivery = await take(journal)
    assert not await journal.report(told("delivered"))
    await journal.report(told("sent"))
    assert await journal.settle(delivery, Sent("provider-1")) == "delivered"
    assert states(database) == ["delivered"]


# After a crash -------------------------------------------------------------------------------------


async def test_after_a_restart_half_sent_rows_are_unclear_except_where_repeating_is_harmless(
    rooms: Rooms, journal: Journal, database: Database
) -> None:
    await queue(rooms, "by sms")
    await queue_web(rooms, "by web")
    await take(journal)
    await take(journal)
    assert states(database) == ["sending", "sending"]
    await rooms.dispatch.recover()
    assert states(database) == ["unclear", "queued"]
    assert await rooms.send() == 1
    assert rooms.sms.sent == []
    assert [text for _, text in rooms.web.sent] == ["by web"]


async def test_a_send_under_way_is_left_alone_until_its_claim_runs_out(
    rooms: Rooms, journal: Journal, clock: FakeClock, database: Database
) -> None:
    await queue(rooms, "one")
    await take(journal)
    assert await journal.recover_sends([WEB], everything=False) == 0
    assert states(database) == ["sending"]
    clock.advance(seconds=121)
    assert await journal.recover_sends([WEB], everything=False) == 1
    assert states(database) == ["unclear"]


# Moved ---------------------------------------------------------------------------------------------


async def test_a_moved_citizen_is_reached_and_known_under_the_new_address(
    rooms: Rooms, database: Database
) -> None:
    conversation = await queue(rooms, "one", "two")
    new = Address("+31600000777")
    rooms.sms.receipts = [Moved(new)]
    await rooms.send()
    assert rooms.sms.sent == [(PHONE, "one"), (new, "one"), (new, "two")]
    assert states(database) == ["sent", "sent"]
    again = await rooms.hear("it is me", address=new)
    assert again.conversation == conversation


async def test_a_move_onto_an_existing_conversation_joins_it_at_its_end(
    rooms: Rooms, database: Database
) -> None:
    new = Address("+31600000777")
    there = await queue(rooms, "before", "before too", address=new)
    await rooms.send()
    rooms.sms.sent.clear()
    await queue(rooms, "one")
    rooms.sms.receipts = [Moved(new)]
    await rooms.send()
    assert rooms.sms.sent == [(PHONE, "one"), (new, "one")]
    entries = await rooms.journal.entries(ConversationId(there))
    cursors = [e.cursor for e in entries]
    assert len(set(cursors)) == len(cursors)
    assert entries[-1].body["text"] == "one"


# Notices -------------------------------------------------------------------------------------------


async def test_a_notice_is_queued_once_however_often_and_at_once_it_is_told(
    journal: Journal, database: Database
) -> None:
    accepted = await journal.accept(said("hello"))
    notice = [OutgoingReply(Reply("fixed"), ({"text": "fix"}, {"text": "ed"}), "agent")]
    told = await asyncio.gather(
        *(journal.say(accepted.conversation, notice, "ticket-event-1") for _ in range(6))
    )
    assert sorted(told) == [False] * 5 + [True]
    assert [r.payload["text"] for r in rows(database, schema.outbox)] == ["fix", "ed"]
    assert await journal.say(accepted.conversation, notice, "ticket-event-2")
    entries = await journal.entries(accepted.conversation)
    assert [(e.sender, e.final, e.external_id) for e in entries][1:3] == [
        ("agent", False, None),
        ("agent", True, None),
    ]
