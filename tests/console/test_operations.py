"""The operations page: what waits and what failed, and a clerk's decisions, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.console.office import Office
from bot.messages import Answer, Reply, Unclear
from bot.store.handovers import Handovers
from tests.conftest import FakeClock
from tests.console.desk import Counter
from tests.road.rooms import SMS, WEB, Rooms, Scripted


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
    from bot.store.operations import Operations

    assert not await Operations(office.database, clock).looked_at(accepted.conversation)
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
