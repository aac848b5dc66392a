"""Adding a topic means adding files, and nothing else: two files in, and the bot answers.

A city of a dozen topics is copied from the demo city, an answer and a service that exist nowhere
are written beside them, and the commands of CONTRIBUTING.md do the rest: train, parse, ask.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bot.settings import ROOT

pytestmark = pytest.mark.slow
KEPT = {
    "answers": [
        "passport",
        "parking-permit",
        "libraries",
        "opening-hours",
        "marriage",
        "open-data",
    ],
    "catalogue": ["pothole", "street-light", "litter", "missed-bin", "graffiti", "gas-smell"],
}
ANSWER = """\
code: beekeeping
owner: green
sample: true
names: {en: Keeping bees, nl: Bijen houden, de: Bienen halten, da: Biavl}
texts:
  en: You may keep bees in {city}. Ask the green desk where a hive can stand.
  nl: U mag in {city} bijen houden. Vraag de afdeling groen waar een kast mag staan.
examples:
  en: [can I keep bees, beehive in my garden, rules for beekeepers, am I allowed to have a hive,
       where may I put a beehive, honey bees on my roof, how many beehives may I have, beekeeping]
  nl: [mag ik bijen houden, bijenkast in de tuin, regels voor imkers, waar mag een bijenkast staan,
       bijen op mijn dak, imker worden, hoeveel bijenkasten mag ik hebben, honingbijen houden]
  de: [darf ich Bienen halten, Bienenstock im Garten, Regeln für Imker, Bienen auf dem Dach, Imkerei]
  da: [må jeg holde bier, bistade i haven, regler for biavlere, bier på taget, biavl]
"""
SERVICE = """\
code: fountain
desk: water
target_days: 5
danger: false
names: {en: Fountain broken, nl: Fontein kapot, de: Brunnen kaputt, da: Springvand i stykker}
descriptions:
  en: A fountain does not run.
  nl: Een fontein doet het niet.
  de: Ein Brunnen läuft nicht.
  da: Et springvand virker ikke.
examples:
  en: [the fountain is broken, fountain does not work, no water in the fountain, fountain is dry,
       the fountain leaks, fountain out of order, the fountain stopped, dirty water in the fountain]
  nl: [de fontein is kapot, fontein doet het niet, geen water in de fontein, de fontein staat droog,
       fontein lekt, fontein buiten werking, de fontein spuit niet meer, vies water in de fontein]
  de: [der Brunnen ist kaputt, Springbrunnen läuft nicht, kein Wasser im Brunnen, Brunnen undicht,
       der Springbrunnen ist trocken]
  da: [springvandet er i stykker, springvandet virker ikke, intet vand i springvandet,
       springvandet lækker, springvandet er tørt]
"""


def run(city: Path, *arguments: str, text: str = "") -> str:
    """A command of ours on this city, in a process of its own; gives what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "bot", *arguments],
        input=text,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
        env={
            **os.environ,
            "LIKEWISE_CITY_DIR": str(city),
            "LIKEWISE_MODEL_DIR": str(city.parent / "models"),
            "LIKEWISE_DATA_DIR": str(city.parent / "var"),
        },
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small city with two topics more than the demo city has, and its model."""
    data = tmp_path_factory.mktemp("small") / "data"
    shutil.copytree(ROOT / "data", data, ignore=shutil.ignore_patterns(*KEPT, "__pycache__"))
    for folder, codes in KEPT.items():
        (data / folder).mkdir()
        for code in codes:
            shutil.copy(ROOT / "data" / folder / f"{code}.yml", data / folder)
    (data / "answers" / "beekeeping.yml").write_text(ANSWER, "utf-8")
    (data / "catalogue" / "fountain.yml").write_text(SERVICE, "utf-8")
    run(data, "train")
    return data


SENTENCES = {
    "is it allowed to keep honey bees behind my house?": "answer/beekeeping",
    "mag ik een bijenkast in mijn achtertuin zetten?": "answer/beekeeping",
    "the fountain on the square has been dry for days": "service/fountain",
    "die fontein is weer stuk": "service/fountain",
    "how do I get a passport": "answer/passport",
    "there is a hole in the road": "service/pothole",
}


def test_sentences_that_were_no_examples_find_the_new_topics(city: Path) -> None:
    lines = run(city, "parse", "-", text="\n".join(SENTENCES) + "\n").splitlines()
    found = {parsed["text"]: parsed for parsed in map(json.loads, lines)}
    assert {text: parsed["topic"] for text, parsed in found.items()} == SENTENCES
    assert {parsed["decision"] for parsed in found.values()} == {"answer"}


def test_the_new_answer_is_given_over_the_road(city: Path) -> None:
    heard = run(city, "ask", "--lang", "en", "may somebody have a beehive in the garden?")
    assert "You may keep bees in" in heard
    assert "Sample answer" in heard


def test_the_new_service_can_be_reported_over_the_road(city: Path) -> None:
    heard = run(city, "ask", "--lang", "nl", "de fontein op de Vismarkt doet het niet meer")
    assert "Fontein kapot" in heard
    assert "Vismarkt" in heard
