"""The journal on both databases: what a call promised before it returned is there, once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.channel import ContentConflict
from bot.messages import Address, Answer, ConversationId, Place, Reply
from bot.store import schema
from bot.store.engine import Database
from bot.store.journal import Journal
from bot.store.rows import LeaseLost, OutgoingReply
from tests.conftest import FakeClock
from tests.road.rooms import LEASE, claimed, count, out, rows, said


async def test_a_message_is_kept_once_under_its_external_id(
    journal: Journal, database: Database
) -> None:
    first = await journal.accept(said("hello"))
    again = await journal.accept(said("hello"))
    assert (first.duplicate, again.duplicate) == (False, True)
    assert (first.inbox_id, first.conversation) == (again.inbox_id, again.conversation)
    assert first.received_at == again.received_at
    assert count(database, schema.inbox) == 1


async def test_the_same_id_with_other_content_is_refused_and_changes_nothing(
    journal: Journal, database: Database
) -> None:
    await journal.accept(said("hello"))
    for other in (said("goodbye"), said("hello", in_group=True)):
        with pytest.raises(ContentConflict):
            await journal.accept(other)
    (row,) = rows(database, schema.inbox)
    assert row.body == {"text": "hello"}
    (conversation,) = database.read_now(lambda c: c.execute(sa.select(schema.conversations)).all())
    assert conversation.last_cursor == 1


async def test_the_same_id_on_two_channels_is_two_messages(journal: Journal) -> None:
    from bot.messages import ChannelName, Inbound

    await journal.accept(said("hello"))
    other = await journal.accept(Inbound(ChannelName("telegram"), "m1", Address("7"), text="hello"))
    assert not other.duplicate


async def test_ten_deliveries_at_once_make_one_row_and_waste_no_cursor(
    journal: Journal, database: Database
) -> None:
    got = await asyncio.gather(*(journal.accept(said("hello")) for _ in range(10)))
    assert sorted(a.duplicate for a in got) == [False] + [True] * 9
    assert len({a.inbox_id for a in got}) == 1
    assert count(database, schema.inbox) == 1
    assert count(database, schema.conversations) == 1
    after = await journal.accept(said("next", "m2"))
    entries = await journal.entries(after.conversation)
    assert [e.cursor for e in entries] == [1, 2]


async def test_what_raises_inside_the_transaction_leaves_nothing(
    journal: Journal, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(*_: object, **__: object) -> None:
        raise RuntimeError("pulled the plug")

    monkeypatch.setattr(journal, "_accepted", torn)
    with pytest.raises(RuntimeError):
        await journal.accept(said("hello"))
    assert count(database, schema.inbox) == 0
    assert count(database, schema.conversations) == 0


async def test_any_text_and_any_place_comes_back_as_it_was(journal: Journal) -> None:
    words = "héllo 👩‍👩‍👧 \u202eשלום\u202c '; DROP TABLE inbox; -- <b>\n\\x00 %s {x}"
    kept = await journal.accept(said(words))
    place = await journal.accept(said("", "m2", place=Place(53.2, 6.5, "Grote Markt")))
    bodies = [e.body for e in await journal.entries(kept.conversation)]
    assert bodies[0] == {"text": words}
    assert bodies[1] == {"place": {"lat": 53.2, "lon": 6.5, "name": "Grote Markt"}}
    assert place.conversation == kept.conversation


# Claims --------------------------------------------------------------------------------------------


async def test_a_claim_is_exclusive(journal: Journal) -> None:
    await journal.accept(said("hello"))
    assert await journal.claim_turn("a", LEASE) is not None
    assert await journal.claim_turn("b", LEASE) is None


async def test_workers_claiming_at_once_get_different_conversations(journal: Journal) -> None:
    for n in range(6):
        await journal.accept(said("hello", f"m{n}", f"+3160000{n}"))
    got = await asyncio.gather(*(journal.claim_turn(f"w{n}", LEASE) for n in range(12)))
    taken = [claim for claim in got if claim is not None]
    while (more := await journal.claim_turn("late", LEASE)) is not None:
        taken.append(more)
    assert len(taken) == 6
    assert len({claim.conversation for claim in taken}) == 6


async def test_only_the_oldest_message_of_a_conversation_can_be_claimed(journal: Journal) -> None:
    for n in range(3):
        await journal.accept(said(f"number {n}", f"m{n}"))
    for n in range(3):
        claim = await claimed(journal)
        assert claim.body["text"] == f"number {n}"
        assert await journal.claim_turn("b", LEASE) is None
        await journal.commit_turn(claim, Answer(()), out("yes"), "answered", 1.0)
    assert await journal.claim_turn("a", LEASE) is None
    assert await journal.waiting_turns() == 0


async def test_a_claim_that_was_overtaken_does_not_open_an_answered_message(
    journal: Journal, database: Database
) -> None:
    """Many workers on few conversations: on PostgreSQL a worker may find a message that another
    answers before it gets the conversation's row."""
    for n in range(40):
        await journal.accept(said(f"number {n}", f"m{n}", f"+3160000{n % 2}"))
    handled: list[int] = []

    async def work(worker: str) -> None:
        idle = 0
        while idle < 5:
            claim = await journal.claim_turn(worker, LEASE)
            if claim is None:
                idle += 1
                await asyncio.sleep(0)
                continue
            idle = 0
            handled.append(claim.inbox_id)
            await journal.commit_turn(claim, Answer(()), out("yes"), "answered", 1.0)

    await asyncio.gather(*(work(f"w{n}") for n in range(8)))
    await work("last")
    assert sorted(handled) == sorted({r.id for r in rows(database, schema.inbox)})
    assert {r.state for r in rows(database, schema.inbox)} == {"done"}


