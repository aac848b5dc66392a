"""Our classifier beside Rasa's default pipeline, on the same data in the same run.

`make bench-nlu` (TensorFlow is installed into an environment of its own). Each system trains
through Rasa's own training command in a process of its own and is asked through the loaded model,
one text at a time. Test sets are looked at once, here; nothing is tuned on them.

HWU64 with 10 and 5 examples an intent: both systems. xSID in five languages: ours as one model for
all, Rasa's trained on each language alone. HWU64 full: ours; `--full` adds DIET, which takes hours.

The data: `LIKEWISE_BENCH_DATA` (default ../shared/data/benchmarks) with `hwu64/{train,train_10,
train_5,test}.tsv` and `xsid/<lang>.{train,test}.tsv`, text TAB intent. docs/benchmarks.md says how
to obtain the sets.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
LANGUAGES = ("en", "nl", "de", "da", "no")
CONFIGS: dict[str, list[dict[str, Any]]] = {
    "likewise": [
        {"name": "bot.brain.language.LanguageIdentifier"},
        {
            "name": "bot.brain.understanding.TopicClassifier",
            "answer": 0.0,
            "outside": 1.0,
            "few_words": 0,  # nothing is asked back here: each text has one right intent
            "names": True,
        },
    ],
    "rasa": [
        {"name": "WhitespaceTokenizer"},
        {"name": "RegexFeaturizer"},
        {"name": "LexicalSyntacticFeaturizer"},
        {"name": "CountVectorsFeaturizer"},
        {
            "name": "CountVectorsFeaturizer",
            "analyzer": "char_wb",
            "min_ngram": 1,
            "max_ngram": 4,
        },
        {"name": "DIETClassifier", "epochs": 100, "constrain_similarities": True},
    ],
}
Rows = list[tuple[str, str]]


@dataclass(frozen=True)
class Task:
    """One training and its test sets."""

    name: str
    system: str
    train: tuple[str, ...]
    tests: tuple[str, ...]


def tasks(full: bool) -> list[Task]:
    hwu = ("hwu64/test.tsv",)
    both = [
        Task(f"HWU64 {n} per intent", system, (f"hwu64/train_{n}.tsv",), hwu)
        for n in (10, 5)
        for system in CONFIGS
    ]
    tests = tuple(f"xsid/{lang}.test.tsv" for lang in LANGUAGES)
    trains = tuple(f"xsid/{lang}.train.tsv" for lang in LANGUAGES)
    joint = [Task("xSID, one model", "likewise", trains, tests)]
    alone = [
        Task(f"xSID {lang} alone", "rasa", (train,), (test,))
        for lang, train, test in zip(LANGUAGES, trains, tests)
    ]
    whole = [Task("HWU64 full", "likewise", ("hwu64/train.tsv",), hwu)]
    if full:
        whole.append(Task("HWU64 full", "rasa", ("hwu64/train.tsv",), hwu))
    return [*both, *joint, *alone, *whole]


def data_folder() -> Path:
    """Where the sets are. Missing data is an error, never a skip."""
    folder = Path(os.environ.get("LIKEWISE_BENCH_DATA", ROOT.parent / "shared/data/benchmarks"))
    for name in ("hwu64/train.tsv", "hwu64/test.tsv", "xsid/en.train.tsv"):
        if not (folder / name).exists():
            sys.exit(
                f"{folder / name} is missing; see docs/benchmarks.md, or set LIKEWISE_BENCH_DATA"
            )
    return folder


def read(path: Path) -> Rows:
    rows = [tuple(line.split("\t")[:2]) for line in path.read_text("utf-8").splitlines() if line]
    # Rasa reads "a/b" as intent and response; the sets mean one name.
    return [(t, i.replace("/", "-")) for t, i in rows if (t, i) != ("text", "intent")]


def train_and_test(task: Task) -> dict[str, Any]:
    """Runs in a process of its own: train, load, ask, count."""
    from bot.brain import light

    os.environ["RASA_MAX_CACHE_SIZE"] = "0"
    light.load_rasa()
    from rasa.core.agent import Agent
    from rasa.model_training import train_nlu
    from ruamel.yaml import YAML

    from bot.logs import configure

    configure("error")
    data = data_folder()
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        config = {"recipe": "default.v1", "assistant_id": "bench", "language": "en"}
        with (folder / "config.yml").open("w") as out:
            YAML().dump({**config, "pipeline": CONFIGS[task.system]}, out)
        texts = [(row, Path(name).name[:2]) for name in task.train for row in read(data / name)]
        (folder / "nlu.json").write_text(_rasa_json(texts), "utf-8")
        started = time.perf_counter()
        model = train_nlu(
            str(folder / "config.yml"), str(folder / "nlu.json"), output=work, fixed_model_name="m"
        )
        seconds = time.perf_counter() - started
        agent = Agent.load(model)
        found = {name: asyncio.run(_ask(agent, read(data / name))) for name in task.tests}
    return {
        "task": task.name,
        "system": task.system,
        "train_texts": len(texts),
        "train_seconds": round(seconds, 1),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "tests": found,
    }


def _rasa_json(texts: Sequence[tuple[tuple[str, str], str]]) -> str:
    """Texts know their language, as ours do; the files of HWU64 ("tr") name none."""
    examples = [
        {
            "text": text,
            "intent": intent,
            "entities": [],
            "example_metadata": {"language": language} if language in LANGUAGES else {},
        }
        for (text, intent), language in texts
    ]
    return json.dumps({"rasa_nlu_data": {"common_examples": examples}})


async def _ask(agent: Any, rows: Rows) -> dict[str, float]:
    await agent.parse_message(rows[0][0])
    times, said = [], []
    for text, _ in rows:
        started = time.perf_counter()
        parsed = await agent.parse_message(text)
        times.append((time.perf_counter() - started) * 1000)
        said.append(str(parsed["intent"]["name"]))
    gold = [intent for _, intent in rows]
    from sklearn.metrics import f1_score

    return {
        "texts": len(rows),
        "accuracy": round(100 * sum(a == b for a, b in zip(said, gold)) / len(rows), 2),
        "macro_f1": round(100 * float(f1_score(gold, said, average="macro", zero_division=0)), 2),
        "median_ms": round(sorted(times)[len(times) // 2], 2),
    }


def table(results: Sequence[dict[str, Any]]) -> str:
    lines = [
        "| training | system | test | accuracy % | macro-F1 % | training s | ms a parse | peak MB |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for result in results:
        for name, figures in result["tests"].items():
            lines.append(
                f"| {result['task']} | {result['system']} | {name.removesuffix('.tsv')} "
                f"| {figures['accuracy']} | {figures['macro_f1']} | {result['train_seconds']} "
                f"| {figures['median_ms']} | {result['peak_memory_mb']} |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--full", action="store_true", help="train DIET on HWU64 full as well")
    parser.add_argument("--only", default="", help="only systems or tasks whose name has this")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    data_folder()
    chosen = [
        t for t in tasks(arguments.full) if arguments.only.lower() in f"{t.system} {t.name}".lower()
    ]
    if arguments.one is not None:
        print("RESULT " + json.dumps(train_and_test(chosen[arguments.one])))
        return
    results = []
    for number, task in enumerate(chosen):
        print(f"{task.system:<10} {task.name} ...", file=sys.stderr, flush=True)
        done = subprocess.run(
            [sys.executable, __file__, *sys.argv[1:], "--one", str(number)],
            capture_output=True,
            text=True,
            check=False,
        )
        line = next((x for x in done.stdout.splitlines() if x.startswith("RESULT ")), "")
        if not line:
            sys.exit(f"{task.name} ({task.system}) failed:\n{done.stderr[-3000:]}")
        results.append(json.loads(line.removeprefix("RESULT ")))
        # After each task: hours of work must not hang on the last one.
        Path("results").mkdir(exist_ok=True)
        Path("results/nlu.json").write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    print(table(results))


if __name__ == "__main__":
    main()
