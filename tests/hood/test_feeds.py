"""Feeds of notices: three kinds, every kind of damage, and never a second row for one item."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.notices.item import MAX_BODY, MAX_BYTES, FeedRefused, plain, web_address
from bot.notices.pulling import Pulled, Pulling, feed_of, fetched, merged
from bot.notices.reading import read
from tests.hood.conftest import NOW, Town

ZONE = ZoneInfo("Europe/Amsterdam")
FEED = "https://city.example/feed"


def ics(*events: str) -> bytes:
    body = "".join(f"BEGIN:VEVENT\r\n{event}\r\nEND:VEVENT\r\n" for event in events)
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//\r\n{body}END:VCALENDAR\r\n".encode()


WORKS = (
    "UID:w1\r\nSUMMARY;LANGUAGE=nl:Riolering Vismarkt\r\nDESCRIPTION:De straat is dicht.\r\n"
    "DTSTART:20260421T060000Z\r\nDTEND:20260424T160000Z\r\nLOCATION:Vismarkt 12\\, Groningen\r\n"
    "URL:https://city.example/w1"
)
GEORSS = b"""<?xml version="1.0"?>
<rss version="2.0" xmlns:georss="http://www.georss.org/georss"><channel><language>nl-NL</language>
<item><guid>r1</guid><title>Markt &amp; muziek</title><category>Markt</category>
<description>&lt;p&gt;Kom &lt;b&gt;langs&lt;/b&gt;&lt;/p&gt;&lt;script&gt;bad()&lt;/script&gt;</description>
<link>https://city.example/r1</link><georss:point>53.2175 6.5625</georss:point></item>
<item><guid>r2</guid><title>Elsewhere</title><georss:point>48.1 11.5</georss:point></item>
</channel></rss>"""


def test_a_calendar_gives_language_times_place_and_link() -> None:
    (item,) = read(ics(WORKS), ZONE, "en").items
    assert item.guid == "w1"
    assert item.texts["nl"].title == "Riolering Vismarkt"
    assert item.begins_at == datetime(2026, 4, 21, 6, tzinfo=timezone.utc)
    assert item.url == "https://city.example/w1"
    assert item.places[0].startswith("Vismarkt 12")
    assert item.kind == "works"


def test_a_bare_date_is_midnight_where_the_city_is() -> None:
    event = "UID:d\r\nSUMMARY:Market\r\nDTSTART;VALUE=DATE:20260501\r\nDTEND;VALUE=DATE:20260502"
    (item,) = read(ics(event), ZONE, "en").items
    assert item.begins_at == datetime(2026, 4, 30, 22, tzinfo=timezone.utc)


def test_a_cancelled_event_is_as_if_it_were_gone() -> None:
    assert read(ics(WORKS + "\r\nSTATUS:CANCELLED"), ZONE, "en").items == ()


def test_rss_loses_its_markup_and_its_scripts() -> None:
    item = read(GEORSS, ZONE, "en").items[0]
    assert item.texts["nl"].title == "Markt & muziek"
    assert item.texts["nl"].text == "Kom langs"
    assert item.points == ((53.2175, 6.5625),)
    assert item.kind == "event"


def test_json_of_ours_and_geojson_are_read() -> None:
    ours = {
        "notices": [
            {
                "id": "j1",
                "areas": ["BU00140000"],
                "kind": "water",
                "begins_at": "2026-04-21T08:00",
                "texts": {"nl": {"title": "Water dicht"}, "en": {"title": "Water off"}},
            }
        ]
    }
    (item,) = read(json.dumps(ours).encode(), ZONE, "en").items
    assert set(item.texts) == {"nl", "en"}
    assert item.begins_at == datetime(2026, 4, 21, 6, tzinfo=timezone.utc)
    ring = [[6.56, 53.217], [6.57, 53.217], [6.57, 53.22], [6.56, 53.217]]
    geo = {
        "type": "FeatureCollection",
        "features": [
            {
                "id": 7,
                "properties": {"title": "Werk"},
                "geometry": {"type": "Polygon", "coordinates": [ring]},
            }
        ],
    }
    (item,) = read(json.dumps(geo).encode(), ZONE, "nl").items
    assert item.guid == "7"
    assert item.points[0] == (53.217, 6.56)


BOMB = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">
<!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]>
<rss><channel><item><title>&lol2;</title></item></channel></rss>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<rss><channel><item><guid>1</guid><title>&x;</title></item></channel></rss>"""


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "neither"),
        (b"hello", "neither"),
        (b"<rss><channel><item></rss>", "no valid XML"),
        (b"<html><body/></html>", "neither RSS nor Atom"),
        (BOMB, "no feed needs"),
        (OUTSIDE, "no feed needs"),
        (b'{"notices": [', "no valid JSON"),
        (b"{}", "neither"),
        (b"[" * 100_000, "no valid JSON"),
        (b'{"notices": "all"}', "neither"),
        ("{'é'}".encode("latin-1"), "no valid JSON"),
        ("BEGIN:VCALENDAR\r\nX:é".encode("latin-1"), "no valid iCalendar"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY", "no valid iCalendar"),
        (b"<rss>" + b" " * (MAX_BYTES + 1), "larger than"),
    ],
)
def test_a_damaged_feed_is_refused_as_a_whole_with_the_reason(content: bytes, why: str) -> None:
    with pytest.raises(FeedRefused, match=why):
        read(content, ZONE, "en")


