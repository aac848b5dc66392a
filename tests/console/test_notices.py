"""Notices in the console: written, checked, previewed for those who will hear, published, withdrawn."""

from __future__ import annotations

import html
import re
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.civic.areas import Area
from bot.civic.notices import NewNotice, NoticeText
from bot.console.office import Office
from bot.notices.drafting import Draft, check, grouped
from bot.notices.telling import Telling
from bot.store import schema
from bot.store.engine import Database
from bot.store.notices import NoticeRegister
from bot.telling import Teller
from tests.conftest import FakeClock
from tests.console.desk import Browser, Counter
from tests.console.talks import talk
from tests.road.rooms import phrasebook, rows

ZONE = ZoneInfo("Europe/Amsterdam")
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=timezone.utc)


def area(code: str, kind: str, name: str, parent: str | None) -> Area:
    return Area(code, kind, name, parent, None, {}, 2025, "test")


AREAS = [
    area("WK1", "district", "Centrum", None),
    area("BU1", "neighbourhood", "Binnenstad-Noord", "WK1"),
    area("BU2", "neighbourhood", "Binnenstad-Zuid", "WK1"),
    area("BU9", "neighbourhood", "Selwerd", None),
]


@pytest.fixture
def office(office: Office) -> Office:
    table = schema.areas
    known = {column.name for column in table.columns}
    for one in AREAS:
        values = {"code": one.code, "kind": one.kind, "name": one.name, "parent": one.parent}
        filled = {k: v for k, v in values.items() if k in known} | _needed(table, values)
        office.database.write_now(lambda c, filled=filled: c.execute(table.insert().values(filled)))
    return office


