"""Standard replies: written, previewed, ordered and retired by editors; nobody overwrites unseen."""

from __future__ import annotations

import re

import pytest

from bot.console.office import Office
from bot.handover.wording import PLACEHOLDERS, faults_of, filled, unfilled
from bot.messages import PersonWish
from bot.settings import ROOT
from bot.store import schema
from bot.store.canned import CannedReplies, ReplyChanged, ReplyUnknown, code_of, load_canned
from bot.store.engine import Database
from tests.conftest import FakeClock
from tests.console.desk import Browser, Counter
from tests.photos.test_register import ticket_of
from tests.road.rooms import SMS, WEB, Rooms, Scripted, rows
from tests.road.test_handover import wants

SEEDS = load_canned(ROOT / "data")
NEW = {"name_en": "Bring your card", "text_en": "Dear citizen, bring your card to {desk_address}."}


@pytest.fixture
def canned(database: Database, clock: FakeClock) -> CannedReplies:
    made = CannedReplies(database, clock)
    made.load(SEEDS)
    return made


# Rows and rules ----------------------------------------------------------------------------------


def test_every_reply_of_the_file_passes_the_check_of_the_editor() -> None:
    for seed in SEEDS:
        assert faults_of(seed.names, seed.texts, ("en", "nl", "de", "da")) == [], seed.code


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Ask {agent} about {reference}.", []),
        ("Ask {agnet}.", ["unknown"]),
        ("{Agent} {agent.name} {agent!r} {agent:>9} {0} {}", ["unknown"] * 5),
        ("{agent", ["braces"]),
        ("agent}", ["braces"]),
        ("{{agent}}", ["braces"]),
        ("{nobody} and {", ["unknown", "braces"]),
        ("{agent} {agent} {x} {x}", ["unknown"]),
        ("", ["text_missing"]),
        ("x" * 1001, ["text_long"]),
    ],
)
def test_what_is_wrong_with_a_text_is_named(text: str, kinds: list[str]) -> None:
    found = faults_of({"en": "Name"}, {"en": text}, ("en",))
    assert [fault.kind for fault in found] == kinds


def test_a_further_language_is_whole_or_empty() -> None:
    both = ("en", "nl")
    assert faults_of({"en": "A"}, {"en": "B"}, both) == []
    (only,) = faults_of({"en": "A", "nl": "C"}, {"en": "B"}, both)
    assert (only.kind, only.language) == ("text_missing", "nl")
    (other,) = faults_of({"en": "A"}, {"en": "B", "nl": "D"}, both)
    assert (other.kind, other.language) == ("name_missing", "nl")


def test_a_preview_marks_what_was_filled_in() -> None:
    assert filled("I am {agent}.", {"agent": "Ann"}) == [
        ("I am ", False),
        ("Ann", True),
        (".", False),
    ]
    assert unfilled("see {reference}")
    assert not unfilled("see {this} and { that }")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Très bien!", "tres-bien"),
        ("  ", "reply"),
        ("Hello " * 20, "hello-" * 6 + "hell"),
        ("漢", "reply"),
    ],
)
def test_a_code_is_made_of_the_name(name: str, code: str) -> None:
    assert code_of(name) == code


async def test_two_editors_at_once_and_the_second_is_told(canned: CannedReplies) -> None:
    first = await canned.change("hello", 1, {"en": "A"}, {"en": "B"}, 5, "ann")
    assert (first.version, first.edited_by) == (2, "ann")
    with pytest.raises(ReplyChanged) as told:
        await canned.change("hello", 1, {"en": "X"}, {"en": "Y"}, 5, "ben")
    assert (told.value.now.texts, told.value.now.version) == ({"en": "B"}, 2)
    with pytest.raises(ReplyChanged):
        await canned.retire("hello", 1, "ben")
    with pytest.raises(ReplyUnknown):
        await canned.change("nothing", 1, {}, {}, 5, "ben")


async def test_the_file_leaves_edited_and_retired_replies_alone(canned: CannedReplies) -> None:
    await canned.change("hello", 1, {"en": "A"}, {"en": "B"}, 5, "ann")
    await canned.retire("goodbye", 1, "ann")
    canned.load(SEEDS)
    canned.load([seed for seed in SEEDS if seed.code != "moment"])
    found = {reply.code: reply for reply in await canned.everything()}
    assert found["hello"].texts == {"en": "B"}
    assert found["goodbye"].retired_at is not None
    assert "moment" not in found
    assert "goodbye" not in [reply.code for reply in await canned.all()]


