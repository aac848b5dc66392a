"""Two hundred street names of the source, as written and with one typing error, without the model.

The names are drawn once from the list of streets and always the same; so are the errors. A sentence
around a name must neither hide it nor add one.
"""

from __future__ import annotations

import csv
import random

import pytest
from ruamel.yaml import YAML

from bot import topics
from bot.civic.areas import Area, Street
from bot.places.finder import PlaceFinder
from bot.places.gazetteer import Gazetteer, Name
from bot.places.names import count_words, everyday_words
from bot.settings import ROOT, load
from tests.places.conftest import DEMO

SENTENCES = (
    "{}",
    "{} 12",
    "There is a hole in the road at {} 12",
    "de lamp op {} is kapot",
    "Wie viele Menschen wohnen in der Nähe von {}?",
    "hvornår hentes skrald på {} 4",
)
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def sampled() -> list[str]:
    with (DEMO / "streets.csv").open(encoding="utf-8") as lines:
        names = sorted({row["name"] for row in csv.DictReader(lines)})
    return random.Random(2017).sample(names, 200)


def with_error(name: str, kind: str, dice: random.Random) -> str:
    """One typing error behind the first letter: two letters swapped, one dropped, doubled, replaced."""
    places = [i for i, c in enumerate(name) if i and c.isalpha()]
    if kind == "swap":
        able = [i for i in places if name[i + 1 : i + 2].isalpha() and name[i] != name[i + 1]]
        if not able:
            return with_error(name, "drop", dice)
        i = dice.choice(able)
        return name[:i] + name[i + 1] + name[i] + name[i + 2 :]
    i = dice.choice(places)
    if kind == "drop":
        return name[:i] + name[i + 1 :]
    if kind == "double":
        return name[:i] + name[i] + name[i:]
    return name[:i] + dice.choice([c for c in LETTERS if c != name[i].lower()]) + name[i + 1 :]


@pytest.fixture(scope="module")
def gazetteer(finder: PlaceFinder) -> Gazetteer:
    """As in the brain: with the everyday words of all examples."""
    folder = load().city_dir
    texts = [example.text for example in topics.examples(folder)]
    for file in sorted((folder / "nlu").glob("*.yml")):
        for part in YAML(typ="safe").load(file.read_text("utf-8"))["nlu"]:
            texts += [
                line.removeprefix("- ") for line in str(part.get("examples", "")).splitlines()
            ]
    return Gazetteer(finder.names, everyday_words(count_words(texts), finder.names))


def share_found(gazetteer: Gazetteer, written: list[tuple[str, str]]) -> float:
    """The share of (written, meant) of which exactly the street that is meant is found."""
    right = total = 0
    for said, meant in written:
        for sentence in SENTENCES:
            total += 1
            found = [m.name.name for m in gazetteer.find(sentence.format(said))]
            right += found == [meant]
    return right / total


def test_street_names_are_found_as_they_are_written(gazetteer: Gazetteer) -> None:
    names = sampled()
    exact = share_found(gazetteer, [(name, name) for name in names])
    small = share_found(gazetteer, [(name.lower(), name) for name in names])
    print(f"as written {exact:.1%}, in small letters {small:.1%}")
    assert exact >= 0.95
    assert small >= 0.95


@pytest.mark.parametrize("kind", ["swap", "drop", "double", "replace"])
def test_street_names_are_found_with_one_typing_error(gazetteer: Gazetteer, kind: str) -> None:
    dice = random.Random(kind)
    written = [(with_error(name, kind, dice), name) for name in sampled()]
    assert all(said != name for said, name in written)
    share = share_found(gazetteer, written)
    print(f"{kind} {share:.1%}")
    assert share >= 0.85


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("Verlende Visserstraat", ["Verlengde Visserstraat"]),
        ("Visserstraat", ["Visserstraat"]),
        ("de hoek van Oosterstraat en Grote Markt", ["Oosterstraat", "Grote Markt"]),
        ("wijk Paddepoel", ["Paddepoel"]),
        ("Padepoel", ["Paddepoel"]),
        ("how do I get a passport", []),
        ("ich möchte einen Termin", []),
        ("op Ostrstraat", ["Oosterstraat"]),
    ],
)
def test_names_in_running_text(gazetteer: Gazetteer, said: str, names: list[str]) -> None:
    assert [m.name.name for m in gazetteer.find(said)] == names


def test_a_street_of_several_areas_carries_them_all(gazetteer: Gazetteer) -> None:
    match = gazetteer.find("Oude Ebbingestraat 5")[0]
    assert match.name == Name("street", "Oude Ebbingestraat", ("BU00140000", "BU00140005"))


def test_an_area_and_the_district_around_it_are_told_apart(gazetteer: Gazetteer) -> None:
    assert gazetteer.find("wijk Helpman")[0].name.codes == ("BU00140604",)
    assert gazetteer.find("Helpman e.o.")[0].name.codes == ("WK001406",)
    assert gazetteer.find("Hoogkerk")[0].name.name.startswith("Hoogkerk")


def test_a_finder_of_nothing_answers_nothing() -> None:
    empty = PlaceFinder([], [])
    assert empty.area_at(53.2, 6.5) is None
    assert empty.nearest_street(53.2, 6.5) is None
    assert not empty.inside_city(53.2, 6.5)
    assert empty.streets_like("Oosterstraat") == empty.areas_named("Centrum") == empty.names == []


def test_a_city_without_lamp_posts_still_has_areas_near_its_streets() -> None:
    area = Area("A", "neighbourhood", "Hafen", None, None, {}, 2024, "x")
    streets = [
        Street("Kaistraße", "", ("A",), 53.54, 9.98),
        Street("Lange Str.", "", (), None, None),
    ]
    finder = PlaceFinder([area], streets)
    hit = finder.area_at(53.541, 9.98)
    assert hit is not None
    assert (hit.area.code, hit.exact) == ("A", False)
    outline = finder.outline("A")
    assert outline is not None
    assert outline.approximate
    assert finder.crossing("Kaistraße", "Lange Str.") is None


def test_demo_names_are_those_of_the_register(finder: PlaceFinder) -> None:
    with (ROOT / "data/areas/streets.csv").open(encoding="utf-8") as lines:
        streets = {row["name"] for row in csv.DictReader(lines)}
    assert {n.name for n in finder.names if n.kind == "street"} == streets


@pytest.mark.parametrize("kind", ["swap", "drop", "double", "replace"])
def test_area_names_are_found_with_one_typing_error(
    gazetteer: Gazetteer, finder: PlaceFinder, kind: str
) -> None:
    dice = random.Random(kind)
    areas = [a for a in finder.areas.values() if a.kind == "neighbourhood"]
    right = 0
    for area in areas:
        said = with_error(area.name.removesuffix(" e.o."), kind, dice)
        found = gazetteer.find(f"hoeveel mensen wonen in {said}?")
        right += any(area.code in m.name.codes for m in found)
    print(f"{kind} {right / len(areas):.1%}")
    assert right / len(areas) >= 0.85
