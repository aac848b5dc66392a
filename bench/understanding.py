"""How well the trained model understands the held-out sets of `tests/nlu`: `make bench-understanding`.

Per language: intent, topic first, topic among the candidates, clarified, wrongly rejected,
out-of-scope caught, and robustness against typing errors, missing accents, capitals and missing
punctuation. Pooled: expected calibration error over ten equal-mass bins, drawn as
`docs/reliability.png`. Writes `results/understanding.json`; the tests assert floors on the same
figures. The sets were written from the topic names alone and are never trained or tuned on.
"""

from __future__ import annotations

import csv
import json
import random
import sys
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
SETS = ROOT / "tests" / "nlu"
LANGUAGES = ("en", "nl", "de", "da")
SPOILT_EVERY = 3
"""Every so many utterances are spoilt to measure robustness; each costs a parse."""
NOT_FOR_US = frozenset({"out_of_scope", "smalltalk"})
"""Intents whose answer says that the city cannot help with this."""
DANGER_SERVICES = frozenset({"service/gas-smell", "service/fallen-power-line"})
Parse = Callable[[str], dict[str, Any]]


@dataclass(frozen=True)
class Row:
    text: str
    intent: str
    topic: str | None


def read(name: str) -> list[Row]:
    with (SETS / name).open(encoding="utf-8", newline="") as lines:
        table = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [Row(r["text"], r.get("intent") or "", r.get("topic") or None) for r in table]


def share(hits: list[bool]) -> float:
    return round(sum(hits) / len(hits), 4) if hits else 0.0


def right(found: dict[str, Any], row: Row) -> bool:
    return found["intent"] == row.intent and (found["topic"] or None) == row.topic


def certainty(found: dict[str, Any]) -> float:
    return float(found["topic_confidence"] if found["topic"] else found["confidence"])


def refused(found: dict[str, Any]) -> bool:
    return found["decision"] == "person" or (
        found["decision"] == "answer" and found["intent"] in NOT_FOR_US
    )