async def test_the_order_is_the_files_and_then_the_editors(canned: CannedReplies) -> None:
    assert [reply.code for reply in await canned.all()] == [seed.code for seed in SEEDS]
    await canned.change("goodbye", 1, {"en": "A"}, {"en": "B"}, 1, "ann")
    assert (await canned.all())[0].code == "goodbye"


async def test_two_new_replies_of_one_name_get_codes_of_their_own(canned: CannedReplies) -> None:
    codes = [
        (await canned.add({"en": name}, {"en": "x"}, 1, "ann")).code for name in ("New", "New")
    ]
    assert codes == ["new-2", "new-3"]  # "new" is the page for new ones
    assert (await canned.add({"en": "Hello"}, {"en": "x"}, 1, "ann")).code == "hello-2"


# Pages -------------------------------------------------------------------------------------------


def version(browser: Browser) -> str:
    found = re.search(r'name="version" value="(\d+)"', browser.text)
    assert found is not None
    return found[1]


async def open_reply(browser: Browser, code: str) -> dict[str, str]:
    """The fields of the form of a reply as they stand in the page, texts included."""
    await browser.get(f"/replies/{code}")
    assert browser.status == 200
    texts = re.findall(r'<textarea name="(\w+)"[^>]*>([^<]*)</textarea>', browser.text)
    form = next(f for f in browser.forms if f.action.endswith(f"/replies/{code}"))
    return form.values | dict(texts)


async def test_an_editor_adds_previews_changes_retires_and_brings_back(
    counter: Counter, office: Office
) -> None:
    edith = await counter.signed_in("edith", "editor")
    await edith.get("/replies/new")
    await edith.post("/replies", {**NEW, "version": "1", "place": "15", "do": "preview"})
    assert edith.status == 200
    assert "Nothing is saved yet" in edith.text
    assert ">Dear citizen, bring your card to {desk_address}.</textarea>" in edith.text
    assert "bring-your-card" not in edith.text
    await edith.post("/replies", {**NEW, "version": "1", "place": "15", "do": "save"})
    assert edith.location == "/replies"
    await edith.follow()
    assert "Bring your card is added." in edith.text
    assert edith.text.index("Greeting") < edith.text.index("Bring your card</a>")
    assert edith.text.index("Bring your card</a>") < edith.text.index("One moment</a>")
    assert "no Dutch" in edith.text

    fields = await open_reply(edith, "bring-your-card")
    fields |= {"name_nl": "Kaart mee", "text_nl": "Neem uw pas mee, {agent}.", "do": "save"}
    await edith.post("/replies/bring-your-card", fields)
    assert edith.location == "/replies"
    await edith.get("/replies/bring-your-card")
    await edith.post("/replies/bring-your-card/retire", {"version": version(edith)})
    await edith.follow()
    assert "is out of use" in edith.text
    canned = office.more["desk"].canned
    assert "bring-your-card" not in [reply.code for reply in await canned.all()]
    await edith.get("/replies/bring-your-card")
    await edith.post("/replies/bring-your-card/restore", {"version": version(edith)})
    found = await canned.find("bring-your-card")
    assert found is not None
    assert (found.retired_at, found.texts["nl"]) == (None, "Neem uw pas mee, {agent}.")
    actions = [
        r.action for r in rows(office.database, schema.audit) if r.action.startswith("reply")
    ]
    assert actions == ["reply_added", "reply_changed", "reply_retired", "reply_restored"]


async def test_the_second_editor_sees_the_change_and_loses_no_word(
    counter: Counter, office: Office
) -> None:
    edith = await counter.signed_in("edith", "editor")
    max_ = await counter.signed_in("max", "administrator")
    hers, his = await open_reply(edith, "hello"), await open_reply(max_, "hello")
    await edith.post("/replies/hello", hers | {"text_en": "Hello from Edith", "do": "save"})
    assert edith.status == 303
    await max_.post("/replies/hello", his | {"text_en": "Hello from <Max>", "do": "save"})
    assert max_.status == 409
    assert "Edith has changed this reply since you opened it" in max_.text
    assert ">Hello from &lt;Max&gt;</textarea>" in max_.text
    assert "Hello from Edith" in max_.text
    canned = office.more["desk"].canned
    assert (await canned.find("hello")).texts["en"] == "Hello from Edith"
    fresh = next(f for f in max_.forms if f.action.endswith("/replies/hello")).values
    await max_.post(
        "/replies/hello", his | {"version": fresh["version"], "text_en": "Both", "do": "save"}
    )
    assert max_.status == 303
    assert (await canned.find("hello")).texts["en"] == "Both"