def _needed(table: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Values for columns that must hold something."""
    found: dict[str, Any] = {}
    for column in table.columns:
        if column.nullable or column.server_default is not None or column.name in values:
            continue
        kind = column.type.python_type
        found[column.name] = {} if kind is dict else NOW if kind is datetime else kind()
    return found


async def follower(office: Office, address: str, area: str, language: str = "nl") -> str:
    conversation = await talk(office, address, ("hallo", "dag"), language=language)
    NoticeRegister(office.database, office.clock).follow(conversation, area)
    return conversation


async def editor_at(counter: Counter, path: str = "/notices/new") -> Browser:
    editor = await counter.signed_in("edda", "editor")
    await editor.get(path)
    assert editor.status == 200, editor.text
    return editor


def key(page: str) -> str:
    found = re.search(r'name="key" value="([0-9a-f]+)"', page)
    assert found
    return found[1]


def filled(page: str, **changes: str) -> dict[str, str]:
    """A form that is right, with changes."""
    given = {
        "key": key(page), "kind": "works", "area": "BU1", "place": "", "url": "",
        "begins": "2026-03-09T07:00", "ends": "2026-03-13T17:00",
        "title_en": "Oosterstraat closed", "text_en": "Cyclists can pass.",
        "title_nl": "Oosterstraat afgesloten", "text_nl": "",
    }  # fmt: skip
    return given | changes


async def test_a_notice_is_previewed_for_those_who_will_hear_and_then_published(
    counter: Counter, office: Office, database: Database
) -> None:
    await follower(office, "+31611111111", "WK1")
    await follower(office, "+31622222222", "BU1", "en")
    await follower(office, "+31633333333", "BU9")
    editor = await editor_at(counter)
    await editor.post("/notices/new", filled(editor.text) | {"do": "preview"})
    assert editor.status == 200
    assert "Followers who will be told: 2." in editor.text
    assert "On: Binnenstad-Noord." in editor.text
    assert "Oosterstraat afgesloten (van 9 maart 07:00 tot 13 maart 17:00)" in editor.text
    assert "Oosterstraat closed (from 9 March 07:00" in editor.text
    assert rows(database, schema.notices) == [], "a preview keeps nothing"
    await editor.post("/notices/new", filled(editor.text) | {"do": "publish"})
    assert (editor.status, editor.location) == (303, "/notices")
    (row,) = rows(database, schema.notices)
    assert row.area_codes == ["BU1"]
    assert row.begins_at == datetime(2026, 3, 9, 6, 0, tzinfo=timezone.utc), "the city's time"
    assert row.ends_at == datetime(2026, 3, 13, 16, 0, tzinfo=timezone.utc)
    assert row.texts["nl"]["title"] == "Oosterstraat afgesloten"
    await editor.follow()
    assert "The notice is published" in editor.text
    assert "Planned <span" in editor.text
    deed = (await office.audit.newest(action="notice_published"))[0]
    assert deed.detail == {"areas": ["BU1"]}


async def test_followers_hear_exactly_what_the_preview_showed(
    counter: Counter, office: Office, clock: FakeClock, database: Database
) -> None:
    one = await follower(office, "+31611111111", "BU1")
    editor = await editor_at(counter)
    await editor.post("/notices/new", filled(editor.text) | {"do": "preview"})
    shown = re.findall(r'<p class="words said agent" lang="nl"[^>]*>([^<]+)</p>', editor.text)
    preview = [html.unescape(words) for words in shown]
    await editor.post("/notices/new", filled(editor.text) | {"do": "publish"})
    register = NoticeRegister(database, clock)
    teller = Teller(office.journal, office.connectors, "en")
    telling = Telling(
        register, teller.push, phrasebook(), lambda: AREAS, tuple(phrasebook().languages), ZONE
    )
    assert await telling.step() == 1
    entries = await office.journal.entries(one)
    assert entries[-1].body["text"] in preview
    await editor.get("/notices")
    assert "followers were told" in editor.text


async def test_a_form_that_is_sent_twice_makes_one_notice(
    counter: Counter, office: Office, database: Database
) -> None:
    editor = await editor_at(counter)
    form = filled(editor.text) | {"do": "publish", "token": editor.token}
    await editor.post("/notices/new", form)
    await editor.post("/notices/new", form, token=None)
    assert editor.status in (303, 403)
    await editor.get("/notices/new")
    await editor.post("/notices/new", {**form, "token": editor.token})
    await editor.follow()
    assert "published before" in editor.text
    assert len(rows(database, schema.notices)) == 1


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"title_en": " "}, "Give the notice a title."),
        ({"title_nl": "", "text_nl": "alleen tekst"}, "Dutch: Give the notice a title."),
        ({"title_en": "x" * 300}, "The title is too long."),
        ({"text_en": "x" * 2000}, "The text is too long."),
        ({"area": "", "place": ""}, "Say where"),
        ({"area": "NOWHERE"}, "Say where"),
        ({"place": "Atlantis"}, "We do not know this place."),
        ({"begins": "tomorrow"}, "The beginning is no date"),
        ({"ends": "2026-13-40T99:00"}, "The end is no date"),
        ({"begins": "2026-03-29T02:30", "ends": ""}, "The clocks skip the beginning"),
        ({"ends": "2026-03-09T07:00"}, "later than the beginning"),
        ({"begins": "", "ends": "2026-01-01T10:00"}, "The end is in the past."),
        ({"url": "javascript:alert(1)"}, "http:// or https://"),
        ({"kind": "war"}, "Choose a kind."),
    ],
)
async def test_every_fault_is_named_and_nothing_typed_is_lost(
    counter: Counter, office: Office, database: Database, changes: dict[str, str], fault: str
) -> None:
    editor = await editor_at(counter)
    form = filled(editor.text, **changes)
    await editor.post("/notices/new", form | {"do": "publish"})
    assert editor.status == 422
    assert fault in editor.text, fault
    assert rows(database, schema.notices) == []
    for name in ("begins", "ends", "url", "place", "title_en", "title_nl"):
        if form[name].strip():
            assert f'name="{name}"' in editor.text
            assert f'value="{form[name].strip()}"' in editor.text, name
    assert form["text_en"][:2000] in editor.text
    assert key(editor.text) == form["key"]


async def test_a_place_in_words_is_found_and_a_name_of_an_area_too(
    counter: Counter, office: Office, database: Database
) -> None:
    editor = await editor_at(counter)
    form = filled(editor.text, area="", place="binnenstad-zuid") | {"do": "publish"}
    await editor.post("/notices/new", form)
    assert editor.status == 303, editor.text
    assert rows(database, schema.notices)[0].area_codes == ["BU2"]


async def test_markup_is_only_words(counter: Counter, office: Office, database: Database) -> None:
    editor = await editor_at(counter)
    hostile = "<script>alert(1)</script><b>Oops</b>"
    await editor.post("/notices/new", filled(editor.text, title_en=hostile) | {"do": "preview"})
    assert "<script>alert" not in editor.text
    await editor.post("/notices/new", filled(editor.text, title_en=hostile) | {"do": "publish"})
    assert rows(database, schema.notices)[0].texts["en"]["title"] == "Oops"
    for bad in ("", "../x", "x" * 99, "é"):
        await editor.get("/notices/new")
        await editor.post("/notices/new", filled(editor.text) | {"key": bad})
        assert editor.status == 400


async def test_live_planned_past_and_withdrawn(
    counter: Counter, office: Office, clock: FakeClock, database: Database
) -> None:
    register = NoticeRegister(database, clock)

    def made(title: str, begins: int | None, ends: int | None, guid: str) -> NewNotice:
        def at(hours: int | None) -> datetime | None:
            return None if hours is None else clock.now + timedelta(hours=hours)

        texts = {"en": NoticeText(title)}
        return NewNotice(guid, ("BU1",), "works", texts, at(begins), at(ends))

    live = register.add(made("going on", -1, 5, "a"))
    register.add(made("to come", 5, 9, "b"))
    register.add(made("is over", -9, -5, "c"))
    register.merge("https://feed.example/x", [made("of a feed", None, None, "d")])
    editor = await editor_at(counter, "/notices")
    order = [editor.text.index(words) for words in ("going on", "to come", "is over")]
    assert order == sorted(order)
    assert "of a feed" in editor.text, "without an end it stays"
    assert editor.text.count("/withdraw") == 2, "not what is over, nor what a feed brings"
    await editor.post(f"/notices/{live}/withdraw", {})
    await editor.follow()
    assert "The notice is withdrawn." in editor.text
    assert "withdrawn</span>" in editor.text
    assert [n.texts["en"].title for n in register.of_areas(["BU1"])] == ["of a feed", "to come"]
    await editor.post(f"/notices/{live}/withdraw", {})
    await editor.follow()
    assert "withdrawn before" in editor.text
    feed = next(r.id for r in rows(database, schema.notices) if r.feed)
    await editor.post(f"/notices/{feed}/withdraw", {})
    assert editor.status == 400
    await editor.get("/notices")
    await editor.post("/notices/424242/withdraw", {})
    assert editor.status == 404
    assert len(await office.audit.newest(action="notice_withdrawn")) == 1


async def test_who_opted_out_or_blocked_us_is_not_counted(
    office: Office, database: Database, clock: FakeClock
) -> None:
    await follower(office, "+31611111111", "BU1")
    gone = await follower(office, "+31622222222", "BU1")
    blocked = await follower(office, "+31633333333", "BU1", "en")
    row = await office.journal.conversation(gone)
    assert row is not None
    table = schema.opt_outs
    await database.write(
        lambda c: c.execute(
            table.insert().values(channel="sms", address=row["address"], opted_out_at=clock())
        )
    )
    talks = schema.conversations
    await database.write(
        lambda c: c.execute(talks.update().where(talks.c.id == blocked).values(blocked_at=clock()))
    )
    assert NoticeRegister(database, clock).audience(["BU1"]) == {("sms", "nl"): 1}


def test_areas_are_grouped_by_district() -> None:
    assert [(a.code, [b.code for b in inner]) for a, inner in grouped(AREAS)] == [
        ("BU9", []),
        ("WK1", ["BU1", "BU2"]),
    ]


def test_the_hour_that_comes_twice_is_taken_and_the_one_that_never_comes_is_not() -> None:
    def faults(begins: str) -> list[tuple[str, str]]:
        parts = {"kind": "works", "begins": begins}
        draft = Draft("a", ("BU1",), parts, {"en": "x"}, {})
        return list(check(draft, AREAS, None, ["en"], ZONE, NOW).faults)

    assert faults("2026-10-25T02:30") == []
    assert faults("2026-03-29T02:30") == [("begins", "skipped")]
    assert faults("2026-03-02T07:30+09:00") == [("begins", "time")]
    assert faults("2026-03-02") == []
