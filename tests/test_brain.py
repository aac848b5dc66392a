"""The brain: Rasa without TensorFlow, one language in the domain, silence towards the outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bot.brain import domain, light, training
from bot.choices import by_id, by_text
from bot.messages import Choice
from bot.settings import ROOT, load


def rasa(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the `rasa` command of this environment."""
    return subprocess.run(
        [sys.executable, "-c", "from bot.brain.light import rasa; rasa()", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=280,
    )


def test_domain_is_what_the_code_makes() -> None:
    phrases = ROOT / "data/phrases/en.yml"
    assert (ROOT / "domain.yml").read_text("utf-8") == domain.text(phrases)


def test_trained_domain_holds_only_the_primary_language(tmp_path: Path) -> None:
    model = training.ensure(load())
    with tarfile.open(model.path) as archive:
        member = next(m for m in archive.getmembers() if m.name.endswith("domain.yml"))
        stored = archive.extractfile(member)
        assert stored is not None
        kept = YAML(typ="safe").load(stored.read().decode())
    english = YAML(typ="safe").load((ROOT / "data/phrases/en.yml").read_text("utf-8"))
    assert set(kept["responses"]) == set(english["responses"])
    for key, entries in kept["responses"].items():
        assert [e.get("text") for e in entries] == [
            e.get("text") for e in english["responses"][key]
        ]


def test_model_archive_is_small_and_holds_no_pickle() -> None:
    path = training.ensure(load()).path
    assert path.stat().st_size < 30_000_000
    with tarfile.open(path) as archive:
        assert not [m.name for m in archive.getmembers() if m.name.endswith((".pkl", ".pickle"))]


def test_a_second_training_does_nothing() -> None:
    training.ensure(load())
    assert training.ensure(load()).seconds == 0.0


def test_rasa_data_validate_is_clean() -> None:
    done = rasa("data", "validate", "--fail-on-warnings")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_rasa_commands_need_no_tensorflow() -> None:
    done = rasa("--version")
    assert done.returncode == 0
    assert "3.6.21" in done.stdout
    assert "tensorflow" in light.missing()


def test_rasa_test_runs_from_the_root(tmp_path: Path) -> None:
    model = training.ensure(load()).path
    done = rasa(
        "test", "core", "--model", str(model.resolve()), "--stories", "tests/rasa", "--out",
        str(tmp_path), "--no-plot",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_placeholder_that_is_used_says_how_to_install_the_real_one() -> None:
    code = (
        "from bot.brain import light; light.install()\n"
        "import tensorflow as tf\n"
        "class Model(tf.keras.Model): pass\n"
        "try: Model()\n"
        "except light.HeavyLibraryMissing as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert "make tensorflow" in done.stdout, done.stderr


def test_telemetry_and_error_reports_are_off() -> None:
    code = (
        "from bot.brain import light; light.load_rasa()\n"
        "from rasa import telemetry\n"
        "import sentry_sdk, json\n"
        "print(json.dumps([telemetry.is_telemetry_enabled(), sentry_sdk.Hub.current.client is None]))\n"
    )
    env = {k: v for k, v in os.environ.items() if k != "RASA_TELEMETRY_ENABLED"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True, text=True, cwd=ROOT, timeout=120, env=env,
    )  # fmt: skip
    assert json.loads(done.stdout.splitlines()[-1]) == [False, True], done.stderr[-1000:]


@pytest.mark.parametrize(
    ("said", "picked"),
    [
        ("2", "b"), ("2.", "b"), ("(1)", "a"), ("3", None), ("0", None), ("two", "b"), ("twee", "b"),
        ("YES, SEND IT!", "a"), ("yes send it", "a"), ("change sómething", "b"), ("", None),
        ('/affirm{"x": 1}', None), ("maybe", None),
    ],
)  # fmt: skip
def test_what_is_typed_picks_an_offered_choice(said: str, picked: str | None) -> None:
    offered = [Choice("a", "Yes, send it", "/affirm"), Choice("b", "Change something", "/deny")]
    found = by_text(said, offered)
    assert (found.id if found else None) == picked


def test_only_offered_choices_are_found_by_id() -> None:
    offered = [Choice("7.1", "Yes", "/affirm")]
    assert by_id("7.1", offered) == offered[0]
    assert by_id("6.1", offered) is None
    assert by_id("/affirm", offered) is None


def test_rasa_leaves_the_event_loop_policy_as_it_was() -> None:
    code = (
        "import asyncio, sys\n"
        "async def main():\n"
        "    from bot.brain import light; light.load_rasa()\n"
        "    made = await asyncio.create_subprocess_exec(sys.executable, '-c', 'print(1)')\n"
        "    print('ended', await made.wait())\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True, text=True, cwd=ROOT, timeout=120,
    )  # fmt: skip
    assert "ended 0" in done.stdout, done.stderr[-1000:]