async def test_faults_are_named_and_nothing_typed_is_lost(counter: Counter, office: Office) -> None:
    edith = await counter.signed_in("edith", "editor")
    fields = await open_reply(edith, "hello")
    text = 'My "text" <b> with {nobody} and {agent'
    for do in ("save", "preview"):
        await edith.post("/replies/hello", fields | {"text_en": text, "name_nl": "", "do": do})
        assert edith.status == 422
        assert "{nobody} is not a name that is filled in" in edith.text
        assert "A brace stands alone" in edith.text
        assert "Dutch: Give the reply a name" in edith.text
        assert ">My &#34;text&#34; &lt;b&gt; with {nobody} and {agent</textarea>" in edith.text
    assert (await office.more["desk"].canned.find("hello")).version == 1


async def test_languages_that_the_city_does_not_use_stay_as_they_are(
    counter: Counter, office: Office
) -> None:
    edith = await counter.signed_in("edith", "editor")
    fields = await open_reply(edith, "hello")
    await edith.post("/replies/hello", fields | {"text_en": "Hi", "do": "save"})
    found = await office.more["desk"].canned.find("hello")
    assert list(found.texts) == ["en", "nl", "de", "da"]
    assert found.texts["de"].startswith("Guten Tag")


async def test_hostile_forms_do_nothing(counter: Counter, office: Office) -> None:
    edith = await counter.signed_in("edith", "editor")
    fields = await open_reply(edith, "hello")
    for version_ in ("", "-1", "x", "9" * 30, "١"):
        await edith.post("/replies/hello", fields | {"version": version_})
        assert edith.status == 400
    for place in ("-1", "x", "99999", "1e3", ""):
        await edith.get("/replies")
        await edith.post("/replies/hello", fields | {"place": place, "do": "preview"})
        assert edith.status == 200
        assert 'name="place" min="0" max="9999" value="10"' in edith.text
    await edith.get("/replies/unknown")
    assert edith.status == 404
    await edith.get("/replies/..%2fstaff")
    assert edith.status == 404
    assert (await office.more["desk"].canned.find("hello")).version == 1


async def test_a_reply_is_inserted_with_the_newest_report_and_never_sent_unfilled(
    counter: Counter, office: Office, database: Database, clock: FakeClock
) -> None:
    rooms = Rooms(office.journal)
    rooms.sms, rooms.web = office.connectors[SMS], office.connectors[WEB]  # type: ignore[assignment]
    rooms.__post_init__()
    rooms.ask(Scripted(wants(PersonWish("wait"), "person")))
    accepted = await rooms.hear("a person, please")
    await rooms.answer()
    canned = office.more["desk"].canned
    await canned.add({"en": "Your report"}, {"en": "{agent} looks at {reference}."}, 1, "edith")
    ann = await counter.signed_in("ann.de.vries", "agent")
    await ann.get("/handover")
    await ann.post("/handover/1/claim", {})
    await ann.get("/handover/1?canned=your-report")
    assert ">Ann De Vries looks at {reference}.</textarea>" in ann.text
    found = re.search(r'name="version" value="(\d+)" form="composer"', ann.text)
    assert found is not None
    typed = {"text": "Ann looks at {reference}.", "version": found[1]}
    await ann.post("/handover/1/say", typed)
    assert ann.status == 422
    assert "Fill it in first" in ann.text
    reference = ticket_of(database, clock, str(accepted.conversation))
    await ann.get("/handover/1?canned=your-report")
    assert f">Ann De Vries looks at {reference}.</textarea>" in ann.text


def test_the_placeholders_are_those_that_the_page_explains() -> None:
    from bot.console.words import Words

    words = Words.load()
    assert all(words.has(f"replies.is_{name}") for name in PLACEHOLDERS)
