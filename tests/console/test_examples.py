"""Judging labelled sentences: what is shown, what may be accepted, and what leaves for training."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ruamel.yaml import YAML

from bot.console.office import Office
from bot.messages import ConversationId
from bot.settings import ROOT
from bot.store import schema
from bot.store.city import AnswerRegister
from bot.store.engine import Database
from bot.store.erasure import erase
from bot.store.examples import ExampleRegister
from bot.topics import load_answers
from tests.conftest import FakeClock
from tests.console.desk import Counter
from tests.console.talks import talk
from tests.console.test_masking import MASKER, sentences
from tests.road.rooms import rows

LITTER = {"intent": "report", "topic": "service/litter"}
PASSPORT = {"intent": "ask", "topic": "answer/passport"}


async def labelled(
    office: Office,
    text: str,
    intent: str = "report",
    topic: str | None = "service/litter",
    language: str = "en",
    before: str = "hello",
) -> int:
    """A sentence that a citizen labelled, in a conversation of its own; its number."""
    number = len(rows(office.database, schema.labelled_examples))
    conversation = await talk(
        office, f"+3161{number:07d}", (before, "hello"), (text, "did you mean"), language=language
    )
    inbox = [r for r in rows(office.database, schema.inbox) if r.conversation_id == conversation]
    made = schema.labelled_examples.insert().values(
        inbox_id=inbox[-1].id,
        conversation_id=conversation,
        text=text,
        language=language,
        intent=intent,
        topic=topic,
        offered=[LITTER, PASSPORT],
        labelled_at=office.clock(),
    )
    done = await office.database.write(lambda c: c.execute(made))
    return int(done.inserted_primary_key[0])


@pytest.fixture
def office(office: Office) -> Office:
    office.more["masker"] = MASKER
    AnswerRegister(office.database, office.clock).load(load_answers(ROOT / "data").values())
    return office


def only(office: Office, number: int) -> Any:
    return ExampleRegister(office.database).find(number)


async def test_an_editor_sees_what_the_bot_thought_and_what_was_chosen(
    counter: Counter, office: Office
) -> None:
    number = await labelled(office, "it is a mess <b>here</b>")
    editor = await counter.signed_in("edda", "editor")
    await editor.get("/examples")
    assert "it is a mess &lt;b&gt;here&lt;/b&gt;" in editor.text
    assert re.search(
        r"The bot thought of</dt><dd>Litter in the street\s+· Apply for a passport", editor.text
    )
    assert "The citizen chose</dt><dd><b>Litter in the street</b>" in editor.text
    assert f'action="/console/examples/{number}/accept"' in editor.text
    assert "To judge (1)" in editor.text


async def test_accepting_rejecting_and_taking_back(
    counter: Counter, office: Office, database: Database
) -> None:
    one, two = await labelled(office, "it is a mess"), await labelled(office, "asdf asdf")
    editor = await counter.signed_in("edda", "editor")
    await editor.get("/examples")
    picked = {"text": "it is a mess", "meaning": "report|service/litter", "back": "/examples"}
    await editor.post(f"/examples/{one}/accept", picked)
    assert (editor.status, editor.location) == (303, "/examples")
    await editor.follow()
    assert "The sentence is accepted." in editor.text
    row = only(office, one)
    assert (row["state"], row["decided_by"], row["edited"]) == ("accepted", "edda", None)
    await editor.post(f"/examples/{two}/reject", {})
    assert only(office, two)["state"] == "dropped"
    await editor.get("/examples?state=accepted")
    assert "data/catalogue/litter.yml" in editor.text
    await editor.post(f"/examples/{one}/undo", {"back": "/examples?state=accepted"})
    row = only(office, one)
    assert (row["state"], row["decided_by"], row["meant_topic"]) == ("new", None, None)
    deeds = [d.action for d in await office.audit.newest()]
    assert {"example_accepted", "example_rejected", "example_undone"} <= set(deeds)
    assert "mess" not in str(await office.audit.newest()), "the audit log repeats no words"


async def test_another_meaning_can_be_chosen_and_counts_in_the_export(
    counter: Counter, office: Office
) -> None:
    one = await labelled(office, "my pass is over", "none", None)
    two = await labelled(office, "wanneer komen ze langs", "report", "service/litter", "nl")
    editor = await counter.signed_in("edda", "editor")
    await editor.get("/examples")
    assert "something else</b>" in editor.text
    await editor.post(f"/examples/{one}/accept", {"text": "my pass is over", "meaning": ""})
    assert editor.status == 422
    assert "Choose what the sentence means." in editor.text
    await editor.post(
        f"/examples/{one}/accept", {"text": "my  pass is over", "meaning": "ask|answer/passport"}
    )
    await editor.get("/examples")
    await editor.post(
        f"/examples/{two}/accept", {"text": "wanneer komen ze", "meaning": "waste_day|"}
    )
    await editor.get("/examples/export")
    assert YAML(typ="safe").load(editor.text) == {
        "data/answers/passport.yml": {"examples": {"en": ["my pass is over"]}},
        "data/nlu/nl.yml": {"waste_day": {"nl": ["wanneer komen ze"]}},
    }


async def test_personal_data_is_hidden_and_must_be_written_away_first(
    counter: Counter, office: Office
) -> None:
    said = "My name is Sanne Veenstra and the street is dirty"
    one = await labelled(office, said)
    two = await labelled(office, "Veenstra says it is dirty", before="I am Sanne Veenstra")
    editor = await counter.signed_in("edda", "editor")
    await editor.get("/examples")
    assert "Veenstra" not in editor.text
    assert editor.text.count("personal data</span>") == 2
    assert 'value="My name is [name] and the street is dirty"' in editor.text
    for number, text, fault in (
        (one, said, "There is personal data"),
        (one, "My name is [name] and the street is dirty", "Take out the brackets"),
        (two, "Veenstra says it is dirty", "There is personal data"),
        (one, "", "Write the sentence."),
        (one, "x" * 400, "too long"),
    ):
        await editor.get("/examples")
        await editor.post(
            f"/examples/{number}/accept", {"text": text, "meaning": "report|service/litter"}
        )
        assert editor.status == 422, text
        assert fault in editor.text
        assert only(office, number)["state"] == "new"
        assert not text or f'value="{text}"' in editor.text, "nothing typed is lost"
    await editor.post(
        f"/examples/{one}/accept",
        {"text": "the street is dirty", "meaning": "report|service/litter"},
    )
    assert only(office, one)["edited"] == "the street is dirty"
    await editor.get("/examples/export")
    assert "Veenstra" not in editor.text
    assert "the street is dirty" in editor.text


async def test_what_was_accepted_elsewhere_with_personal_data_is_not_exported(
    counter: Counter, office: Office
) -> None:
    one = await labelled(office, "call 06 12345678 about the dirt")
    table = schema.labelled_examples
    await office.database.write(
        lambda c: c.execute(table.update().where(table.c.id == one).values(state="accepted"))
    )
    editor = await counter.signed_in("edda", "editor")
    await editor.get("/examples/export")
    assert "12345678" not in editor.text
    deed = (await office.audit.newest(action="examples_exported"))[0]
    assert deed.detail == {"rows": 0, "left_out": 1}


async def test_no_labelled_item_can_become_training_data(counter: Counter, office: Office) -> None:
    editor = await counter.signed_in("edda", "editor")
    chosen = [s for s in sentences("masking.tsv") if s.items and len(s.text) < 300][::16]
    for sentence in chosen:
        number = await labelled(office, sentence.text, language=sentence.language)
        await editor.get("/examples")
        await editor.post(
            f"/examples/{number}/accept",
            {"text": sentence.text, "meaning": "report|service/litter"},
        )
        assert editor.status == 422, sentence.text
    assert len(chosen) >= 15


async def test_the_second_of_two_editors_changes_nothing(counter: Counter, office: Office) -> None:
    one = await labelled(office, "it is a mess")
    first = await counter.signed_in("edda", "editor")
    second = await counter.signed_in("emil", "editor")
    await first.get("/examples")
    await second.get("/examples")
    await first.post(f"/examples/{one}/reject", {})
    await second.post(
        f"/examples/{one}/accept", {"text": "it is a mess", "meaning": "report|service/litter"}
    )
    await second.follow()
    assert "Somebody decided on this sentence meanwhile" in second.text
    assert only(office, one)["state"] == "dropped"


async def test_hostile_values_are_refused_or_harmless(counter: Counter, office: Office) -> None:
    one = await labelled(office, "it is a mess")
    editor = await counter.signed_in("edda", "editor")
    for meaning in ("report|service/../../x", "danger|", "ask|service/litter", "|", "x" * 9000):
        await editor.get("/examples")
        await editor.post(f"/examples/{one}/accept", {"text": "it is a mess", "meaning": meaning})
        assert editor.status == 422, meaning
    for query in ("state=%00", "before=abc", "before=-1", "before=" + "9" * 30, "language=xx"):
        await editor.get(f"/examples?{query}")
        assert editor.status == 200, query
    await editor.get("/examples")
    await editor.post(
        f"/examples/{one}/accept",
        {
            "text": "it is\x00 a\u202e mess",
            "meaning": "report|service/litter",
            "back": "//evil.example",
        },
    )
    assert (editor.status, editor.location) == (303, "/examples")
    assert only(office, one)["edited"] is None
    await editor.get("/examples")
    await editor.post("/examples/424242/reject", {})
    assert editor.status == 404


async def test_pages_and_languages(counter: Counter, office: Office) -> None:
    for n in range(23):
        await labelled(
            office, f"sentence {'abcdefghijklmnopqrstuvw'[n]}", language="nl" if n % 2 else "en"
        )
    editor = await counter.signed_in("edda", "editor")
    await editor.get("/examples")
    assert editor.text.count('class="card example"') == 20
    older = re.search(r'rel="next" href="/console([^"]+)"', editor.text)
    assert older
    await editor.get(older[1].replace("&amp;", "&"))
    assert editor.text.count('class="card example"') == 3
    await editor.get("/examples?language=nl")
    assert editor.text.count('class="card example"') == 11


async def test_forgetting_takes_the_sentence_along(
    counter: Counter, office: Office, clock: FakeClock
) -> None:
    one = await labelled(office, "it is a mess")
    conversation = ConversationId(only(office, one)["conversation_id"])
    editor = await counter.signed_in("edda", "editor")
    await editor.get("/examples")
    await office.database.write(lambda c: erase(c, conversation))
    await editor.post(f"/examples/{one}/reject", {})
    assert editor.status == 404
