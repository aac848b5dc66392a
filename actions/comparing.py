"""Areas side by side, and areas in order: a comparison, and the three highest or lowest.

Only published figures are compared. A neighbourhood beside a whole city is compared by shares and
averages, as far as the city has them; a ranking says where the citizen's own area stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rasa_sdk.events import EventType, SlotSet

from actions.boundary import Said, Speech
from actions.city import City
from actions.figures import (
    AGES,
    COMPARED,
    RATIOS,
    name_of,
    sources,
    value_words,
    years,
)
from actions.pictures import chart
from actions.whereabouts import (
    around,
    district_of,
    follows,
    known_parents,
    named,
    remember_question,
    remembered,
    whole_city,
)
from bot.choices import fold
from bot.civic.areas import Area
from bot.pictures.specs import Group

MOST = 4
TOP = 3
_COMPARED = re.compile(
    r"compar|versus|\bvs\b|differen|vergel|verschil|vergl|unterschied|sammenlign|forskel"
)
_RANKED = re.compile(
    r"\b(largest|biggest|smallest|most|fewest|least|densest|highest|lowest|greenest|oldest|youngest"
    r"|richest|poorest|safest|top (3|three|ten|10)|ranking"
    r"|grootste|kleinste|meeste|minste|dichtst\w*|drukste|hoogste|laagste|groenste|oudste|jongste"
    r"|rijkste|armste|veiligste|ranglijst|top ?3"
    r"|grosste\w*|kleinste\w*|meisten|wenigsten|dichteste\w*|hochste\w*|niedrigste\w*|grunste\w*"
    r"|alteste\w*|jungste\w*|reichste\w*|armste\w*|sicherste\w*|rangliste"
    r"|storste|mindste|flest\w*|faerrest\w*|taettest\w*|hojeste|laveste|gronneste|aeldste|yngste"
    r"|rigeste|fattigste|tryggeste)\b"
)
_LOWEST = re.compile(
    r"\b(smallest|fewest|least|lowest|kleinste\w*|minste|laagste|wenigsten|niedrigste\w*|mindste"
    r"|faerrest\w*|laveste)\b"
)
_DISTRICTS = re.compile(r"\b(districts?|wijk(en)?|stadtbezirk\w*|bezirk\w*|bydele?)\b")
_NEIGHBOURHOODS = re.compile(r"neighbou?rhood|buurt|viertel|kvarter")


def compared(text: str) -> bool:
    """Does the question ask how areas differ?"""
    return bool(_COMPARED.search(fold(text)))


def ranked(text: str) -> bool:
    """Does the question ask for the largest, the smallest or the most?"""
    return bool(_RANKED.search(fold(text)))


def compare(said: Said, speech: Speech, city: City, figure: str | None) -> list[EventType]:
    """Say the figures of two to four areas, with a chart."""
    areas = _areas(said, city)
    if len(areas) < 2:
        if not areas:
            speech.say("utter_ask_area")
            return [SlotSet("pending", {"kind": "area_facts", "figure": figure, "with": ""})]
        speech.say("utter_compare_which", area=areas[0].name)
        memory = {"kind": "area_facts", "figure": figure, "with": areas[0].code}
        return [SlotSet("pending", memory)]
    wanted = AGES if figure == "ages" else ((figure,) if figure else _default(areas))
    least = 1 if figure else 2
    shown = [f for f in wanted if sum(a.figure(f) is not None for a in areas) >= least]
    names = ", ".join(a.name for a in areas)
    kept = remember_question(city, "area_facts", areas, figure=figure)
    settled = [kept, SlotSet("pending", None), SlotSet("misses", 0)]
    if not shown:
        speech.say("utter_compare_nothing", names=names)
        return settled
    language = said.language
    lines = [
        city.text(
            "utter_compare_line",
            language,
            figure=name_of(city, f, language),
            values="; ".join(
                f"{a.name} {value_words(city, f, a.figure(f), language)}" for a in areas
            ),
        )
        for f in shown
    ]
    if len({a.year for a in areas}) > 1:
        lines.append(city.text("utter_compare_years", language))
    groups = [
        Group(
            name_of(city, f, language),
            tuple(a.figure(f) for a in areas),
            tuple(value_words(city, f, a.figure(f), language) for a in areas),
        )
        for f in shown
    ]
    drawn = chart(
        city,
        language,
        city.text("utter_picture_compare", language, names=names),
        [a.name for a in areas],
        groups,
        city.text("utter_picture_source", language, year=years(areas), source=sources(areas)),
        shared=figure == "ages",
    )
    speech.say(
        "utter_compare",
        picture=drawn,
        names=names,
        year=years(areas),
        facts="\n".join(lines),
        source=sources(areas),
    )
    return settled


def _areas(said: Said, city: City) -> list[Area]:
    """What is to be compared: what is named, with the city or district if the message says so."""
    found: list[Area] = []
    before = (said.slots.get("pending") or {}).get("with")
    if before:
        found += [a for a in [city.areas.area(str(before))] if a]
    found += _named(said, city)
    if follows(said) and len(found) < 2:
        codes = around(said, city).get("codes", ())
        earlier = [a for a in (city.areas.area(code) for code in codes) if a]
        found = [*earlier[: MOST - 1], *found]
    home = remembered(said, city) if len(found) < 2 else None
    if home is not None:
        found = [home, *found]
    if said.value("with") == "city" and found:
        # The district as well: not every figure is published of a whole city.
        found += [a for a in known_parents(found[0], city) if a.code not in {f.code for f in found}]
    whole = whole_city(said, city)
    if whole:
        found.append(whole)
    if found:
        district = district_of(said, city, found[0])
        found += [district] if district else []
    return list({area.code: area for area in found}.values())[:MOST]


def _named(said: Said, city: City) -> list[Area]:
    """Every area that is named, and the areas of every street."""
    codes: list[str] = []
    for entity in said.entities:
        if entity["entity"] in ("area", "street"):
            codes += entity.get("codes") or ()
    listed = [a for a in (city.areas.area(code) for code in dict.fromkeys(codes)) if a]
    return listed or named(said, city)


def _default(areas: Sequence[Area]) -> tuple[str, ...]:
    """What is compared when no figure is named: shares and averages where sizes differ much."""
    same = len({a.kind for a in areas}) == 1
    ratios = tuple(f for f in COMPARED if f in RATIOS)
    known = [f for f in ratios if sum(a.figure(f) is not None for a in areas) >= 2]
    return COMPARED if same or not known else tuple(known)


def rank(said: Said, speech: Speech, city: City, figure: str | None) -> list[EventType]:
    """Say the three highest or lowest areas, and where the citizen's own stands."""
    wanted = "inhabitants" if figure in (None, "ages") else str(figure)
    text = fold(said.text)
    districts = _DISTRICTS.search(text) and not _NEIGHBOURHOODS.search(text)
    kind = "district" if districts else "neighbourhood"
    low = bool(_LOWEST.search(text))
    known = [
        a for a in city.neighbourhood.all_areas() if a.kind == kind and a.figure(wanted) is not None
    ]
    order = sorted(known, key=lambda a: ((a.figure(wanted) or 0) * (1 if low else -1), a.name))
    if not order:
        speech.say("utter_figure_none")
        return [SlotSet("pending", None)]
    language = said.language
    mine = next(
        (a for a in [*named(said, city), remembered(said, city)] if a and a.kind == kind), None
    )

    def words(area: Area) -> str:
        return value_words(city, wanted, area.figure(wanted), language)

    listed = [(n, area) for n, area in enumerate(order[:TOP], start=1)]
    tail = ""
    if mine is not None and mine in order:
        place = order.index(mine) + 1
        if place > TOP:
            listed.append((place, mine))
        tail = "\n" + city.text(
            "utter_rank_mine", language, area=mine.name, place=place, value=words(mine)
        )
    elif mine is not None:
        tail = "\n" + city.text("utter_rank_mine_missing", language, area=mine.name)
    name = name_of(city, wanted, language)
    groups = [Group(f"{n}. {a.name}", (a.figure(wanted),), (words(a),)) for n, a in listed]
    marked = next((i for i, (_, a) in enumerate(listed) if mine is not None and a == mine), None)
    footnote = city.text("utter_picture_source", language, year=years(order), source=sources(order))
    speech.say(
        "utter_rank_low" if low else "utter_rank_high",
        picture=chart(city, language, name, [name], groups, footnote, shared=True, marked=marked),
        figure=name,
        count=len(order),
        year=years(order),
        list="\n".join(f"{n}. {a.name}: {words(a)}" for n, a in listed[:TOP]),
        mine=tail,
        source=sources(order),
    )
    areas = [mine] if mine else order[:1]
    return [
        remember_question(city, "area_facts", areas, figure=wanted),
        SlotSet("pending", None),
        SlotSet("misses", 0),
    ]