def danger_figures(parse: Parse, language: str) -> dict[str, float]:
    """Of sentences that tell of danger, how many get the emergency number, and how many nothing
    else; of harmless ones, how many get nothing else, and how many get it before their answer.
    """
    with (SETS / f"{language}.danger.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    found = [(r["danger"] == "1", parse(r["text"])) for r in rows]
    return {
        "danger_heard": share([warns(f) or f["caution"] for real, f in found if real]),
        "danger_alone": share([warns(f) for real, f in found if real]),
        "false_alarms": share([warns(f) for real, f in found if not real]),
        "false_cautions": share([not warns(f) and f["caution"] for real, f in found if not real]),
    }


def warns(found: dict[str, Any]) -> bool:
    """Is the emergency number all that this message gets?"""
    sure = found["decision"] == "answer"  # one that is only offered tells no number
    return found["intent"] == "danger" or (sure and found["topic"] in DANGER_SERVICES)


def measure(parse: Parse, language: str) -> tuple[dict[str, float], list[tuple[float, bool]]]:
    """Figures of one language, and (confidence, right) of every utterance."""
    rows = read(f"{language}.tsv")
    found = [parse(row.text) for row in rows]
    topical = [(f, r) for f, r in zip(found, rows) if r.topic]
    inside = [(f, r) for f, r in zip(found, rows) if r.intent not in NOT_FOR_US]
    outside = [parse(row.text) for row in read(f"{language}.oos.tsv")]
    figures = {
        "utterances": len(rows),
        "intent": share([f["intent"] == r.intent for f, r in zip(found, rows)]),
        "topic_first": share([f["decision"] == "answer" and right(f, r) for f, r in topical]),
        "topic_in_three": share(
            [r.topic in [f["topic"], *(c["topic"] for c in f["candidates"])] for f, r in topical]
        ),
        "clarified": share([f["decision"] == "clarify" for f, _ in inside]),
        "wrongly_rejected": share([refused(f) for f, _ in inside]),
        "cautioned": share([f["caution"] and not warns(f) for f, _ in inside]),
        "out_of_scope_caught": share([f["decision"] != "answer" or refused(f) for f in outside]),
    }
    base = share([right(f, r) for f, r in zip(found, rows)])
    figures["right"] = base
    for name, spoil in SPOILERS.items():
        some = rows[::SPOILT_EVERY]
        kept = share([right(f, r) for f, r in zip(found[::SPOILT_EVERY], some)])
        spoilt = share([right(parse(spoil(r.text)), r) for r in some])
        figures[f"lost_by_{name}"] = round(kept - spoilt, 4)
    figures |= danger_figures(parse, language)
    return figures, [(certainty(f), right(f, r)) for f, r in zip(found, rows)]


def typing_error(text: str) -> str:
    """Swap, drop or double one letter in every third word, the same way each time."""
    chance = random.Random(text)
    words = text.split()
    for i in range(chance.randrange(3), len(words), 3):
        word = words[i]
        if len(word) > 4:
            at = chance.randrange(1, len(word) - 2)
            words[i] = chance.choice(
                [
                    word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                    word[:at] + word[at + 1 :],
                    word[:at] + word[at] + word[at:],
                ]
            )
    return " ".join(words)


def bare(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


SPOILERS: dict[str, Callable[[str], str]] = {
    "typing_errors": typing_error,
    "missing_accents": bare,
    "capitals": str.upper,
    "missing_punctuation": lambda text: "".join(c for c in text if c.isalnum() or c.isspace()),
}


def calibration_error(pairs: list[tuple[float, bool]], bins: int = 10) -> float:
    """Expected calibration error over bins of equal mass (Nixon et al. 2019)."""
    return round(sum(n * abs(c - a) for c, a, n in curve(pairs, bins)) / len(pairs), 4)


def curve(pairs: list[tuple[float, bool]], bins: int = 10) -> list[tuple[float, float, int]]:
    """(mean confidence, share right, size) of each bin."""
    ordered = sorted(pairs)
    parts = [
        ordered[len(ordered) * i // bins : len(ordered) * (i + 1) // bins] for i in range(bins)
    ]
    return [
        (sum(c for c, _ in p) / len(p), sum(r for _, r in p) / len(p), len(p)) for p in parts if p
    ]


def draw(pairs: list[tuple[float, bool]], error: float, path: Path) -> None:
    """The reliability figure: what the bot believed against how often it was right."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    points = curve(pairs)
    figure, axes = plt.subplots(figsize=(5, 5), dpi=110)
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, label="perfectly calibrated")
    axes.plot(
        [c for c, _, _ in points], [a for _, a, _ in points],
        marker="o", color="#0b5cab", label=f"held-out sets (ECE {error:.3f})",
    )  # fmt: skip
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share right")
    axes.legend(loc="upper left", frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Software": None})


def evaluate(parse: Parse) -> tuple[dict[str, Any], list[tuple[float, bool]]]:
    """Everything, by language and pooled."""
    report: dict[str, Any] = {}
    pairs: list[tuple[float, bool]] = []
    for language in LANGUAGES:
        report[language], found = measure(parse, language)
        pairs += found
    report["calibration_error"] = calibration_error(pairs)
    return report, pairs


def parser() -> Parse:
    """The trained model's parse, as `python -m bot parse` has it."""
    from bot.brain import light, training
    from bot.settings import load

    light.load_rasa()
    settings = load()
    model = training.ensure(settings)
    from bot.brain.parsing import Parser
    from bot.reflexes import Reflexes

    reflexes = Reflexes.load(settings.city_dir / "reflexes.yml")
    return Parser(model.path, settings.languages, {}, reflexes).parse


def main() -> None:
    from bot.logs import configure

    configure("error")
    parse = parser()
    parse("warm")
    started = time.perf_counter()
    for row in read("en.tsv")[:200]:
        parse(row.text)
    milliseconds = (time.perf_counter() - started) * 5
    report, pairs = evaluate(parse)
    report["milliseconds_a_parse"] = round(milliseconds, 2)
    draw(pairs, report["calibration_error"], ROOT / "docs" / "reliability.png")
    Path("results").mkdir(exist_ok=True)
    Path("results/understanding.json").write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    names = list(report["en"])
    print("| figure | " + " | ".join(LANGUAGES) + " |")
    print("| --- |" + " ---: |" * len(LANGUAGES))
    for name in names:
        print(f"| {name} | " + " | ".join(str(report[x][name]) for x in LANGUAGES) + " |")
    print(f"\ncalibration error {report['calibration_error']}, {milliseconds:.1f} ms a parse")


if __name__ == "__main__":
    main()
