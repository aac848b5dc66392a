"""Whole conversations from `tests/transcripts/*.yml`, through intake, the trained model, dispatch.

A transcript is a list of steps. `say`, `choose` (a label), `share` ([lat, lon]) or `show` (a photo,
with a text or "") is what the citizen does, `arrive` (a language or "") begins another citizen's
conversation; `{reference}` stands for the citizen's own reference that was heard last. `hear` lists
what the answer must contain, `not` what it must not, `offer` the labels of the choices, `link` what a
link's address contains, `picture` what the words of a picture contain, `flag` why the conversation waits for staff, `ticket` facts of the newest own
ticket, `tickets` how many there are, `photos` how many the ticket heard of last has, `stored` facts
of the ticket heard of last, whoever owns it. `desk`, in a step or for all, says who is there for the
chat: `staffed`, `unstaffed` (open, nobody free) or `closed`.
"""

from __future__ import annotations

import re
from datetime import time
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bot.assembly import Road
from bot.civic.opening import OpeningHours
from bot.store import schema
from tests.talking import Citizen, clear_the_streets

REFERENCE = re.compile(r"LW-\d{4}-\d{5}")
DOES = {"say", "choose", "share", "show", "arrive"}
SETS = {"desk"}
CHECKS = {
    "hear",
    "picture",
    "not",
    "offer",
    "photos",
    "link",
    "flag",
    "ticket",
    "tickets",
    "stored",
}
FOLDER = Path(__file__).parent / "transcripts"
FILES = sorted(FOLDER.glob("*.yml"))


def test_there_are_enough_transcripts_in_every_language() -> None:
    languages = [load(path)["language"] for path in FILES]
    assert len(FILES) >= 55
    assert languages.count("nl") >= len(FILES) // 3
    assert {"en", "nl", "de", "da"} <= set(languages)
    assert min(languages.count("de"), languages.count("da")) >= 6


def load(path: Path) -> dict[str, Any]:
    return dict(YAML(typ="safe").load(path.read_text("utf-8")))


def test_transcripts_report_ten_services_and_more() -> None:
    steps = [step for path in FILES for step in load(path)["steps"]]
    services = {step["ticket"]["service"] for step in steps if "service" in step.get("ticket", {})}
    assert len(services) >= 14, services


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_transcript(path: Path, road: Road) -> None:
    transcript = load(path)
    waiting = schema.handovers.update().values(state="closed")
    await road.database.write(lambda c: c.execute(waiting))  # an earlier transcript's line
    await clear_the_streets(road)
    citizen = await Citizen.arrive(road, transcript.get("session_language", ""))
    reference = ""
    await settle_desk(road, transcript.get("desk", "staffed"))
    for number, step in enumerate(transcript["steps"], start=1):
        where = f"{path.name} step {number}"
        unknown = set(step) - DOES - CHECKS - SETS
        assert not unknown, f"{where}: {unknown}"
        assert len(set(step) & DOES) == 1, where
        if "desk" in step:
            await settle_desk(road, step["desk"])
        if "arrive" in step:
            citizen = await Citizen.arrive(road, step["arrive"])
            continue
        if "say" in step:
            heard = await citizen.say(step["say"].replace("{reference}", reference))
        elif "choose" in step:
            heard = await citizen.choose(step["choose"])
        elif "show" in step:
            heard = await citizen.show(step["show"])
        else:
            heard = await citizen.share(*step["share"])
        own = {ticket.reference for ticket in road.tickets.of_conversation(citizen.conversation)}
        reference = next((r for r in REFERENCE.findall(heard) if r in own), reference)
        await _check(step, heard, where, citizen, road, reference)


async def settle_desk(road: Road, desk: str) -> None:
    """Let the desk be there, or not."""
    assert desk in ("staffed", "unstaffed", "closed")
    always = dict.fromkeys(range(7), ((time.min, time.max),))
    hours = OpeningHours({} if desk == "closed" else always, road.settings.zone)
    road.outlook.hours = road.rounds.hours = hours
    await (road.presence.seen("ann") if desk == "staffed" else road.presence.left("ann"))


async def _check(
    step: dict[str, Any], heard: str, where: str, citizen: Citizen, road: Road, reference: str
) -> None:
    assert heard.strip(), f"{where}: no answer"
    for words in _listed(step.get("hear")):
        said = words.replace("{reference}", reference)
        assert said.lower() in heard.lower(), f"{where}: {words!r} not in {heard!r}"
    for words in _listed(step.get("not")):
        assert words.lower() not in heard.lower(), f"{where}: {words!r} in {heard!r}"
    for label in _listed(step.get("offer")):
        assert label in citizen.choices, f"{where}: {label!r} not among {citizen.choices}"
    for address in _listed(step.get("link")):
        links = [e.body["link"]["url"] for e in citizen.last if e.body.get("link")]
        assert any(address in link for link in links), f"{where}: {address!r} not in {links}"
    for words in _listed(step.get("picture")):
        shown = [e.body["image"]["alt"] for e in citizen.last if e.body.get("image")]
        assert any(words in alt for alt in shown), f"{where}: {words!r} not in {shown}"
    if "flag" in step:
        row = await road.journal.conversation(citizen.conversation)
        assert row is not None
        assert (row["flag_reason"] or "") == step["flag"], where
    own = road.tickets.of_conversation(citizen.conversation)
    if "ticket" in step:
        assert own, f"{where}: no ticket"
        _compare(own[0], step["ticket"], where)
    if "tickets" in step:
        assert len(own) == step["tickets"], f"{where}: {len(own)} tickets"
    if "photos" in step:
        assert len(road.photos.of_ticket(reference)) == step["photos"], where
    if "stored" in step:
        _compare(road.tickets.find(reference), step["stored"], where)
    for raw in ("/inform", "{"):
        assert raw not in heard, f"{where}: raw payload in {heard!r}"
    assert not re.search(r"(.{30,})\n+\1", heard), f"{where}: said twice: {heard!r}"


def _compare(ticket: Any, wanted: dict[str, Any], where: str) -> None:
    for name, value in wanted.items():
        assert getattr(ticket, name) == value, f"{where}: {name} is {getattr(ticket, name)!r}"


def _listed(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)
