"""Facts, comparisons and rankings: the figure, its year and its source, and what is not answered."""

from __future__ import annotations

import pytest

from bot.pictures.specs import Chart, Map
from tests.hood.conftest import Town


async def test_a_figure_comes_with_area_year_and_source(town: Town) -> None:
    heard = await town.say("How many households are there in Gravenburg?", "area_facts")
    area = next(a for a in town.city.areas.areas() if a.name == "Gravenburg")  # type: ignore[attr-defined]
    assert "Gravenburg in 2017" in heard
    assert "households" in heard
    assert f"{area.figures['households']:,}" in heard
    assert "Source: CBS" in heard


async def test_the_next_question_may_name_only_the_figure_or_only_the_place(town: Town) -> None:
    await town.say("hoeveel mensen wonen er in Gravenburg", "area_facts", "nl")
    heard = await town.say("en de huishoudens?", "area_facts")
    assert "Gravenburg" in heard
    assert "huishoudens" in heard
    heard = await town.say("en in De Hunze?", "inform")
    assert "De Hunze" in heard
    assert "huishoudens" in heard
    assert "mensen wonen hier" not in heard


async def test_an_old_question_is_not_gone_on_from(town: Town) -> None:
    await town.say("how many people live in Gravenburg", "area_facts")
    town.clock.advance(hours=2)
    heard = await town.say("and the households?", "area_facts")
    assert "Which neighbourhood" in heard


async def test_a_street_in_several_areas_asks_which_one_is_meant(town: Town) -> None:
    heard = await town.say("how many people live on the Korreweg?", "area_facts")
    assert "more than one neighbourhood" in heard
    assert len(town.labels) >= 2
    heard = await town.pick(town.labels[0])
    assert "people live here" in heard
    assert "2017" in heard


async def test_a_postcode_of_four_digits_is_enough(town: Town) -> None:
    heard = await town.say("how many people live in postcode 9713", "area_facts")
    assert "more than one neighbourhood" in heard or "people live here" in heard


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "how many immigrants live in Helpman"),
        ("nl", "hoeveel Turken wonen er in Vinkhuizen"),
        ("de", "wie viele Ausländer wohnen in Selwerd"),
        ("da", "hvor mange indvandrere bor der i Beijum"),
        ("en", "how many people are married in Helpman"),
        ("nl", "hoeveel gescheiden mensen wonen er in Helpman"),
        ("de", "wie viele Verheiratete wohnen in Helpman"),
        ("da", "hvor mange skilte bor der i Helpman"),
    ],
)
async def test_origin_and_marital_status_are_refused_with_the_reason(
    town: Town, language: str, text: str
) -> None:
    await town.say(text, "area_facts", language)
    assert town.replies[0].text == town.city.text("utter_area_not_kept", language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "what is the average income in Helpman"),
        ("nl", "welke buurt is het groenst"),
        ("de", "wie viele Autos gibt es in Selwerd"),
        ("da", "hvilket kvarter er det tryggeste"),
    ],
)
async def test_a_figure_that_nobody_gave_us_is_said_to_be_missing_with_where_to_look(
    town: Town, language: str, text: str
) -> None:
    await town.say(text, "area_facts", language)
    (reply,) = town.replies
    assert reply.text == town.city.text("utter_figure_none", language)
    assert reply.link is not None
    assert reply.link.url.startswith("https://www.cbs.nl/")


async def test_a_suppressed_figure_is_not_published_by_its_source(town: Town) -> None:
    heard = await town.say("how many elderly people live in the whole of Groningen", "area_facts")
    assert "not published by CBS" in heard


async def test_two_areas_are_compared_in_words_and_in_a_chart_that_say_the_same(
    town: Town,
) -> None:
    heard = await town.say("compare Gravenburg with De Hunze", "area_facts")
    assert "Gravenburg" in heard
    assert "Inhabitants: " in heard
    assert "2017" in heard
    (chart,) = town.pictures.specs
    assert isinstance(chart, Chart)
    assert chart.names == ("Gravenburg", "De Hunze")
    image = town.replies[0].image
    assert image is not None
    for group in chart.groups:
        for words in group.words:
            assert words in heard
            assert words in image.alt
    assert "2017" in chart.footnote
    assert "CBS" in chart.footnote


async def test_one_area_asks_with_which_to_compare_and_takes_the_answer(town: Town) -> None:
    heard = await town.say("vergelijk Gravenburg", "area_facts", "nl")
    assert "Met welke buurt" in heard
    heard = await town.say("De Hunze", "inform")
    assert "Gravenburg" in heard
    assert "De Hunze" in heard


async def test_an_area_is_compared_with_its_district_and_the_city(town: Town) -> None:
    await town.say("how many people live in Gravenburg", "area_facts")
    heard = await town.pick("Compare with the city")
    assert "Groningen" in heard
    assert len(town.pictures.specs[-1].names) == 3  # type: ignore[union-attr]


async def test_a_ranking_names_three_and_where_the_own_area_stands(town: Town) -> None:
    heard = await town.say("which neighbourhood has the most inhabitants", "area_facts")
    values = sorted(
        (
            a.figures["inhabitants"]
            for a in town.city.neighbourhood.all_areas()
            if a.kind == "neighbourhood" and "inhabitants" in a.figures
        ),
        reverse=True,
    )
    assert [f"{int(v):,}" in heard for v in values[:3]] == [True] * 3
    assert f"of {len(values)} areas" in heard
    town.city.neighbourhood.remembered.remember(town.conversation, "BU00140000")
    heard = await town.say("welke buurt heeft de minste inwoners", "area_facts", "nl")
    assert "laagste" in heard
    assert "Binnenstad-Noord staat op plaats" in heard


async def test_the_densest_district_is_a_district(town: Town) -> None:
    heard = await town.say("welke wijk is het dichtst bevolkt", "area_facts", "nl")
    assert "van 15 gebieden" in heard or "van 14 gebieden" in heard
    assert "vierkante kilometer" in heard


async def test_ages_come_with_a_chart(town: Town) -> None:
    await town.say("how old are the people in Gravenburg", "area_facts")
    image = town.replies[-1].image
    assert image is not None
    assert "65 or older" in image.alt
    assert "%" in image.alt


async def test_a_map_shows_neighbours_streets_and_that_borders_are_estimated(town: Town) -> None:
    await town.say("show me a map of Vinkhuizen-Zuid", "area_facts")
    image = town.replies[0].image
    (drawn,) = town.pictures.specs
    assert isinstance(drawn, Map)
    assert image is not None
    assert "estimated" in drawn.footnote
    assert "estimated" in image.alt
    assert {"Vinkhuizen-Noord"} <= {shape.name for shape in drawn.neighbours}
    assert drawn.dots
