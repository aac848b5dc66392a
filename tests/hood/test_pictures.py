"""Pictures: drawn from what was kept and from nothing else, off the loop, cached within bounds."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from PIL import Image

from bot.messages import Picture, Reply
from bot.pictures import gallery as gallery_module
from bot.pictures import specs
from bot.pictures.gallery import Gallery
from bot.pictures.specs import Chart, Group, Map, Mark, Shape
from bot.store.engine import Database
from bot.store.neighbourhood import Drawings
from connectors.sms.render import render as render_sms
from connectors.telegram.render import render as render_telegram
from tests.conftest import FakeClock

CHART = Chart(
    "Two areas",
    ("A", "B"),
    (Group("Inhabitants", (10.0, None), ("10", "not published")),),
    "Year: 2017. Source: $CBS$ & others",
)
SQUARE = ((0, 0), (500, 0), (500, 400), (0, 400))
MAP = Map(
    "An area",
    Shape("A", (SQUARE,), (250, 200)),
    (Shape("B", (tuple((x + 510, y) for x, y in SQUARE),), (760, 200)),),
    ((10, 10), (20, 20)),
    (Mark("Long Street", (100, 100)), Mark("Long Street", (100, 100))),
    "Estimated.",
)


@pytest.mark.parametrize("spec", [CHART, MAP], ids=["chart", "map"])
def test_a_picture_is_a_png_for_a_phone_and_the_same_each_time(spec: specs.Spec) -> None:
    first, again = gallery_module.draw(spec), gallery_module.draw(spec)
    assert first == again
    image = Image.open(io.BytesIO(first))
    assert image.width == 800
    assert 200 <= image.height <= 1600
    assert len(first) < 400_000


@pytest.mark.parametrize("spec", [CHART, MAP], ids=["chart", "map"])
def test_a_specification_survives_being_kept(spec: specs.Spec) -> None:
    import json

    assert specs.from_json(json.loads(json.dumps(specs.to_json(spec)))) == spec


@pytest.mark.parametrize(
    "spec",
    [
        Chart("", (), (), ""),
        Chart("x" * 900, ("y" * 300, "z"), (Group("h" * 300, (0.0, 0.0), ("0", "0")),), "f" * 900),
        Chart("$x$ \\frac{", ("a_b^c",), (Group("${}$", (1.0,), ("$1",)),), "\\"),
        Chart(
            "t", tuple("abcdefg"), tuple(Group("g", (1.0,) * 7, ("1",) * 7) for _ in range(40)), ""
        ),
        Map("", Shape("", (), (0, 0)), (), (), (), ""),
        Map("m", Shape("a", (((0, 0), (1, 1)),), (0, 0)), (Shape("b", (), (5, 5)),), (), (), ""),
    ],
)
def test_odd_content_is_drawn_all_the_same(spec: specs.Spec) -> None:
    assert gallery_module.draw(spec).startswith(b"\x89PNG")


@pytest.fixture
def gallery(database: Database, clock: FakeClock, tmp_path: Path) -> Gallery:
    return Gallery(Drawings(database, clock), tmp_path / "pictures")


async def client_of(gallery: Gallery) -> TestClient[Any, Any]:
    app = web.Application()
    app.add_routes(list(gallery.routes()))
    client = TestClient(TestServer(app))
    await client.start_server()
    return client


async def test_a_kept_picture_is_served_with_a_long_life_and_a_tag(gallery: Gallery) -> None:
    client = await client_of(gallery)
    try:
        url = gallery.keep(CHART)
        assert gallery.keep(CHART) == url
        answer = await client.get(url)
        assert answer.status == 200
        assert answer.content_type == "image/png"
        assert "immutable" in answer.headers["Cache-Control"]
        again = await client.get(url, headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status == 304
        assert await gallery.at(url) == await answer.read()
    finally:
        await client.close()


@pytest.mark.parametrize(
    "path",
    [
        "/pictures/" + "0" * 40 + ".png",
        "/pictures/..%2f..%2fetc%2fpasswd.png",
        "/pictures/" + "A" * 40 + ".png",
        "/pictures/chart.png",
        "/pictures/%00.png",
        "/pictures/" + "a" * 4000 + ".png",
        "/pictures/.png",
    ],
)
async def test_a_name_that_nobody_kept_is_not_found(gallery: Gallery, path: str) -> None:
    client = await client_of(gallery)
    try:
        assert (await client.get(path)).status == 404
    finally:
        await client.close()
    assert await gallery.at("https://evil.example/x.png") is None


async def test_a_picture_is_drawn_once_and_the_loop_stays_free(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[specs.Spec] = []
    real = gallery_module.draw

    def counting(spec: specs.Spec) -> bytes:
        drawn.append(spec)
        return real(spec)

    monkeypatch.setattr(gallery_module, "draw", counting)
    name = specs.name_of(CHART)
    gallery.keep(CHART)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    found = await asyncio.gather(*(gallery.image(name) for _ in range(8)))
    ticking.cancel()
    assert len(drawn) == 1
    assert len(set(found)) == 1
    assert ticks > 10


async def test_the_cache_stays_within_its_bounds(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    gallery = Gallery(Drawings(database, clock), tmp_path / "p", most_bytes=40_000)
    for number in range(6):
        chart = Chart(f"Chart {number}", CHART.names, CHART.groups, CHART.footnote)
        gallery.keep(chart)
        assert await gallery.image(specs.name_of(chart))
    files = list((tmp_path / "p").iterdir())
    assert sum(f.stat().st_size for f in files) <= 40_000
    assert all(f.suffix == ".png" for f in files)


def test_telegram_gets_our_picture_by_its_bytes_with_the_words_under_it() -> None:
    reply = Reply("Helpman: 3 <people>", image=Picture("/pictures/x.png", "Chart: 3 people"))
    (payload,) = render_telegram(reply, "en", "", uploads=True)
    assert payload["own"] == "/pictures/x.png"
    assert payload["text"] == "Helpman: 3 &lt;people&gt;"
    long = Reply("word " * 400, image=Picture("/pictures/x.png", "Chart"))
    photo, *texts = render_telegram(long, "en", "", uploads=True)
    assert photo["text"] == "Chart"
    assert texts


def test_sms_gets_a_link_that_a_phone_can_open_or_none() -> None:
    reply = Reply("Helpman: 3 people", image=Picture("/pictures/x.png", "A long chart in words"))
    (with_address,) = render_sms(reply, "nl", "https://bot.city.example")
    assert "Afbeelding: https://bot.city.example/pictures/x.png" in with_address["text"]
    (without,) = render_sms(reply, "nl", "")
    assert without["text"] == "Helpman: 3 people"
