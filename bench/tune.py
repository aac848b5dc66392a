"""Choose the classifier's shape and thresholds by cross-validation on training data alone.

`python bench/tune.py` trains on the city's examples but a fold, and prints per language how the
fold is understood: topics right, topics answered at the thresholds, out-of-scope questions caught,
and danger. Folds are blocks of each topic's list: what is written side by side, and translations
of it, is left out together. `--spread` leaves out every twentieth text instead. `--shape`
tries another. HWU64 (few examples an intent are drawn from `train.tsv`) and xSID are tuned
the same way with `--sets`. No test set is ever read.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from bot.brain import light

light.load_rasa()
from bot.brain import encoder
from bot.brain.classifier import KernelClassifier
from bot.brain.danger import DANGER, least
from bot.brain.importer import TopicImporter
from bot.brain.kernel import Shape
from bot.brain.ngrams import tidy
from bot.brain.understanding import NOT_FOR_US, examples_of, foreign_share
from bot.reflexes import Reflexes

LANGUAGES = ("en", "nl", "de", "da")
FOLD = 5
RULES = (
    (0.5, 1.0),
    (0.4, 0.2),
    (0.35, 0.15),
    (0.3, 0.2),
    (0.3, 0.1),
    (0.25, 0.2),
    (0.25, 0.1),
    (0.2, 0.1),
)
"""(answer, outside): the least confidence and the most for "not for us", see TopicClassifier."""
ALARMS = (
    (0.8, 0.5),
    (0.8, 0.4),
    (0.7, 0.3),
    (0.6, 0.4),
    (0.6, 0.3),
    (0.5, 0.3),
    (0.5, 0.2),
    (0.5, 0.1),
    (0.4, 0.2),
    (0.4, 0.1),
    (0.3, 0.2),
    (0.3, 0.1),
    (0.25, 0.1),
    (0.2, 0.1),
    (0.2, 0.05),
    (0.15, 0.05),
    (0.1, 0.05),
    (0.1, 0.02),
)
"""(alone, with a pattern): the least probability of danger; `danger.CAUTION` comes on top."""
POSSIBLE = ((0.2, 0.05), (0.15, 0.03), (0.1, 0.03), (0.1, 0.01), (0.07, 0.01), (0.05, 0.01))
"""The same for danger that is possible."""


def blocks(kinds: list[str], languages: list[str], fold: int) -> np.ndarray[Any, Any]:
    """True for the texts whose place in the list of their kind and language is in this fold."""
    keys = list(zip(kinds, languages))
    size, seen = Counter(keys), Counter[tuple[str, str]]()
    out = np.zeros(len(keys), np.bool_)
    for i, key in enumerate(keys):
        out[i] = seen[key] * FOLD // size[key] == fold and size[key] >= FOLD
        seen[key] += 1
    return out


def own(shape: Shape, fold: int | None) -> None:
    importer = TopicImporter(str(ROOT / "config.yml"), training_data_paths=[str(ROOT / "data/nlu")])
    texts, labels, languages, alarming = examples_of(importer.get_nlu_data())
    foreign = np.array([foreign_share({x: 1.0}) if x else 0.0 for x in languages], np.float32)
    kinds = [label or f"danger {told}" for label, told in zip(labels, alarming)]
    out = None if fold is None else blocks(kinds, languages, fold)
    model = KernelClassifier(shape)
    vectors = encoder.shared().encode(texts)
    left = model.fit(texts, vectors, labels, foreign, alarming, out)
    print(f"{shape}\nleft out {len(left.rows)} of {len(texts)}, right {left.accuracy:.4f}")
    gold = np.array([labels[i] for i in left.rows])
    spoken = np.array([languages[i] for i in left.rows])
    said = np.array(model.labels)[left.probabilities.argmax(axis=1)]
    sure = left.probabilities.max(axis=1)
    third = np.sort(left.probabilities, axis=1)[:, -3]
    outside = left.probabilities[:, [model.labels.index(x) for x in sorted(NOT_FOR_US)]].sum(axis=1)
    place = {label: i for i, label in enumerate(model.labels)}
    right_share = np.array(
        [left.probabilities[i, place[x]] if x else 0.0 for i, x in enumerate(gold)]
    )
    topical = np.char.find(gold, "|") >= 0
    foreign_to_us = np.isin(gold, sorted(NOT_FOR_US))
    for language in LANGUAGES:
        here = spoken == language
        rows = here & topical
        print(
            f"{language}: topic first {np.mean(said[rows] == gold[rows]):.3f}, among three "
            f"{np.mean(right_share[rows] >= third[rows]):.3f}"
        )
        for answer, most in RULES:
            refuse = np.isin(said, sorted(NOT_FOR_US))
            answered = (sure >= answer) & (refuse | (outside <= most))
            caught = ~answered | refuse
            print(
                f"   answer {answer}, outside {most}: answered right "
                f"{np.mean((answered & (said == gold))[rows]):.3f}, doubted "
                f"{np.mean(~answered[rows]):.3f}, refused {np.mean((answered & refuse)[rows]):.3f},"
                f" caught {np.mean(caught[here & foreign_to_us]):.3f}"
            )
    reflexes = Reflexes.load(ROOT / "data/reflexes.yml")
    heard = np.array([reflexes.match(texts[i]) == DANGER for i in left.rows])
    learnt = alarming[left.rows]
    real, harmless = learnt == 1, (gold == "") & (learnt == 0)
    ordinary = (gold != "") & (learnt == 0)
    for name, thresholds in (("danger", ALARMS), ("danger possible", POSSIBLE)):
        for alone, agreed in thresholds:
            # Those that the alarm does not learn from are not like danger: NaN is below all.
            warns = (left.alarm >= least(sure, alone)) | (heard & (left.alarm >= agreed))
            print(
                f"{name} alone {alone}, with a pattern {agreed}: heard {np.mean(warns[real]):.3f}, "
                f"false alarms at harmless sentences {np.mean(warns[harmless]):.3f}, "
                f"at others {np.mean(warns[ordinary]):.4f}"
            )


def sets(shape: Shape) -> None:
    """The benchmarks' training parts."""
    folder = Path(os.environ.get("LIKEWISE_BENCH_DATA", ROOT.parent / "shared/data/benchmarks"))

    def read(name: str) -> tuple[list[str], list[str]]:
        lines = [x.split("\t") for x in (folder / name).read_text("utf-8").splitlines() if x]
        lines = [x for x in lines if x[:2] != ["text", "intent"]]
        return [tidy(x[0]) for x in lines], [x[1] for x in lines]

    def score(
        texts: list[str], labels: list[str], out: np.ndarray[Any, Any], foreign: Any
    ) -> np.ndarray[Any, Any]:
        names = sorted(set(labels))
        spoken = [*texts, *(tidy(x.replace("_", " ").replace("/", " ")) for x in names)]
        model = KernelClassifier(shape)
        left = model.fit(
            spoken,
            encoder.shared().encode(spoken),
            [*labels, *names],
            np.concatenate([foreign, np.zeros(len(names), np.float32)]),
            out=np.concatenate([out, np.zeros(len(names), np.bool_)]),
        )
        said = np.array(model.labels)[left.probabilities.argmax(axis=1)]
        return np.asarray(said == np.array([labels[i] for i in left.rows]))

    texts, labels = read("hwu64/train.tsv")
    chance = np.random.default_rng(1)
    for many in (10, 5):
        shares = []
        for _ in range(4):
            order = chance.permutation(len(texts))
            seen: Counter[str] = Counter()
            few = []
            for i in order:
                seen[labels[i]] += 1
                few.append(seen[labels[i]] <= many)
            chosen = order[np.array(few)]
            rest = order[~np.array(few)][:2000]
            rows = [*chosen, *rest]
            out = np.arange(len(rows)) >= len(chosen)
            shares.append(
                score([texts[i] for i in rows], [labels[i] for i in rows], out, 0 * out).mean()
            )
        print(f"HWU64 {many} an intent, drawn from train.tsv: {np.mean(shares):.4f}")
    spread = chance.permutation(len(texts)) % FOLD == 0
    print(f"HWU64 train.tsv: {score(texts, labels, spread, 0 * spread).mean():.4f}")
    joint, marks, languages = [], [], []
    for language in (*LANGUAGES, "no"):
        some, names = read(f"xsid/{language}.train.tsv")
        joint, marks = [*joint, *some], [*marks, *names]
        languages += [language] * len(some)
    foreign = np.array([foreign_share({x: 1.0}) for x in languages], np.float32)
    row = np.concatenate([np.arange(languages.count(x)) for x in (*LANGUAGES, "no")])
    shuffled = chance.permutation(row.max() + 1)[row] % FOLD
    hits: dict[str, list[bool]] = {language: [] for language in (*LANGUAGES, "no")}
    for fold in range(FOLD):
        out = shuffled == fold
        for language, hit in zip(np.array(languages)[out], score(joint, marks, out, foreign)):
            hits[language].append(bool(hit))
    shares_by_language = {x: round(float(np.mean(v)), 4) for x, v in hits.items()}
    print(f"xSID joint: {shares_by_language}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--fold", type=int, default=3, help="0 to 4")
    parser.add_argument("--spread", action="store_true", help="leave out every twentieth text")
    parser.add_argument("--sets", action="store_true", help="HWU64 and xSID instead")
    parser.add_argument("--shape", type=json.loads, default={}, help='such as {"gamma": 0.1}')
    arguments = parser.parse_args()
    shape = Shape.of(arguments.shape)
    if arguments.sets:
        sets(shape)
    else:
        own(shape, None if arguments.spread else arguments.fold)


if __name__ == "__main__":
    main()
