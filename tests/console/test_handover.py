"""The pages of the handover: two agents and a citizen, with forms alone, on both databases."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from bot.console.office import Office
from bot.handover.front import FrontDesk
from bot.messages import Accepted, PersonWish
from bot.store import schema
from bot.store.audit import AuditLog
from tests.conftest import FakeClock
from tests.console.desk import Browser, Counter
from tests.road.rooms import SMS, WEB, Rooms, Scripted, phrasebook
from tests.road.test_handover import wants

BOOK = phrasebook()


@pytest.fixture
def rooms(office: Office) -> Rooms:
    made = Rooms(office.journal)
    made.sms, made.web = office.connectors[SMS], office.connectors[WEB]  # type: ignore[assignment]
    made.__post_init__()
    return made


async def waits(rooms: Rooms, kind: Any = "wait", address: str = "+31600000001") -> Accepted:
    rooms.ask(Scripted(wants(PersonWish(kind), "person" if kind == "wait" else "")))
    accepted = await rooms.hear("a person, please", address=address)
    await rooms.answer()
    if kind == "question":
        await rooms.hear("When do you <b>open</b>?", address=address)
        await rooms.answer()
    await rooms.send()
    rooms.sms.sent.clear()
    return accepted


async def heard(rooms: Rooms) -> list[str]:
    await rooms.send()
    texts = [text for _, text in rooms.sms.sent]
    rooms.sms.sent.clear()
    return texts


async def submit(browser: Browser, ending: str, **values: str) -> Browser:
    """Send the form of this page whose address ends so, with what stands in it."""
    form = next(f for f in browser.forms if f.action.endswith(ending))
    filled = form.values | {"version": version(browser)} | values
    await browser.post(form.action.removeprefix("/console"), filled)
    return browser


def version(browser: Browser) -> str:
    found = re.search(r'name="version" value="(\d+)" form="composer"', browser.text)
    return found[1] if found else ""


async def test_two_agents_see_who_waits_and_one_of_them_gets_it(
    counter: Counter, rooms: Rooms
) -> None:
    await waits(rooms)
    ann, ben = await counter.signed_in("Ann", "agent"), await counter.signed_in("Ben", "agent")
    for browser in (ann, ben):
        await browser.get("/handover")
        assert "Take over" in browser.text
    await submit(ann, "/claim")
    assert ann.status == 303
    assert ann.location == "/handover/1"
    await submit(ben, "/claim")
    await ben.follow()
    assert "Too late: Ann has taken this conversation." in ben.text
    assert await heard(rooms) == [BOOK.text("utter_handover_claimed", "en", agent="Ann")]


async def test_the_whole_talk_with_forms_alone(counter: Counter, rooms: Rooms) -> None:
    await waits(rooms)
    ann = await counter.signed_in("Ann", "agent")
    await ann.get("/handover")
    await submit(ann, "/claim")
    await ann.follow()
    await submit(ann, "/say", text="Good morning <script>")
    assert ann.status == 303, ann.text
    assert (await heard(rooms))[-1] == "Good morning <script>"
    await rooms.hear("my answer")
    await rooms.answer()
    await ann.follow()
    assert "my answer" in ann.text
    assert "Good morning &lt;script&gt;" in ann.text
    assert "<script>" not in ann.text.replace('<script type="module"', "")
    await submit(ann, "/back")
    assert ann.location == "/handover"
    assert await heard(rooms) == [BOOK.text("utter_handover_back", "en")]
    await ann.get("/handover/1")
    assert "This request is closed" in ann.text


async def test_a_stale_form_sends_nothing_and_keeps_what_was_typed(
    counter: Counter, rooms: Rooms
) -> None:
    await waits(rooms)
    ann, ben = await counter.signed_in("Ann", "agent"), await counter.signed_in("Ben", "agent")
    await ann.get("/handover")
    await submit(ann, "/claim")
    await ann.follow()
    stale = version(ann)
    await submit(ann, "/pass", colleague="ben")
    await ben.get("/handover/1")
    await submit(ben, "/say", text="I am Ben")
    await heard(rooms)
    await ann.get("/handover")
    await ann.post("/handover/1/say", {"text": "still me", "version": stale})
    assert ann.status == 409
    assert "Nothing was sent, because something has changed." in ann.text
    assert "Answered (Ben" in ann.text
    assert ">still me</textarea>" in ann.text
    assert await heard(rooms) == []


async def test_a_left_question_is_answered_from_its_page(counter: Counter, rooms: Rooms) -> None:
    await waits(rooms, "question")
    ann = await counter.signed_in("Ann", "agent")
    await ann.get("/handover")
    assert "Questions to answer" in ann.text
    await ann.get("/handover/1?canned=visit")
    assert "When do you &lt;b&gt;open&lt;/b&gt;?" in ann.text
    assert "You can come to the desk" in ann.text
    await submit(ann, "/say", text="At nine.")
    assert ann.location == "/handover"
    assert await heard(rooms) == ["At nine."]


async def test_a_chosen_name_is_what_citizens_and_colleagues_read(
    counter: Counter, rooms: Rooms
) -> None:
    await waits(rooms)
    ann = await counter.signed_in("a.devries2", "agent")
    ben = await counter.signed_in("Ben", "agent")
    await ann.get("/account")
    assert "Now you are called A Devries2." in ann.text
    for bad in ("x" * 61, "<b>Ann</b>", "{agent}", "Ann\u202e", "Ann; call 0900 now!", "1234"):
        await ann.post("/account/shown", {"shown": bad})
        assert ann.status == 422, bad
    await ann.post("/account/shown", {"shown": "  Ann   de Vries-Å. O’Neil "})
    assert ann.location == "/account"
    await ann.get("/handover")
    await submit(ann, "/claim")
    said = BOOK.text("utter_handover_claimed", "en", agent="Ann de Vries-Å. O’Neil")
    assert await heard(rooms) == [said]
    await ben.get("/handover")
    assert "with Ann de Vries-Å. O’Neil" in ben.text
    assert "a.devries2" not in ben.text
    await ben.get("/handover/1")
    assert "Ann de Vries-Å. O’Neil holds this conversation" in ben.text
    await ann.get("/account")
    await ann.post("/account/shown", {"shown": ""})
    await ben.get("/handover")
    assert "with A Devries2" in ben.text


async def test_an_empty_or_endless_answer_is_refused(counter: Counter, rooms: Rooms) -> None:
    await waits(rooms, "question")
    ann = await counter.signed_in("Ann", "agent")
    await ann.get("/handover/1")
    for text in ("", "   ", "x" * 4001):
        await ann.get("/handover/1")
        await submit(ann, "/say", text=text)
        assert ann.status == 422
    for bad in ("", "x", "-1", "9" * 30):
        await ann.get("/handover/1")
        await ann.post("/handover/1/say", {"text": "hi", "version": bad})
        assert ann.status == 400
    assert await heard(rooms) == []


async def test_availability_is_what_the_agent_says(counter: Counter, office: Office) -> None:
    ann = await counter.signed_in("Ann", "agent")
    desk: FrontDesk = office.more["desk"]
    await ann.get("/handover")
    assert "You are not available" in ann.text
    await submit(ann, "/available")
    assert await desk.presence.online() == ["ann"]
    await ann.follow()
    assert "You are available" in ann.text
    await submit(ann, "/available")
    assert await desk.presence.online() == []


async def test_a_reader_sees_the_queue_and_no_conversation(counter: Counter, rooms: Rooms) -> None:
    await waits(rooms)
    reader = await counter.signed_in("Rita", "reader")
    await reader.get("/handover")
    assert reader.status == 200
    assert "Take over" not in reader.text
    await reader.get("/handover/1")
    assert reader.status == 403


async def test_a_flagged_conversation_is_taken_from_the_queue(
    counter: Counter, rooms: Rooms
) -> None:
    rooms.ask(Scripted(wants(None, "danger", "call 112")))
    await rooms.hear("there is a strange smell")
    await rooms.answer()
    ann = await counter.signed_in("Ann", "agent")
    await ann.get("/handover")
    assert "Conversations to look at" in ann.text
    await submit(ann, "/take")
    assert ann.location == "/handover/1"
    await ann.get("/handover")
    assert "Conversations to look at" not in ann.text


async def test_a_flagged_conversation_is_looked_at_and_needs_nobody(
    counter: Counter, rooms: Rooms, office: Office
) -> None:
    rooms.ask(Scripted(replace(wants(None), caution=True)))
    accepted = await rooms.hear("the pole hums, call me on 06 12345678")
    await rooms.answer()
    ann = await counter.signed_in("Ann", "agent")
    await ann.get("/handover")
    assert "Possibly danger" in ann.text
    assert "the pole hums" in ann.text
    assert "12345678" not in ann.text
    form = next(f for f in ann.forms if f.action.endswith("/looked-at"))
    for at in ("", "yesterday", "2026-01-01T00:00:00"):
        await ann.post("/handover/looked-at", {**form.values, "at": at})
        assert ann.status == 400
    await ann.post("/handover/looked-at", {**form.values, "reason": "danger"})
    await ann.follow()
    assert "Please look again" in ann.text
    assert "Possibly danger" in ann.text
    await submit(ann, "/looked-at")
    await ann.follow()
    assert "Conversations to look at" not in ann.text
    row = await rooms.row(accepted)
    assert (row["flag_reason"], row["owner"]) == (None, "bot")
    rows = office.database.read_now(lambda c: c.execute(schema.audit.select()).all())
    assert [r.action for r in rows if r.conversation_id == accepted.conversation] == ["flag_seen"]


async def test_danger_stands_above_what_is_only_possible(counter: Counter, rooms: Rooms) -> None:
    rooms.ask(Scripted(replace(wants(None), caution=True)))
    await rooms.hear("the pole hums", address="first")
    await rooms.answer()
    rooms.ask(Scripted(wants(None, "danger", "call 112")))
    await rooms.hear("my house burns", address="second")
    await rooms.answer()
    ann = await counter.signed_in("Ann", "agent")
    await ann.get("/handover")
    assert ann.text.index("my house burns") < ann.text.index("the pole hums")


async def test_reading_and_answering_stand_in_the_audit_log(
    counter: Counter, rooms: Rooms, office: Office, clock: FakeClock
) -> None:
    accepted = await waits(rooms)
    ann = await counter.signed_in("Ann", "agent")
    await ann.get("/handover")
    await submit(ann, "/claim")
    await ann.follow()
    await submit(ann, "/say", text="secret words")
    assert isinstance(office.audit, AuditLog)
    table = schema.audit
    rows = office.database.read_now(lambda c: c.execute(table.select()).all())
    done = [r.action for r in rows if r.conversation_id == accepted.conversation]
    assert done == ["handover_claimed", "handover_read", "handover_said"]
    assert "secret words" not in repr(rows)


async def test_a_conversation_that_was_deleted_is_gone_and_not_an_error(
    counter: Counter, rooms: Rooms
) -> None:
    await waits(rooms)
    ann = await counter.signed_in("Ann", "agent")
    await ann.get("/handover")
    await submit(ann, "/claim")
    await ann.follow()
    held = version(ann)
    from bot.messages import Answer, Reply

    rooms.ask(Scripted(Answer((Reply("gone"),), language="en", forget=True)))
    await rooms.hear("forget me")
    await rooms.answer()
    await ann.post("/handover/1/say", {"text": "hello?", "version": held})
    assert ann.status == 404
