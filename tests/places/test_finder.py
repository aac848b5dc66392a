"""Finding places in the demo city, which has lamp-posts and no borders."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.places.finder import PlaceFinder
from bot.places.nearest import Nearest
from bot.places.shapes import FlatMap

GROTE_MARKT = (53.21868, 6.56752)
TEN_BOER = (53.2739, 6.6976)


@pytest.mark.parametrize(
    "said", ["De Hoogte", "de hoogte", "Hoogte", "wijk Hoogte", "de wijk De Hoogte"]
)
def test_an_area_is_found_with_and_without_article_and_kind(finder: PlaceFinder, said: str) -> None:
    assert [a.code for a in finder.areas_named(said)] == ["BU00140300"]


def test_an_area_in_parts_is_found_as_all_its_parts(finder: PlaceFinder) -> None:
    assert {a.name for a in finder.areas_named("wijk Paddepoel")} == {
        "Paddepoel-Noord",
        "Paddepoel-Zuid",
    }


def test_a_street_name_of_several_towns_gives_them_all(finder: PlaceFinder) -> None:
    assert len({s.town for s in finder.streets_named("kerkstraat")}) == 2
    assert finder.streets_named("Nergensstraat") == []


def test_a_misspelt_street_is_offered(finder: PlaceFinder) -> None:
    assert finder.streets_like("Osterstraat")[0].name == "Oosterstraat"
    assert finder.streets_like("qqqqq") == []


def test_a_street_without_area_code_is_known_and_has_no_area(finder: PlaceFinder) -> None:
    street = finder.streets_named("'t Laantje")[0]
    assert (street.town, street.area_codes) == ("Ten Boer", ())
    assert finder.inside_city(*TEN_BOER)
    assert finder.area_at(*TEN_BOER) is None


def test_without_borders_an_area_is_never_exact(finder: PlaceFinder) -> None:
    hit = finder.area_at(*GROTE_MARKT)
    assert hit is not None
    assert hit.area.parent == "WK001400"
    assert not hit.exact
    assert 0 < hit.metres < 60


@pytest.mark.parametrize("position", [(52.37, 4.9), (0.0, 0.0), (-53.2, 6.5), (90.0, 180.0)])
def test_a_position_elsewhere_is_outside(
    finder: PlaceFinder, position: tuple[float, float]
) -> None:
    assert finder.area_at(*position) is None
    assert not finder.inside_city(*position)


def test_streets_that_meet_have_a_crossing_between_them(finder: PlaceFinder) -> None:
    crossing = finder.crossing("Oosterstraat", "Grote Markt")
    assert crossing is not None
    assert math.hypot(crossing.lat - GROTE_MARKT[0], crossing.lon - GROTE_MARKT[1]) < 0.002
    assert crossing.area_code in ("BU00140000", "BU00140001")
    assert finder.crossing("Oosterstraat", "Hoendiep") is None
    assert finder.crossing("Oosterstraat", "Oosterstraat") is None
    assert finder.crossing("Oosterstraat", "Nergensstraat") is None


def test_a_postcode_may_give_several_areas(finder: PlaceFinder) -> None:
    assert {a.postcode for a in finder.postcode("9712 AB")} == {"9712"}
    assert len(finder.postcode("9712")) > 1
    assert finder.postcode("1012") == finder.postcode("near me") == finder.postcode("") == []


@pytest.mark.parametrize(
    "number", ["02352-285", "2352-285", "2352 285", "02352285", "mast 02352-285"]
)
def test_a_lamp_post_is_found_by_its_number_however_it_is_written(
    finder: PlaceFinder, number: str
) -> None:
    posts = finder.lamp_post(number)
    assert [p.number for p in posts] == ["02352-285"]
    assert posts[0].street == "Hoendiep"


def test_in_a_known_street_the_last_part_of_the_number_is_enough(finder: PlaceFinder) -> None:
    assert [p.number for p in finder.lamp_post("285", "Hoendiep")] == ["02352-285"]
    assert finder.lamp_post("285", "Grote Markt") == []
    assert finder.lamp_post("no number") == []


def test_a_number_that_stands_on_several_posts_gives_them_all(finder: PlaceFinder) -> None:
    assert len(finder.lamp_post("0199-032")) == 3


def test_the_nearest_facilities_come_nearest_first(finder: PlaceFinder) -> None:
    found = finder.nearest_facility("library", *GROTE_MARKT, n=3)
    metres = [m for _, m in found]
    assert metres == sorted(metres)
    assert all(f.sample and f.kind == "library" for f, _ in found)
    assert finder.nearest_facility("airport", *GROTE_MARKT) == []


def test_computed_borders_are_marked_and_cover_the_areas_own_lamp_posts(
    finder: PlaceFinder,
) -> None:
    outline = finder.outline("BU00140700")
    assert outline is not None
    assert outline.approximate
    ring = outline.parts[0][0]
    assert ring[0] == ring[-1]
    assert all(6.4 < lon < 6.7 and 53.1 < lat < 53.3 for lon, lat in ring)
    assert finder.outline("NOWHERE") is None


def test_neighbours_are_of_the_same_kind_and_mutual(finder: PlaceFinder) -> None:
    neighbours = finder.neighbours("BU00140000")
    assert {"Binnenstad-Zuid", "Binnenstad-Oost"} <= {a.name for a in neighbours}
    for area in neighbours:
        assert "BU00140000" in {a.code for a in finder.neighbours(area.code)}
    assert {a.kind for a in finder.neighbours("WK001400")} == {"district"}


def test_nearest_of_many_agrees_with_looking_at_each() -> None:
    map_ = FlatMap(53.2, 6.5)
    things = [(i, 53.2 + (i * 37 % 101) / 5000, 6.5 + (i * 61 % 103) / 5000) for i in range(400)]
    index = Nearest(map_, things)
    here = (53.21, 6.51)
    by_hand = sorted(
        (
            (math.hypot(*(a - b for a, b in zip(map_.flat(lat, lon), map_.flat(*here)))), i)
            for i, lat, lon in things
        )
    )
    assert [round(m, 6) for _, m in index.some(*here, n=7)] == [round(m, 6) for m, _ in by_hand[:7]]
    assert len(index.some(*here, n=1000)) == 400
    assert len(index.within(*here, 500.0)) == sum(m <= 500 for m, _ in by_hand)
    assert Nearest(map_, []).one(*here) is None


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e308])
def test_positions_that_are_none_are_outside_and_end_no_search_in_a_circle(
    finder: PlaceFinder, bad: float
) -> None:
    assert finder.area_at(bad, 6.5) is None
    assert not finder.inside_city(53.2, bad)
    finder.nearest_street(bad, bad)
    finder.nearest_facility("library", bad, 6.5)


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=60) | st.text(alphabet="0123456789- T", max_size=20))
def test_no_words_make_the_finder_stumble(finder: PlaceFinder, text: str) -> None:
    finder.areas_named(text)
    finder.streets_named(text)
    assert len(finder.streets_like(text)) <= 3
    finder.landmark(text)
    finder.postcode(text)
    finder.lamp_post(text)
    finder.lamp_post(text, "Hoendiep")
    finder.crossing(text, "Grote Markt")


@settings(max_examples=200, deadline=None)
@given(lat=st.floats(53.14, 53.29), lon=st.floats(6.40, 6.70))
def test_a_position_with_an_area_is_inside_and_has_a_street(
    finder: PlaceFinder, lat: float, lon: float
) -> None:
    hit = finder.area_at(lat, lon)
    nearest = finder.nearest_street(lat, lon)
    assert nearest is not None
    if hit is not None:
        assert finder.inside_city(lat, lon)
        assert hit.area.kind == "neighbourhood"
        assert hit.metres <= 800
        assert nearest[1] <= hit.metres + 1