async def test_a_lease_that_ran_out_is_taken_over_and_the_first_worker_keeps_nothing(
    journal: Journal, database: Database, clock: FakeClock
) -> None:
    accepted = await journal.accept(said("hello"))
    slow = await claimed(journal, "slow")
    clock.advance(seconds=61)
    quick = await claimed(journal, "quick")
    assert quick.inbox_id == slow.inbox_id
    with pytest.raises(LeaseLost):
        await journal.commit_turn(
            slow, Answer((), flag="person", language="nl"), out("from slow"), "answered", 1.0
        )
    with pytest.raises(LeaseLost):
        await journal.put_back(slow, clock())
    assert count(database, schema.turns) == count(database, schema.outbox) == 0
    await journal.commit_turn(quick, Answer(()), out("from quick"), "answered", 1.0)
    with pytest.raises(LeaseLost):  # and not after the other one is done, either
        await journal.commit_turn(slow, Answer(()), out("from slow"), "answered", 1.0)
    entries = await journal.entries(accepted.conversation)
    assert [e.body["text"] for e in entries] == ["hello", "from quick"]
    row = await journal.conversation(accepted.conversation)
    assert row is not None
    assert (row["flag_reason"], row["language"], row["lease_by"]) == (None, "", None)


async def test_a_lease_that_ran_out_unclaimed_may_still_commit(
    journal: Journal, clock: FakeClock
) -> None:
    accepted = await journal.accept(said("hello"))
    claim = await claimed(journal)
    clock.advance(seconds=600)
    await journal.commit_turn(claim, Answer(()), out("late"), "answered", 1.0)
    assert len(await journal.entries(accepted.conversation)) == 2


async def test_put_back_waits_and_keeps_the_order(journal: Journal, clock: FakeClock) -> None:
    await journal.accept(said("first", "m1"))
    await journal.accept(said("second", "m2"))
    claim = await claimed(journal)
    await journal.put_back(claim, clock() + timedelta(seconds=2))
    assert await journal.claim_turn("a", LEASE) is None, "the second may not overtake the first"
    clock.advance(seconds=2)
    again = await claimed(journal)
    assert (again.body["text"], again.attempts) == ("first", 1)


async def test_a_conversation_that_waits_holds_up_no_other(
    journal: Journal, clock: FakeClock
) -> None:
    await journal.accept(said("first", "m1"))
    await journal.put_back(await claimed(journal), clock() + timedelta(hours=1))
    await journal.accept(said("other", "m2", "+31600000002"))
    assert (await claimed(journal)).body["text"] == "other"


async def test_release_all_frees_what_a_dead_process_held(journal: Journal) -> None:
    await journal.accept(said("hello"))
    dead = await claimed(journal, "dead")
    await journal.release_all()
    again = await claimed(journal, "alive")
    assert again.inbox_id == dead.inbox_id


async def test_an_edit_takes_the_place_of_a_text_that_waits(
    journal: Journal, database: Database
) -> None:
    first = await journal.accept(said("number 12"))
    edit = said("number 14", "m1-edit", correction_of="m1")
    assert not (await journal.accept(edit)).duplicate
    assert (await journal.accept(edit)).duplicate
    assert (await journal.accept(said("number 12"))).duplicate, "the first delivery comes again"
    claim = await claimed(journal)
    assert (claim.inbox_id, claim.body) == (first.inbox_id, {"text": "number 14"})
    await journal.commit_turn(claim, Answer(()), out("yes"), "answered", 1.0)
    assert await journal.claim_turn("a", LEASE) is None
    lines = [e.body["text"] for e in await journal.entries(first.conversation)]
    assert lines == ["number 14", "yes"]


@pytest.mark.parametrize("given_back", [False, True])
async def test_an_edit_of_a_text_that_was_claimed_is_a_message_of_its_own(
    journal: Journal, clock: FakeClock, given_back: bool
) -> None:
    """The brain may have taken the turn already, and would replay it with the old words."""
    await journal.accept(said("number 12"))
    claim = await claimed(journal)
    if given_back:
        await journal.put_back(claim, clock())
    await journal.accept(said("number 14", "m1-edit", correction_of="m1"))
    claim = await claimed(journal) if given_back else claim
    assert claim.body["text"] == "number 12"
    await journal.commit_turn(claim, Answer(()), out("yes"), "answered", 1.0)
    assert (await claimed(journal)).body == {"text": "number 14", "correction_of": "m1"}


