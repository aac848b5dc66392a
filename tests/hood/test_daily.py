"""Waste days, places near by, contacts, news of an area, and what is remembered of a citizen."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.civic.notices import NewNotice, NoticeText
from bot.civic.tickets import NewTicket
from tests.hood.conftest import NOW, Town

HOME = "BU00140000"
"""Binnenstad-Noord."""


async def test_waste_days_name_every_kind_the_holiday_and_the_calendar(town: Town) -> None:
    heard = await town.say("when is my bin collected in Binnenstad-Noord", "waste_day")
    for kind in ("Household waste", "Garden and food waste", "Paper", "Plastic and cans"):
        assert kind in heard
    assert "Saturday 2 May" in heard
    assert "not on Monday 27 April: Koningsdag" in heard
    assert "Sample calendar" in heard
    assert town.replies[0].link is not None
    assert town.replies[0].link.url == f"/areas/{HOME}/waste.ics?lang=en"


async def test_the_area_is_remembered_only_after_a_yes_and_used_then(town: Town) -> None:
    remembered = town.city.neighbourhood.remembered
    heard = await town.say("wanneer wordt het afval opgehaald in Gravenburg", "waste_day", "nl")
    assert "Zal ik onthouden dat u in Gravenburg woont" in heard
    assert remembered.of(town.conversation) is None
    heard = await town.pick("Ja, graag")
    assert "Ik onthoud dat u in Gravenburg woont" in heard
    heard = await town.say("wanneer komt de groene bak", "waste_day")
    assert "Gravenburg" in heard
    assert "Zal ik onthouden" not in heard
    heard = await town.say("vergeet mijn buurt", "forget_area")
    assert "vergeten waar u woont" in heard
    assert remembered.of(town.conversation) is None
    heard = await town.say("wanneer komt de groene bak", "waste_day")
    assert "In welke straat woont u" in heard


async def test_a_no_is_a_no_and_is_not_asked_again(town: Town) -> None:
    await town.say("bin day Gravenburg", "waste_day")
    await town.pick("No, thank you")
    assert town.city.neighbourhood.remembered.of(town.conversation) is None
    heard = await town.say("bin day Gravenburg", "waste_day")
    assert "Shall I remember" not in heard


async def test_in_a_group_nothing_is_remembered_or_used(town: Town) -> None:
    town.city.neighbourhood.remembered.remember(town.conversation, HOME)
    town.in_group = True
    heard = await town.say("when is my bin collected", "waste_day")
    assert "In which street" in heard
    heard = await town.say("bin day Gravenburg", "waste_day")
    assert "Shall I remember" not in heard


async def test_while_a_report_is_open_nothing_is_offered_beside_its_question(town: Town) -> None:
    town.in_form = True
    heard = await town.say("bin day Gravenburg", "waste_day")
    assert "Household waste" in heard
    assert "Shall I remember" not in heard
    assert not town.labels


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("en", "nearest playground to the Vismarkt", "Playgrounds near Vismarkt"),
        ("nl", "dichtstbijzijnde speeltuin bij de Vismarkt", "Speeltuinen bij Vismarkt"),
        ("de", "wo ist der nächste Spielplatz beim Vismarkt", "Spielplätze nahe Vismarkt"),
        ("da", "hvor er den nærmeste legeplads ved Vismarkt", "Legepladser nær Vismarkt"),
    ],
)
async def test_the_nearest_place_of_a_kind_in_four_languages(
    town: Town, language: str, text: str, words: str
) -> None:
    heard = await town.say(text, "facility_find", language)
    assert words in heard
    assert heard.count("•") == 3
    assert town.city.text("utter_note_sample_places", language) in heard


async def test_hours_are_in_words_and_distances_round(town: Town) -> None:
    heard = await town.say(
        "welke bibliotheek is het dichtst bij de Vismarkt", "facility_find", "nl"
    )
    assert "open: ma-vr" in heard
    assert " m hemelsbreed" in heard or " km hemelsbreed" in heard


async def test_a_place_is_asked_for_and_a_shared_position_will_do(town: Town) -> None:
    heard = await town.say("where is the nearest toilet", "facility_find")
    assert "Near which place" in heard
    assert town.replies[0].ask == "place"
    town.place = {"lat": 53.2180, "lon": 6.5650, "name": ""}
    heard = await town.say("", "inform")
    assert "Public toilets near" in heard
    assert "Measured from the middle" not in heard


async def test_from_an_area_the_distance_is_from_its_middle(town: Town) -> None:
    heard = await town.say("nearest swimming pool to Gravenburg", "facility_find")
    assert "Measured from the middle of Gravenburg" in heard


async def test_an_unknown_kind_offers_the_kinds_there_are(town: Town) -> None:
    heard = await town.say("where is the nearest one", "facility_find")
    assert "What are you looking for" in heard
    assert "Playgrounds" in " ".join(town.labels) or "Libraries" in town.labels
    assert len(town.labels) <= 6


async def test_a_question_on_libraries_that_asks_for_the_nearest_gets_places(town: Town) -> None:
    town.topic = "answer/libraries"
    heard = await town.say("where is the nearest library to the Vismarkt", "ask")
    assert "Libraries near Vismarkt" in heard
    heard = await town.say("how do I extend my loan", "ask")
    assert "Libraries near" not in heard


async def test_the_neighbourhood_manager_is_named_and_marked_as_sample(town: Town) -> None:
    heard = await town.say("Who is the neighbourhood manager of Binnenstad-Noord", "area_contact")
    assert "Neighbourhood manager: " in heard
    assert "@city.example" in heard
    assert "Sample data" in heard
    assert "Desk" not in heard


async def test_a_role_that_nobody_has_is_said_to_be_unknown(town: Town) -> None:
    heard = await town.say("who is the councillor for Binnenstad-Noord", "area_contact")
    assert "I do not know the Councillor" in heard
    assert "Desk: " in heard


def ticket(town: Town, number: int, service: str, area: str = HOME) -> None:
    town.tickets.open(
        NewTicket(
            request_key=f"k{number}",
            conversation=town.conversation,
            service=service,
            desk="",
            language="en",
            place="Vismarkt 12 near the red door",
            place_known=True,
            details="SECRET WORDS",
            contact=None,
            area_code=area,
            lat=None,
            lon=None,
        )
    )


async def test_open_reports_are_counted_by_kind_without_text_or_house_number(town: Town) -> None:
    for number in range(3):
        ticket(town, number, "litter")
    ticket(town, 9, "graffiti")
    ticket(town, 10, "graffiti", area="BU00140300")
    heard = await town.say("What has been reported in Binnenstad-Noord?", "area_news")
    service = town.city.catalogue.get("litter")
    assert service is not None
    assert f"• {service.name('en')}: 3" in heard
    assert "SECRET" not in heard
    assert "12" not in heard
    assert "no road works" not in heard


def works(area: str = HOME, guid: str = "w") -> NewNotice:
    return NewNotice(
        guid,
        (area,),
        "works",
        {"nl": NoticeText("Werk aan het riool", "De straat is dicht.")},
        NOW + timedelta(days=1),
        NOW + timedelta(days=3),
        "https://city.example/werk",
    )


async def test_notices_are_told_with_their_days_and_in_which_language_they_are(town: Town) -> None:
    town.notices.add(works())
    heard = await town.say("what is going on in Binnenstad-Noord", "area_news")
    assert "Werk aan het riool" in heard
    assert "from 21 April" in heard
    assert "(This text is in Dutch.)" in heard
    assert "no open reports" in heard
    heard = await town.say("wat speelt er in Binnenstad-Noord", "area_news", "nl")
    assert "Deze tekst" not in heard
    assert town.replies[0].link is not None


async def test_a_notice_of_the_district_or_city_counts_for_the_neighbourhood(town: Town) -> None:
    town.notices.add(works("GM0014"))
    assert "riool" in await town.say("what is going on in Gravenburg", "area_news")


async def test_what_is_over_far_off_or_removed_is_not_told(town: Town) -> None:
    number = town.notices.add(works())
    town.clock.advance(days=4)
    assert "riool" not in await town.say("what is going on in Binnenstad-Noord", "area_news")
    town.clock.advance(days=-4)
    town.notices.remove(number)
    assert "riool" not in await town.say("what is going on in Binnenstad-Noord", "area_news")


async def test_following_and_stopping_an_area(town: Town) -> None:
    heard = await town.say("keep me posted on Gravenburg", "subscribe_area")
    assert "new notices for Gravenburg" in heard
    assert 'Say "stop notices"' in heard
    assert "already" in await town.say("keep me posted on Gravenburg", "subscribe_area")
    await town.say("what is going on in De Hunze", "area_news")
    await town.pick("Keep me posted")
    assert len(town.notices.followed(town.conversation)) == 2
    heard = await town.say("no more notices about Gravenburg", "unsubscribe_area")
    assert "Gravenburg" in heard
    assert len(town.notices.followed(town.conversation)) == 1
    heard = await town.say("stop notices", "unsubscribe_area")
    assert "De Hunze" in heard
    assert "nothing to stop" in await town.say("stop notices", "unsubscribe_area")


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "are there any notices for Gravenburg"),
        ("nl", "zijn er berichten voor Gravenburg"),
        ("de", "gibt es Hinweise für Gravenburg"),
        ("da", "er der beskeder for Gravenburg"),
    ],
)
async def test_a_question_taken_for_a_stop_stops_nothing(
    town: Town, language: str, text: str
) -> None:
    town.notices.follow(town.conversation, HOME)
    heard = await town.say(text, "unsubscribe_area", language)
    assert "Gravenburg" in heard
    assert town.notices.followed(town.conversation) == [HOME]


async def test_a_stop_taken_for_a_wish_to_follow_stops(town: Town) -> None:
    town.notices.follow(town.conversation, HOME)
    await town.say("meld me af voor het nieuws uit Binnenstad-Noord", "subscribe_area", "nl")
    assert town.notices.followed(town.conversation) == []
