"""Talks about tickets with the trained model, in four languages: status, withdraw, stop following,
and "it is fixed" that is answered with no, by number, by words, and days later."""

from __future__ import annotations

import asyncio
import re
import secrets

import pytest
import sqlalchemy as sa

from bot.assembly import Road, utc_now
from bot.civic.tickets import NewTicket, State, Ticket
from bot.messages import Address, ChannelName, Inbound
from bot.store import schema
from tests.road.rooms import SMS, Line
from tests.talking import Citizen

pytestmark = pytest.mark.asyncio(loop_scope="session")
TELEGRAM = ChannelName("telegram")
LANGUAGES = ("en", "nl", "de", "da")
STATUS = {
    "en": "how far are you with my report?",
    "nl": "hoe ver zijn jullie met mijn melding?",
    "de": "wie weit sind Sie mit meiner Meldung?",
    "da": "hvor langt er I med min sag?",
}
WITHDRAW = {
    "en": "I would like to withdraw my report, it is solved",
    "nl": "ik wil mijn melding graag intrekken, het is opgelost",
    "de": "Ich will meine Meldung zurückziehen, es ist erledigt",
    "da": "jeg vil gerne trække min sag tilbage, det er løst",
}
UNFOLLOW = {
    "en": "I don't want to follow this report any longer",
    "nl": "ik wil die melding niet langer volgen",
    "de": "ich möchte der Meldung nicht länger folgen",
    "da": "jeg vil ikke længere følge den sag",
}
YES = {"en": "yes", "nl": "ja", "de": "ja", "da": "ja"}
NO_BECAUSE = {
    "en": "No, the lamp is still dark",
    "nl": "Nee, de lamp doet het nog steeds niet",
    "de": "Nein, die Laterne ist immer noch aus",
    "da": "Nej, lampen er stadig slukket",
}
REASON = {
    "en": "the lamp goes on and off all night",
    "nl": "de lantaarn knippert de hele nacht",
    "de": "die Laterne flackert die ganze Nacht",
    "da": "lampen blinker hele natten",
}


async def arrive(road: Road, language: str) -> Citizen:
    citizen = await Citizen.arrive(road, language)
    table = schema.conversations
    fixed = table.update().where(table.c.id == citizen.conversation)
    await road.database.write(
        lambda c: c.execute(
            fixed.values(language=language, language_fixed=True, disclosed_at=utc_now())
        )
    )
    return citizen


def report(road: Road, citizen: Citizen, language: str) -> Ticket:
    return road.tickets.open(
        NewTicket(
            request_key=secrets.token_hex(8),
            conversation=citizen.conversation,
            service="street-light",
            desk="lighting",
            language=language,
            place="Zonnelaan 40",
            place_known=True,
            details="very private words",
            area_code=None,
        )
    )


async def news(road: Road, citizen: Citizen) -> str:
    """What was pushed to the citizen, once it has left."""
    await road.ticket_news.tell()
    deadline = asyncio.get_running_loop().time() + 20
    while asyncio.get_running_loop().time() < deadline:
        watch = road.reader.watch(citizen.conversation)
        entries = await road.reader.entries(citizen.conversation, citizen.cursor)
        pushed = [e for e in entries if e.sender == "bot" and e.external_id is None]
        if pushed and pushed[-1].state in ("sent", "delivered"):
            citizen.cursor, citizen.last = pushed[-1].cursor, pushed
            return str(pushed[-1].body["text"])
        await watch.news(0.2)
    raise AssertionError("no news came")


def now(road: Road, ticket: Ticket) -> Ticket:
    found = road.tickets.find(ticket.reference)
    assert found is not None
    return found


@pytest.mark.parametrize("language", LANGUAGES)
async def test_status_lists_own_and_followed_reports_and_says_which_are_which(
    road: Road, language: str
) -> None:
    citizen, other = await arrive(road, language), await arrive(road, language)
    own, followed = report(road, citizen, language), report(road, other, language)
    road.tickets.follow(followed.reference, citizen.conversation)
    heard = await citizen.say(STATUS[language])
    assert own.reference in heard
    assert followed.reference in heard
    assert road.phrasebook.text("utter_ticket_followed", language) in heard
    assert heard.count("Zonnelaan") == 1, "only the own one shows its place"
    assert "private" not in heard


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_report_is_withdrawn_after_a_question_and_only_by_its_reporter(
    road: Road, language: str
) -> None:
    citizen, other = await arrive(road, language), await arrive(road, language)
    ticket = report(road, citizen, language)
    heard = await other.say(f"{WITHDRAW[language]} {ticket.reference}")
    unknown = await other.say(f"{WITHDRAW[language]} LW-2020-09999")
    assert heard.replace(ticket.reference, "X") == unknown.replace("LW-2020-09999", "X")
    assert now(road, ticket).state is State.RECEIVED
    heard = await citizen.say(WITHDRAW[language])
    assert ticket.reference in heard
    assert len(citizen.choices) == 2
    await citizen.choose(citizen.choices[1])
    assert now(road, ticket).state is State.RECEIVED
    await citizen.say(WITHDRAW[language])
    heard = await citizen.say(YES[language])
    assert ticket.reference in heard
    assert now(road, ticket).state is State.WITHDRAWN
    heard = await citizen.say(WITHDRAW[language])
    assert heard == road.phrasebook.text("utter_nothing_to_withdraw", language)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_following_ends_with_a_sentence(road: Road, language: str) -> None:
    citizen, other = await arrive(road, language), await arrive(road, language)
    ticket = report(road, other, language)
    road.tickets.follow(ticket.reference, citizen.conversation)
    heard = await citizen.say(UNFOLLOW[language])
    assert ticket.reference in heard
    assert not road.tickets.follows(ticket.reference, citizen.conversation)
    assert road.tickets.follows(ticket.reference, other.conversation)
    heard = await citizen.say(UNFOLLOW[language])
    assert heard == road.phrasebook.text("utter_nothing_followed", language)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_fixed_then_no_by_number_then_a_reason_opens_it_again(
    road: Road, language: str
) -> None:
    citizen = await arrive(road, language)
    ticket = report(road, citizen, language)
    road.tickets.move(ticket.reference, State.FIXED, "Kim", "")
    told = await news(road, citizen)
    assert road.phrasebook.text("utter_ticket_is_it_fixed", language) in told
    heard = await citizen.say("2")
    assert heard == road.phrasebook.text(
        "utter_ticket_ask_why", language, reference=ticket.reference
    )
    heard = await citizen.say(REASON[language])
    assert heard == road.phrasebook.text(
        "utter_ticket_reopened", language, reference=ticket.reference
    )
    assert now(road, ticket).state is State.REOPENED
    assert road.tickets.history(ticket.reference)[-1]["text"] == REASON[language]
    assert len(road.tickets.of_conversation(citizen.conversation)) == 1, "no second report"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_fixed_then_no_with_its_reason_in_one_sentence(road: Road, language: str) -> None:
    citizen = await arrive(road, language)
    ticket = report(road, citizen, language)
    road.tickets.move(ticket.reference, State.FIXED, "Kim", "")
    await news(road, citizen)
    await citizen.say(NO_BECAUSE[language])
    assert now(road, ticket).state is State.REOPENED
    assert road.tickets.history(ticket.reference)[-1]["text"] == NO_BECAUSE[language]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_fixed_then_yes_is_thanked_for(road: Road, language: str) -> None:
    citizen = await arrive(road, language)
    ticket = report(road, citizen, language)
    road.tickets.move(ticket.reference, State.FIXED, "Kim", "")
    await news(road, citizen)
    heard = await citizen.say(YES[language])
    assert heard == road.phrasebook.text("utter_ticket_fixed_thanks", language)
    assert now(road, ticket).state is State.FIXED


