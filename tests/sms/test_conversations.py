"""Whole ways of a text: from a phone, over the road with a fake brain, back to the phone."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest
from aiohttp.test_utils import unused_port

from bot.messages import Address, ConversationId, Reply
from bot.store.rows import OutgoingReply
from connectors.sms.api import ApiUnavailable
from connectors.sms.connector import SmsConnector
from tests.sms.conftest import CITIZEN


async def push(town, text: str) -> None:
    """Staff, or a moved ticket, tells the citizen something."""
    rows = await town.outbox()
    conversation = ConversationId(rows[0].conversation_id)
    reply = Reply(text)
    await town.road.journal.say(
        conversation, [OutgoingReply(reply, tuple(town.sms.render(reply, "en")))]
    )
    await town.run()


async def test_first_text_gets_who_we_are_and_the_answer(town) -> None:
    await town.network.text(CITIZEN, "hello")
    await town.run()
    said = [t.body for t in town.received()]
    assert len(said) == 2
    assert "automatic assistant" in said[0]
    assert f"{town.network.bot_url}/privacy" in said[0]  # a phone has no page to be relative to
    assert said[1] == "You wrote: hello"
    assert await town.states() == ["delivered", "delivered"]


@pytest.mark.parametrize("pick", ["1", " 1. ", "yes", "YES!", "one", "(1)"])
async def test_choice_by_number_or_word(town, pick: str) -> None:
    await town.greet()
    assert await town.text("choose") == ["Is that right?\n1 Yes\n2 No, something else"]
    assert await town.text(pick) == ["You said yes."]
    assert town.brain.turns[-1].payload == "/yes"


async def test_number_without_a_choice_is_words(town) -> None:
    await town.greet()
    assert await town.text("1") == ["You wrote: 1"]
    assert town.brain.turns[-1].payload == ""


async def test_number_that_was_not_offered_is_words(town) -> None:
    await town.greet()
    await town.text("choose")
    assert await town.text("3") == ["You wrote: 3"]


async def test_more_brings_the_held_parts_one_by_one(town) -> None:
    await town.greet()
    [first] = await town.text("long")
    assert first.endswith("Reply MORE to read on.")
    assert "number 0 " in first
    parts = [first]
    while parts[-1].endswith("Reply MORE to read on."):
        parts += await town.text("More")
    assert [n for n in range(20) if f"number {n} " not in "\n".join(parts)] == []
    assert len(town.brain.turns) == 1  # the brain has no part in it
    assert await town.text("more") == ["You wrote: more"]  # nothing is held any longer


@pytest.mark.parametrize("word", ["meer", "MEHR", "mere", "MORE"])
async def test_more_in_every_language(town, word: str) -> None:
    await town.greet()
    await town.text("long")
    [second] = await town.text(word)
    assert "This is sentence" in second


async def test_other_words_drop_the_held_parts(town) -> None:
    await town.greet()
    await town.text("long")
    assert await town.text("something else") == ["You wrote: something else"]
    assert "held" not in await town.states()


async def test_opt_out_end_to_end(town) -> None:
    await town.greet()
    [goodbye] = await town.text("STOP")
    assert "START" in goodbye
    before = len(town.received())
    await push(town, "Your report is repaired.")
    assert len(town.received()) == before  # refused before it left
    row = (await town.outbox())[-1]
    assert (row.state, row.code) == ("refused", "opted_out")
    [welcome] = await town.text("Start")
    assert "again" in welcome
    await push(town, "Your other report is repaired.")
    assert town.received()[-1].body == "Your other report is repaired."
    assert not town.brain.turns


@pytest.mark.parametrize("word", ["stop", "Stoppen", "AFMELDEN", "Stopp", "afmeld", "STOPALL"])
async def test_opt_out_words_of_every_language(town, word: str) -> None:
    await town.greet()
    await town.text(word)
    before = len(town.received())
    await push(town, "News.")
    assert len(town.received()) == before


async def test_opt_out_works_while_a_person_holds_the_conversation(town) -> None:
    await town.greet()
    conversation = ConversationId((await town.outbox())[0].conversation_id)
    await town.road.journal.set_owner(conversation, "clerk")
    assert await town.text("hello?") == []
    assert len(await town.text("stop")) == 1
    before = len(town.received())
    await push(town, "A clerk writes.")
    assert len(town.received()) == before


async def test_stop_that_only_the_provider_knew_is_remembered(town) -> None:
    await town.greet()
    town.network.switches.change({"answer": "stopped"})
    await town.text("hello again")
    assert (await town.outbox())[-1].code == "stopped"
    town.network.switches.change({"answer": "accept"})
    before = len(town.received())
    await push(town, "News.")
    assert len(town.received()) == before
    assert (await town.outbox())[-1].code == "opted_out"


async def test_reports_out_of_order_never_go_back(town) -> None:
    town.network.switches.change({"callbacks": "reversed"})
    await town.text("hello")
    assert await town.states() == ["delivered", "delivered"]


@pytest.mark.parametrize(
    ("fate", "code"), [("filtered", "filtered"), ("unreachable", "unreachable")]
)
async def test_message_that_did_not_arrive_is_known(town, fate: str, code: str) -> None:
    town.network.switches.change({"fate": fate})
    await town.text("hello")
    assert {(row.state, row.code) for row in await town.outbox()} == {("refused", code)}


async def test_throttled_sends_wait_and_go_out_in_order(town) -> None:
    await town.greet()
    town.network.switches.change({"answer": "throttle"})
    await town.text("one")
    await town.text("two")
    assert not town.received()
    town.network.switches.change({"answer": "accept"})
    town.clock.advance(seconds=3)
    await town.run()
    town.clock.advance(seconds=3)
    await town.run()
    assert [t.body for t in town.received()] == ["You wrote: one", "You wrote: two"]


async def test_provider_down_for_an_hour_loses_and_doubles_nothing(town) -> None:
    await town.greet()
    up = town.sms.options
    town.sms.api.options = replace(up, api_url=f"http://127.0.0.1:{unused_port()}")
    for minute in range(60):
        if minute % 12 == 0:
            await town.text(f"minute {minute}")
        town.clock.advance(minutes=1)
        await town.run()
    assert not town.received()
    town.sms.api.options = up
    for _ in range(5):
        town.clock.advance(minutes=1)
        await town.run()
    assert [t.body for t in town.received()] == [f"You wrote: minute {n}" for n in range(0, 60, 12)]


async def test_the_provider_s_redelivery_makes_one_turn(town) -> None:
    await town.greet()
    town.network.switches.change({"redeliver": 9})
    assert await town.text("only once") == ["You wrote: only once"]
    assert len(town.brain.turns) == 1


async def test_two_citizens_do_not_mix(town) -> None:
    await town.network.text(CITIZEN, "I am one")
    await town.network.text("+31600000002", "I am two")
    await town.run()
    assert town.received()[-1].body == "You wrote: I am one"
    assert town.received("+31600000002")[-1].body == "You wrote: I am two"
    assert all("+316" not in t.conversation for t in town.brain.turns)


async def test_logs_show_numbers_only_shortened(town, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    await town.text("hello")
    town.network.switches.change({"answer": "stopped"})
    await town.text("hello again")
    ours = [r.getMessage() for r in caplog.records if r.name.startswith(("bot", "connectors.sms."))]
    assert any("+316...01" in line for line in ours)
    assert not any(CITIZEN in line for line in ours)


# The sweep ---------------------------------------------------------------------------------------


async def test_first_sweep_only_remembers_the_hour(town) -> None:
    town.network.switches.change({"lose_inbound": True})
    await town.network.text(CITIZEN, "long before you came")
    town.clock.advance(hours=1)
    assert await town.sms.sweep(town.road.intake.accept) == 0
    await town.run()
    assert not town.brain.turns


async def test_sweep_repairs_what_no_webhook_brought(town) -> None:
    await town.sms.sweep(town.road.intake.accept)
    await town.greet()
    town.clock.advance(minutes=30)
    town.network.switches.change({"lose_inbound": True})
    await town.network.text(CITIZEN, "first lost")
    town.clock.advance(seconds=5)
    await town.network.text(CITIZEN, "second lost")
    assert await town.sms.sweep(town.road.intake.accept) == 2
    await town.run()
    assert [turn.text for turn in town.brain.turns] == ["first lost", "second lost"]
    assert await town.sms.sweep(town.road.intake.accept) == 0


async def test_sweep_after_a_long_absence_reads_page_after_page(town) -> None:
    await town.sms.sweep(town.road.intake.accept)
    town.network.switches.change({"lose_inbound": True})
    for n in range(230):
        town.clock.advance(minutes=3)
        await town.network.text(CITIZEN, f"text {n}")
    assert await town.sms.sweep(town.road.intake.accept) == 230


async def test_sweep_finds_known_messages_harmless(town) -> None:
    await town.sms.sweep(town.road.intake.accept)
    await town.text("by webhook")
    assert await town.sms.sweep(town.road.intake.accept) == 0
    await town.run()
    assert len(town.brain.turns) == 1


async def test_sweep_that_fails_begins_again_at_the_same_place(town) -> None:
    await town.sms.sweep(town.road.intake.accept)
    town.clock.advance(minutes=30)
    town.network.switches.change({"lose_inbound": True})
    await town.network.text(CITIZEN, "lost")

    async def broken(message):
        raise RuntimeError

    with pytest.raises(Exception, match="try again"):
        await town.sms.sweep(broken)
    town.clock.advance(days=2)
    assert await town.sms.sweep(town.road.intake.accept) == 1


async def test_sweep_brings_pictures_too(town) -> None:
    await town.sms.sweep(town.road.intake.accept)
    town.network.switches.change({"lose_inbound": True})
    sent = await town.network.text(CITIZEN, "", [("image/png", b"PNG")])
    seen = []
    accept = town.road.intake.accept

    async def watched(message):
        seen.append(message)
        return await accept(message)

    await town.sms.sweep(watched)
    await town.network.post(f"{town.network.bot_url}/sms/inbound", town.network.fields(sent))
    [message] = seen
    assert message.attachments[0].kind == "photo"
    assert message.attachments[0].reference == town.network.fields(sent)["MediaUrl0"]
    await town.run()
    assert len(town.received()) == 2  # the webhook that came late changed nothing


async def test_service_sweeps_only_its_own_messages(town) -> None:
    service = "MG" + "1" * 32
    town.sms.options = replace(town.sms.options, sender=service)
    await town.sms.sweep(town.road.intake.accept)
    town.network.switches.change({"lose_inbound": True})
    (await town.network.text(CITIZEN, "ours")).service = service
    await town.network.text(CITIZEN, "another service's")
    assert await town.sms.sweep(town.road.intake.accept) == 1


async def test_address_is_the_number_in_e164(town) -> None:
    await town.text("hello")
    row = await town.road.journal.conversation((await town.outbox())[0].conversation_id)
    assert row is not None
    assert (row["channel"], row["address"]) == ("sms", Address(CITIZEN))


async def test_poll_sweeps_at_once_and_outlives_a_provider_that_is_down(town, monkeypatch) -> None:
    swept: list[float] = []
    monkeypatch.setattr("connectors.sms.connector.SWEEP_SECONDS", 0.0)
    up = town.sms.options

    async def sweep(accept) -> int:
        swept.append(len(swept))
        if len(swept) == 1:
            raise ApiUnavailable("HTTP 500", 500)
        if len(swept) == 2:
            raise RuntimeError
        if len(swept) == 3:
            return await SmsConnector.sweep(town.sms, accept)
        raise asyncio.CancelledError

    monkeypatch.setattr(town.sms, "sweep", sweep)
    with pytest.raises(asyncio.CancelledError):
        await town.sms.poll(town.road.intake.accept, town.road.intake.report)
    assert await town.road.journal.mark(f"sms:{up.account_sid}:swept") == town.clock().isoformat()
