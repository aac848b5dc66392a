"""Whole conversations from `tests/transcripts/*.yml`, through intake, the trained model, dispatch.

A transcript is a list of steps. `say`, `choose` (a label) or `share` ([lat, lon]) is what the
citizen does; `hear` lists what the answer must contain, `not` what it must not, `offer` the labels
of the choices, `flag` why the conversation waits for staff, `ticket` facts of the newest ticket.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bot.assembly import Road
from tests.talking import Citizen

FOLDER = Path(__file__).parent / "transcripts"
FILES = sorted(FOLDER.glob("*.yml"))


def test_there_are_enough_transcripts_and_half_of_them_are_dutch() -> None:
    languages = [load(path)["language"] for path in FILES]
    assert len(FILES) >= 25
    assert languages.count("nl") >= len(FILES) // 2 - 3


def load(path: Path) -> dict[str, Any]:
    return dict(YAML(typ="safe").load(path.read_text("utf-8")))


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_transcript(path: Path, road: Road) -> None:
    transcript = load(path)
    citizen = await Citizen.arrive(road, transcript.get("session_language", ""))
    for number, step in enumerate(transcript["steps"], start=1):
        where = f"{path.name} step {number}"
        if "say" in step:
            heard = await citizen.say(step["say"])
        elif "choose" in step:
            heard = await citizen.choose(step["choose"])
        else:
            heard = await citizen.share(*step["share"])
        await _check(step, heard, where, citizen, road)


async def _check(
    step: dict[str, Any], heard: str, where: str, citizen: Citizen, road: Road
) -> None:
    for words in _listed(step.get("hear")):
        assert words.lower() in heard.lower(), f"{where}: {words!r} not in {heard!r}"
    for words in _listed(step.get("not")):
        assert words.lower() not in heard.lower(), f"{where}: {words!r} in {heard!r}"
    for label in _listed(step.get("offer")):
        assert label in citizen.choices, f"{where}: {label!r} not among {citizen.choices}"
    if "flag" in step:
        row = await road.journal.conversation(citizen.conversation)
        assert row is not None
        assert (row["flag_reason"] or "") == step["flag"], where
    if "ticket" in step:
        tickets = road.tickets.of_conversation(citizen.conversation)
        assert tickets, f"{where}: no ticket"
        for name, value in step["ticket"].items():
            assert getattr(tickets[0], name) == value, f"{where}: {name}"
    if "tickets" in step:
        assert len(road.tickets.of_conversation(citizen.conversation)) == step["tickets"], where
    assert "/inform" not in heard and "{" not in heard, f"{where}: raw payload in {heard!r}"


def _listed(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)