def test_latin_1_is_read_when_the_xml_says_so() -> None:
    xml = '<?xml version="1.0" encoding="ISO-8859-1"?><rss><item><guid>1</guid><title>Café</title></item></rss>'
    (item,) = read(xml.encode("latin-1"), ZONE, "nl").items
    assert item.texts["nl"].title == "Café"


@pytest.mark.parametrize(
    "entry",
    [
        "text",
        None,
        [],
        {"id": "1", "title": "x", "begins_at": "tomorrow"},
        {"id": "1", "title": "x", "begins_at": "9999-01-01"},
        {"id": "1", "title": "x", "lat": 500, "lon": 5},
        {"id": "1", "title": "x", "lat": "north", "lon": 5},
        {"id": "1", "texts": {"nl": "words"}},
        {"id": "1", "title": "x", "coordinates": [[[[155000.0, 463000.0]]]]},
    ],
)
def test_one_bad_entry_is_named_and_spoils_no_other(entry: Any) -> None:
    good = {"id": "ok", "title": "Fine", "areas": ["BU00140000"]}
    reading = read(json.dumps({"notices": [entry, good]}).encode(), ZONE, "en")
    assert [item.guid for item in reading.items] == ["ok"]
    assert reading.faults[0].startswith("entry 1:")


def test_words_are_cut_and_control_characters_go() -> None:
    assert len(plain("x" * 5000, MAX_BODY)) == MAX_BODY
    assert plain("a\x00b\u202ec\r\n\r\nd", 50) == "a b c d"
    assert plain("\ud800", 5) == "?"


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "file:///etc/passwd", "//x", "https://", "x" * 600, None]
)
def test_only_web_addresses_become_links(url: str | None) -> None:
    assert web_address(url) is None


def take(town: Town, content: bytes, feed: str = FEED) -> Pulled:
    finder = town.city.finder()
    return merged(feed, content, "nl", town.notices, finder, ZONE)


async def test_pulling_again_changes_and_removes_but_never_doubles(town: Town) -> None:
    other = WORKS.replace("w1", "w2").replace("Vismarkt 12", "Gravenburg")
    assert take(town, ics(WORKS, other, WORKS)).added == 2
    assert take(town, ics(WORKS, other)) == Pulled(FEED)
    moved = WORKS.replace("20260424", "20260425")
    done = take(town, ics(moved))
    assert (done.added, done.changed, done.removed) == (0, 1, 1)
    (standing,) = town.notices.standing()
    assert standing.ends_at == datetime(2026, 4, 25, 16, tzinfo=timezone.utc)
    assert take(town, ics(moved, other)).changed == 1  # back again: the same row
    assert len(town.notices.standing()) == 2


async def test_feeds_and_staff_do_not_touch_each_others_notices(town: Town) -> None:
    take(town, ics(WORKS))
    take(town, ics(WORKS), "https://other.example/feed")
    assert len(town.notices.standing()) == 2
    take(town, ics(), "https://other.example/feed")
    assert len(town.notices.standing()) == 1


async def test_items_are_placed_by_position_street_name_code_or_left_out(town: Town) -> None:
    done = take(town, GEORSS)
    assert done.added == 1
    assert "lies in no area" in done.faults[0]
    (standing,) = town.notices.standing()
    assert standing.area_codes
    area = town.city.finder().area_at(53.2175, 6.5625)
    assert area is not None
    assert standing.area_codes == (area.area.code,)


async def test_what_ends_before_it_begins_is_left_out(town: Town) -> None:
    done = take(town, ics(WORKS.replace("20260424T160000Z", "20260401T160000Z")))
    assert done.added == 0
    assert "ends before it begins" in done.faults[0]


async def feed_server(handler: Any) -> TestServer:
    app = web.Application()
    app.router.add_get("/feed", handler)
    server = TestServer(app)
    await server.start_server()
    return server


async def test_a_feed_that_fails_or_floods_leaves_what_we_have(town: Town) -> None:
    answers: list[Any] = [ics(WORKS), 500, b"<rss>" + b"x" * (MAX_BYTES + 10), b"rubbish"]

    async def handler(request: web.Request) -> web.Response:
        answer = answers.pop(0)
        return web.Response(status=answer) if isinstance(answer, int) else web.Response(body=answer)

    server = await feed_server(handler)
    heard: list[str] = []
    pulling = Pulling(
        [f"nl={server.make_url('/feed')}"],
        town.notices,
        town.city.finder,
        ZONE,
        "en",
        lambda: heard.append("news"),
    )
    try:
        assert (await pulling.pull())[0].added == 1
        assert [(await pulling.pull())[0].refused[:12] for _ in range(3)] == [
            "status 500",
            "larger than ",
            "neither iCal",
        ]
    finally:
        await server.close()
    assert len(town.notices.standing()) == 1
    assert heard == ["news"]
    assert NOW


async def test_redirects_without_end_and_other_schemes_are_refused() -> None:
    async def handler(request: web.Request) -> web.Response:
        raise web.HTTPFound("/feed")

    server = await feed_server(handler)
    try:
        with pytest.raises(FeedRefused, match="cannot be fetched"):
            await fetched(str(server.make_url("/feed")))
    finally:
        await server.close()
    with pytest.raises(FeedRefused, match="cannot be fetched"):
        await fetched("file:///etc/passwd")


def test_a_setting_may_name_the_language_of_a_feed() -> None:
    assert feed_of("nl=https://x.example/a", "en") == ("https://x.example/a", "nl")
    assert feed_of("https://x.example/a?nl=1", "en") == ("https://x.example/a?nl=1", "en")
