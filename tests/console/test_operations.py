"""The operations page: what waits and what failed, and a clerk's decisions, on both databases."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.civic.tickets import NewTicket
from bot.console.office import Office
from bot.console.pages.operations import Upkeep
from bot.keeping.purge import Purged
from bot.messages import Answer, Reply, Unclear
from bot.store import schema
from bot.store.forwards import Forwards
from bot.store.handovers import Handovers
from bot.store.registers import TicketRegister
from bot.turns import MOST_INTERRUPTED
from tests.conftest import FakeClock
from tests.console.desk import Counter
from tests.road.rooms import LEASE, SMS, WEB, Rooms, Scripted


@pytest.fixture
def rooms(office: Office) -> Rooms:
    made = Rooms(office.journal)
    made.sms, made.web = office.connectors[SMS], office.connectors[WEB]  # type: ignore[assignment]
    made.__post_init__()
    return made


async def test_an_unclear_send_is_decided_once(counter: Counter, rooms: Rooms) -> None:
    rooms.ask(Scripted(Answer((Reply("Call 06-12345678 <b>"),), language="en")))
    rooms.sms.receipts = [Unclear(), Unclear()]
    await rooms.hear("hello")
    await rooms.answer()
    await rooms.send()
    ann = await counter.signed_in("Ann", "agent")
    await ann.get("/operations")
    assert "12345678" not in ann.text, "what was said stands behind the veil"
    ids = [f.action.rsplit("/", 1)[1] for f in ann.forms if "/sends/" in f.action]
    assert len(ids) == 2
    await ann.post(f"/operations/sends/{ids[1]}", {"decision": "again"})
    await ann.follow()
    assert "Your decision is kept." in ann.text
    rooms.sms.sent.clear()
    assert await rooms.send() == 1
    await ann.get("/operations")
    await ann.post(f"/operations/sends/{ids[1]}", {"decision": "drop"})
    await ann.follow()
    assert "This was decided already" in ann.text
    await ann.post(f"/operations/sends/{ids[0]}", {"decision": "burn"})
    assert ann.status == 400


async def test_failed_turns_are_looked_at_or_taken(counter: Counter, rooms: Rooms) -> None:
    rooms.ask(Scripted(Answer((), language="en")))
    accepted = await rooms.hear("hello")
    await rooms.answer()
    ann = await counter.signed_in("Ann", "agent")
    await ann.get("/operations")
    form = next(f for f in ann.forms if f.action.endswith("/operations/failed"))
    await ann.post("/operations/failed", form.values)
    assert (await rooms.row(accepted))["flag_reason"] is None
    await ann.follow()
    assert "No turn has failed." in ann.text


async def test_looking_takes_no_conversation_from_a_colleague(
    office: Office, rooms: Rooms, clock: FakeClock
) -> None:
    accepted = await rooms.hear("hello")
    await rooms.answer()
    handovers = Handovers(office.database, clock)
    await handovers.claim(await handovers.take(accepted.conversation, "ben"), "ben")
    assert not await rooms.journal.looked_at(accepted.conversation, "failed")
    assert (await rooms.row(accepted))["owner"] == "ben"


async def test_what_never_happened_is_said_to_have_never_happened(
    counter: Counter, office: Office, tmp_path: Path
) -> None:
    ann = await counter.signed_in("Ann", "agent")
    await ann.get("/operations")
    assert ann.text.count("never recorded") == 2
    assert "not known here" in ann.text
    await office.journal.set_mark("backup", "12 MB")
    model = tmp_path / "likewise-abc.tar.gz"
    model.write_bytes(b"x")
    office.more["model"] = model
    await ann.get("/operations")
    assert "12 MB" in ann.text
    assert "likewise-abc" in ann.text
    assert ann.text.count("never recorded") == 1


# Turns that failed ---------------------------------------------------------------------------------


async def test_a_message_that_ended_processes_is_shown_and_tried_again(
    counter: Counter, rooms: Rooms, clock: FakeClock
) -> None:
    accepted = await rooms.hear("deadly")
    for _ in range(MOST_INTERRUPTED):
        await rooms.journal.claim_turn("dead", LEASE)
        clock.advance(seconds=61)
    await rooms.answer()
    ann = await counter.signed_in("Ann", "agent")
    await ann.get("/operations")
    assert "The server stopped 3 times while it worked on this message." in ann.text
    assert "Failed turns: 1" in ann.text
    form = next(f for f in ann.forms if f.action.endswith("/operations/failed/again"))
    await ann.post("/operations/failed/again", form.values)
    await ann.follow()
    assert "The message is answered once more." in ann.text
    assert "No turn has failed." in ann.text
    await rooms.answer()
    assert (await rooms.bot_texts(accepted))[-1] == "you said deadly"
    await ann.post("/operations/failed/again", form.values)
    await ann.follow()
    assert "This was decided already" in ann.text
    deeds = await counter.office.audit.newest()
    assert "failed_turn_again" in {deed.action for deed in deeds}


# Reports for other organisations -------------------------------------------------------------------


def stuck(office: Office, clock: FakeClock, state: str, reference: str = "", **values: Any) -> str:
    """A ticket whose way to another organisation is in this state; its reference."""
    ticket = TicketRegister(office.database, clock).open(
        NewTicket(f"k{reference}{state}", None, "pothole", "streets", "en", "Here 1", True)
    )
    new = schema.forwards.insert().values(
        ticket_id=ticket.id, endpoint="water", state=state, created_at=clock(), **values
    )
    office.database.write_now(lambda c: c.execute(new))
    return ticket.reference


async def test_forwards_are_counted_and_decided_on(
    counter: Counter, office: Office, clock: FakeClock
) -> None:
    forwards = Forwards(office.database, clock)
    office.more.update(forwards=forwards, endpoints=("water", "trees"))
    unclear = stuck(office, clock, "unclear", code="time-out <b>", attempts=1)
    failed = stuck(office, clock, "failed", "f", code="400")
    waiting = stuck(office, clock, "pending", "p", attempts=2, code="503")
    stuck(office, clock, "sent", "s", remote_id="W-1")
    ann = await counter.signed_in("Ann", "agent")
    await ann.get("/operations")
    assert "Reports for other organisations that are stuck: 2" in ann.text
    assert "time-out &lt;b&gt;" in ann.text
    assert all(reference in ann.text for reference in (unclear, failed, waiting))
    assert f"/operations/forwards/{waiting}" not in ann.text, "that one is tried again by itself"
    assert "trees" in ann.text

    at = f"/operations/forwards/{unclear}"
    await ann.post(at, {"decision": "sent"})
    await ann.follow()
    assert "Fill in the number" in ann.text
    await ann.post(at, {"decision": "sent", "remote_id": "W-1"})
    await ann.follow()
    assert "Another report has that number" in ann.text
    await ann.post(at, {"decision": "sent", "remote_id": "W-2"})
    await ann.follow()
    assert "Your decision is kept." in ann.text
    found = forwards.of_ticket(unclear)
    assert found is not None
    assert (found.state, found.remote_id) == ("sent", "W-2")
    await ann.post(at, {"decision": "drop"})
    await ann.follow()
    assert "This was decided already" in ann.text
    await ann.post(f"/operations/forwards/{failed}", {"decision": "again"})
    found = forwards.of_ticket(failed)
    assert found is not None
    assert found.state == "pending"
    await ann.follow()
    await ann.post(f"/operations/forwards/{failed}", {"decision": "burn"})
    assert ann.status == 400


async def test_without_endpoints_there_is_no_section_and_no_decision(counter: Counter) -> None:
    ann = await counter.signed_in("Ann", "agent")
    await ann.get("/operations")
    assert "other organisations" not in ann.text
    await ann.post("/operations/forwards/LW-2026-00001", {"decision": "again"})
    assert ann.status == 400


# Backup, purge, web hook ---------------------------------------------------------------------------


async def test_a_backup_that_is_old_or_missing_is_a_warning(
    counter: Counter, office: Office, clock: FakeClock
) -> None:
    office.more["upkeep"] = Upkeep(backup_within=timedelta(days=2))
    ann = await counter.signed_in("Ann", "agent")
    await ann.get("/operations")
    assert "There is no new backup" in ann.text
    told = {"file": "likewise-20260302T090000Z.tar.gz", "bytes": 12_345_678, "rows": 1, "photos": 2}
    await office.journal.set_mark("backup", json.dumps(told))
    await ann.get("/operations")
    assert "12.3 MB, likewise-20260302T090000Z.tar.gz" in ann.text
    assert "There is no new backup" not in ann.text
    assert "Everything runs" in ann.text
    clock.advance(minutes=30)
    for _ in range(47):
        clock.advance(hours=1)
        await ann.get("/operations")
    assert "There is no new backup" not in ann.text
    clock.advance(minutes=31)
    await ann.sign_in("Ann")
    await ann.get("/operations")
    assert "There is no new backup" in ann.text
    assert "2 days ago" in ann.text


async def test_a_purge_that_was_missed_is_a_warning_but_not_on_the_first_days(
    counter: Counter, office: Office, rooms: Rooms, clock: FakeClock
) -> None:
    office.more["upkeep"] = Upkeep(purges_daily=True)
    ann = await counter.signed_in("Ann", "agent")
    await ann.get("/operations")
    assert "were not purged" not in ann.text
    await rooms.hear("hello")
    await rooms.answer()
    clock.advance(days=2, minutes=1)
    await ann.sign_in("Ann")
    await ann.get("/operations")
    assert "Old conversations were not purged" in ann.text
    await office.journal.set_mark("purge", Purged(3, 2, 1, 0).told())
    await ann.get("/operations")
    assert "conversations: 3, reports: 1, photos: 0" in ann.text
    assert "were not purged" not in ann.text


@pytest.mark.parametrize("value", ["", "12 MB", "[1]", "{}", '{"bytes": "many"}', "null"])
async def test_a_mark_in_another_shape_breaks_no_page(
    counter: Counter, office: Office, value: str
) -> None:
    for name in ("backup", "purge"):
        await office.journal.set_mark(name, value)
    ann = await counter.signed_in("Ann", "agent")
    await ann.get("/operations")
    assert ann.status == 200


async def test_a_web_hook_that_does_not_answer_is_told(
    counter: Counter, office: Office, rooms: Rooms, clock: FakeClock
) -> None:
    office.more["upkeep"] = Upkeep(has_hook=True)
    ann = await counter.signed_in("Ann", "agent")
    await ann.get("/operations")
    assert "all told" in ann.text
    accepted = await rooms.hear("a person please")
    handovers = Handovers(office.database, clock)
    number = await handovers.take(accepted.conversation, "ben")
    await handovers.announced(number, clock() + timedelta(minutes=1), "")
    await ann.get("/operations")
    assert "web hook was not told of yet: 1" in ann.text
