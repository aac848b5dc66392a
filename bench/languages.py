"""Language identification on the held-out sets: ours beside the libraries that are installed.

`python bench/languages.py`; to compare, install `lingua-language-detector` and `py3langid` into a
copy of the environment first. Each is restricted to the four languages.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.understanding import LANGUAGES, read
from bot.brain import light

Identify = Callable[[str], str]


def ours() -> Identify:
    light.load_rasa()
    from bot.brain.importer import TopicImporter
    from bot.brain.language import LanguageModel

    importer = TopicImporter("config.yml", "domain.yml", ["data/nlu", "data/rules"])
    examples = importer.get_nlu_data().intent_examples
    model = LanguageModel.of(
        (str(e.get("text")), str(e.get("metadata")["example"]["language"])) for e in examples
    )

    def identify(text: str) -> str:
        shares = model.shares(text)
        return max(shares, key=lambda code: shares[code]) if shares else ""

    return identify


def lingua() -> Identify:
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    codes = [getattr(IsoCode639_1, code.upper()) for code in LANGUAGES]
    detector = LanguageDetectorBuilder.from_iso_codes_639_1(*codes).build()

    def identify(text: str) -> str:
        found = detector.detect_language_of(text)
        return found.iso_code_639_1.name.lower() if found else ""

    return identify


def py3langid() -> Identify:
    import py3langid as library

    library.set_languages(list(LANGUAGES))
    return lambda text: str(library.classify(text)[0])


def main() -> None:
    systems = {"likewise": ours()}
    for name, make in (("lingua", lingua), ("py3langid", py3langid)):
        if importlib.util.find_spec(name):
            systems[name] = make()
    print("| system | " + " | ".join(LANGUAGES) + " | ms |")
    print("| --- |" + " ---: |" * (len(LANGUAGES) + 1))
    for name, identify in systems.items():
        started, count, cells = time.perf_counter(), 0, []
        for language in LANGUAGES:
            texts = [row.text for row in read(f"{language}.tsv")]
            cells.append(f"{sum(identify(t) == language for t in texts) / len(texts):.3f}")
            count += len(texts)
        milliseconds = (time.perf_counter() - started) / count * 1000
        print(f"| {name} | " + " | ".join(cells) + f" | {milliseconds:.2f} |")


if __name__ == "__main__":
    main()