async def test_news_inside_a_report_is_answered_and_the_report_goes_on(road: Road) -> None:
    citizen = await arrive(road, "en")
    ticket = report(road, citizen, "en")
    await citizen.say("there is a big pothole")
    road.tickets.move(ticket.reference, State.FIXED, "Kim", "")
    await news(road, citizen)
    await citizen.choose("No, not yet")
    heard = await citizen.say("it is still dark there every evening")
    assert ticket.reference in heard
    assert now(road, ticket).state is State.REOPENED
    heard = await citizen.say("Zonnelaan 12")
    assert "Zonnelaan 12" in heard, "the open report hears its place"


async def test_guessing_references_is_stopped_with_the_same_words(road: Road) -> None:
    citizen, other = await arrive(road, "en"), await arrive(road, "en")
    ticket = report(road, other, "en")
    for n in range(10):
        await citizen.say(f"status of LW-2020-0900{n}")
    known = await citizen.say(f"status of {ticket.reference}")
    unknown = await citizen.say("status of LW-2020-09999")
    assert known == unknown == road.phrasebook.text("utter_ticket_lookups", "en")


@pytest.fixture
def other_ways(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines for SMS and Telegram on which nothing leaves."""
    for name in (SMS, TELEGRAM):
        monkeypatch.setitem(road.connectors, name, Line(name))
    actions = road.brain.actions  # type: ignore[attr-defined]
    following = actions["action_ticket_status"].city.following
    monkeypatch.setattr(following, "bot_name", lambda: "CityBot")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.usefixtures("other_ways")
async def test_news_goes_to_a_number_that_a_code_confirmed(road: Road, language: str) -> None:
    citizen = await arrive(road, language)
    ticket = report(road, citizen, language)
    await citizen.say(STATUS[language])
    await citizen.choose(road.phrasebook.text("utter_label_by_sms", language))
    number = f"06{secrets.randbelow(10**7) + 2 * 10**7:08d}"
    heard = await citizen.say(number)
    assert heard == road.phrasebook.text("utter_follow_code_sent", language)
    outbox = schema.outbox
    query = sa.select(outbox.c.reply).order_by(outbox.c.id.desc()).limit(20)
    sent = await road.database.read(lambda c: [row.reply["text"] for row in c.execute(query)])
    code = next(m[0] for m in (re.search(r"\b\d{6}\b", text) for text in sent) if m)
    heard = await citizen.say(f"{(int(code) + 1) % 10**6:06d}")
    assert heard == road.phrasebook.text("utter_follow_code_wrong", language)
    heard = await citizen.say(code)
    assert ticket.reference in heard
    assert len(road.tickets.followers(ticket.reference)) == 2


@pytest.mark.usefixtures("other_ways")
async def test_news_goes_to_the_telegram_that_opened_the_link(road: Road) -> None:
    citizen = await arrive(road, "en")
    ticket = report(road, citizen, "en")
    await citizen.say(STATUS["en"])
    await citizen.choose(road.phrasebook.text("utter_label_by_telegram", "en"))
    (link,) = [e.body["link"]["url"] for e in citizen.last if e.body.get("link")]
    token = link.partition("?start=")[2]
    for n, chat in enumerate(("4711", "4712")):
        accepted = await road.intake.accept(
            Inbound(TELEGRAM, f"1:{token[:6]}{n}", Address(chat), command="start", argument=token)
        )
        deadline = asyncio.get_running_loop().time() + 20
        while not (said := await road.journal.entries(accepted.conversation))[1:]:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.05)
        told = " ".join(str(e.body.get("text")) for e in said)
        assert (ticket.reference in told) == (n == 0), "the link works once"
    assert len(road.tickets.followers(ticket.reference)) == 2