# What the reader sees ------------------------------------------------------------------------------


async def test_the_last_payload_of_a_turn_is_its_final_one(journal: Journal) -> None:
    accepted = await journal.accept(said("hello"))
    two_parts = OutgoingReply(Reply("ab"), ({"text": "a"}, {"text": "b"}))
    await journal.commit_turn(
        await claimed(journal), Answer(()), [*out("first"), two_parts], "answered", 1.0
    )
    entries = (await journal.entries(accepted.conversation))[1:]
    assert [(e.body["text"], e.final) for e in entries] == [
        ("first", False),
        ("a", False),
        ("b", True),
    ]
    assert {e.external_id for e in entries} == {"m1"}


async def test_cursors_are_dense_and_a_reader_misses_nothing_of_what_comes_at_once(
    journal: Journal,
) -> None:
    total = 40
    first = await journal.accept(said("0", "m0"))
    writing = asyncio.gather(
        *(journal.accept(said(str(n), f"m{n}")) for n in range(1, total)),
        *(journal.say(first.conversation, out("notice"), f"n{n}") for n in range(total)),
    )
    seen: list[int] = []
    while not writing.done() or seen[-1] < 2 * total:
        for entry in await journal.entries(first.conversation, seen[-1] if seen else 0, limit=7):
            seen.append(entry.cursor)
        assert len(seen) <= 2 * total
        if writing.done() and writing.exception():
            break
    await writing
    assert seen == list(range(1, 2 * total + 1))


async def test_pages_of_a_conversation_join_without_gap_or_overlap(journal: Journal) -> None:
    for n in range(5):
        accepted = await journal.accept(said(f"q{n}", f"m{n}"))
        await journal.commit_turn(
            await claimed(journal), Answer(()), out(f"a{n}", f"b{n}"), "answered", 1.0
        )
    whole = await journal.entries(accepted.conversation)
    paged, after = [], 0
    while page := await journal.entries(accepted.conversation, after, limit=4):
        paged += page
        after = page[-1].cursor
    assert paged == whole
    assert len(whole) == 15


async def test_a_turn_is_recorded_with_what_was_understood(
    journal: Journal, database: Database
) -> None:
    from bot.messages import Understanding

    await journal.accept(said("hello"))
    answer = Answer((), "nl", True, Understanding("greet", 0.9, "answer/x", 0.8), flag="person")
    accepted = await claimed(journal)
    await journal.commit_turn(accepted, answer, out("hallo"), "answered", 12.5)
    (turn,) = rows(database, schema.turns)
    assert (turn.intent, turn.topic, turn.language) == ("greet", "answer/x", "nl")
    row = await journal.conversation(accepted.conversation)
    assert row is not None
    assert (row["language"], row["language_fixed"], row["flag_reason"]) == ("nl", True, "person")
    assert [r["id"] for r in await journal.flagged()] == [accepted.conversation]
    await journal.set_owner(accepted.conversation, "bot")
    assert await journal.flagged() == []


async def test_a_session_ends_and_an_unknown_token_opens_nothing(
    journal: Journal, clock: FakeClock
) -> None:
    expires = await journal.open_session("hash", "nl", timedelta(days=1))
    assert expires == clock() + timedelta(days=1)
    found = await journal.session("hash")
    assert found is not None
    row = await journal.conversation(found)
    assert row is not None
    assert row["language"] == "nl"
    assert await journal.session("other") is None
    clock.advance(days=1)
    assert await journal.session("hash") is None


async def test_a_mark_is_remembered_and_replaced(journal: Journal) -> None:
    assert await journal.mark("offset") is None
    await journal.set_mark("offset", "5")
    await journal.set_mark("offset", "6")
    assert await journal.mark("offset") == "6"


async def test_a_conversation_is_found_by_a_unique_beginning_only(journal: Journal) -> None:
    one = await journal.accept(said("hello"))
    await journal.accept(said("hello", "m2", "+31600000002"))
    found = await journal.conversation(one.conversation[:20])
    assert found is not None
    assert found["id"] == one.conversation
    assert await journal.conversation("") is None
    assert await journal.conversation("%") is None


async def test_errors_of_the_database_do_not_carry_a_citizens_words(
    journal: Journal, database: Database
) -> None:
    """What an exception says is logged."""
    accepted = await journal.accept(said("hello"))
    broken = schema.turns.insert().values(
        inbox_id=accepted.inbox_id,
        conversation_id=ConversationId("nobody"),
        outcome="my secret words",
        answered_at=None,
    )
    with pytest.raises(sa.exc.IntegrityError) as caught:
        await database.write(lambda c: c.execute(broken))
    if database.is_sqlite:  # PostgreSQL itself tells the failing row; the statement does not
        assert "my secret words" not in str(caught.value)
    assert "[parameters:" not in str(caught.value)
