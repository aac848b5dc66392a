"""Real processes with the real model, killed with SIGKILL: nothing is lost and nothing is doubled.

Each joint of the road (`crashing.JOINTS`, `docs/crash-joints.md`) kills the server in the middle of
a report; a client as the chat contract describes it posts again what was not answered, with the same
id. What the citizen reads in the end, ticket references included, and the tickets themselves are
those of an undisturbed run. Then a stream of 200 messages meets kills at random moments.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.settings import ROOT
from bot.turns import MOST_INTERRUPTED
from tests.road.crashing import JOINTS, Joint
from tests.road.processes import (
    CONVERSATIONS,
    DUTCH,
    ENGLISH,
    RANDOM_KILLS,
    ROUNDS,
    SEED,
    START_SECONDS,
    Client,
    Launcher,
    Outcome,
    Server,
    check_tables,
    compare,
    far_apart,
    references,
    report,
    settle,
    story,
    table,
    text_of,
    tickets,
)
from tests.road.rooms import phrasebook

pytestmark = [pytest.mark.crash, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    made = Launcher()
    yield made
    made.close()


@pytest.fixture(scope="module")
def undisturbed(launcher: Launcher, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    outcome = report(launcher, tmp_path_factory.mktemp("undisturbed"))
    assert outcome.deaths == 0
    said = [m for m in outcome.transcript if m["from"] == "citizen"]
    assert len(said) == 5
    ((reference, service, place, *_),) = outcome.tickets
    assert (service, place) == ("street-light", "Oosterstraat 12")
    heard = [m["text"] for m in outcome.transcript if m["from"] == "bot"]
    assert sum(reference in text for text in heard) >= 2, "once when sent, once when asked"
    return outcome


@pytest.mark.parametrize("joint", JOINTS, ids=lambda joint: f"{joint.number:02}-{joint.method}")
def test_a_server_that_dies_at_a_joint_leaves_no_trace_in_what_the_citizen_reads(
    launcher: Launcher, undisturbed: Outcome, tmp_path: Path, joint: Joint
) -> None:
    outcome = report(launcher, tmp_path, joint)
    assert outcome.deaths >= (1 if joint.method == "open" else 3), "the joint was not passed"
    assert outcome.transcript == undisturbed.transcript
    assert outcome.tickets == undisturbed.tickets


def test_a_stream_of_200_messages_survives_kills_at_random_moments(
    launcher: Launcher, tmp_path: Path
) -> None:
    stories = {}
    for language in ("en", "nl"):
        quiet = tmp_path / f"quiet-{language}"
        quiet.mkdir()
        outcome = report(launcher, quiet, language=language, rounds=ROUNDS)
        stories[language] = story(outcome.transcript)
    chance = random.Random(SEED)
    # These kills are no message's fault, however often they meet the same one.
    server = Server(launcher, tmp_path, waits={"bot.turns:MOST_INTERRUPTED": 1000})
    up, traffic, done = threading.Condition(), threading.Event(), threading.Event()

    def lost() -> None:
        with up:
            port = server.port
            up.wait_for(lambda: server.port not in (0, port) or done.is_set(), timeout=0.2)

    failures: list[BaseException] = []
    clients = [
        Client(lambda: server.port, lost, "nl" if n % 2 else "en", on_kept=traffic.set)
        for n in range(CONVERSATIONS)
    ]

    def live(client: Client) -> None:
        try:
            client.arrive()
            for _ in range(ROUNDS):
                client.talk(DUTCH if client.language == "nl" else ENGLISH)
        except BaseException as error:
            failures.append(error)

    server.start()
    far_apart(tmp_path)
    threads = [threading.Thread(target=live, args=(c,), daemon=True) for c in clients]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 150
    while any(t.is_alive() for t in threads) and not failures:
        assert time.monotonic() < deadline, "the stream does not end"
        if server.deaths >= RANDOM_KILLS or not traffic.wait(0.5):
            time.sleep(0.05)
            continue
        time.sleep(chance.uniform(0, 0.3))
        server.kill()
        traffic.clear()
        server.start()
        with up:
            up.notify_all()
    done.set()
    assert not failures, failures
    kills = server.deaths

    assert kills >= 30
    assert sum(c.posts for c in clients) == CONVERSATIONS * ROUNDS * 5 == 200
    wholes = [client.transcript() for client in clients]
    check_tables(tmp_path, 200)
    compare(clients, wholes, stories)
    found = tickets(tmp_path)
    assert len(found) == CONVERSATIONS * ROUNDS, "as many tickets as were confirmed"
    assert [int(t[0][-5:]) for t in found] == list(range(1, len(found) + 1))
    assert {t[-1] for t in found} == {"opened"}
    heard = [r for whole in wholes for r in references(whole)]
    assert sorted(set(heard)) == [t[0] for t in found], "every ticket is known to its citizen"
    server.kill()


def test_the_plain_command_comes_back_after_a_kill(undisturbed: Outcome, tmp_path: Path) -> None:
    """`python -m bot serve` itself, without the launcher: killed with a message on its way."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LIKEWISE_")}
    environment |= {"LIKEWISE_DATA_DIR": str(tmp_path), "LIKEWISE_PORT": "0"}
    running: list[subprocess.Popen[bytes]] = []
    ports: list[int] = []

    def start() -> None:
        log = tmp_path / f"life-{len(running)}.log"
        with log.open("wb") as output:
            running.append(
                subprocess.Popen(
                    [sys.executable, "-m", "bot", "serve"],
                    cwd=ROOT,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            ready = re.search(r"^ready +open http://127\.0\.0\.1:(\d+)", text_of(log), re.M)
            if ready:
                ports.append(int(ready[1]))
                return
            assert running[-1].poll() is None, text_of(log)[-2000:]
            time.sleep(0.02)
        raise AssertionError(text_of(log)[-2000:])

    def lost() -> None:
        assert running[-1].wait(10) == -signal.SIGKILL
        start()

    try:
        start()
        client = Client(lambda: ports[-1], lost)
        client.arrive()
        client.talk(ENGLISH[:2])
        client.on_kept = lambda: running[0].kill()  # as soon as "Yes, send it" is kept
        client.talk(ENGLISH[2:3])
        client.on_kept = lambda: None
        client.talk(ENGLISH[3:])
        assert len(running) == 2
        assert client.transcript() == undisturbed.transcript
        assert tickets(tmp_path) == undisturbed.tickets
    finally:
        for process in running:
            process.kill()
            process.wait(10)


def test_a_message_that_kills_every_process_is_put_aside_and_later_ones_go_on(
    launcher: Launcher, tmp_path: Path
) -> None:
    server = Server(launcher, tmp_path)
    server.deadly = "kryptonite"

    def revive() -> None:
        assert server.died(10), "unreachable, but alive"
        server.start()

    server.start()
    client = Client(lambda: server.port, revive)
    client.arrive()
    for words in ("hello", "I found kryptonite in Oosterstraat 12", "when is my bin collected?"):
        client.post(text=words)
    for key in ("m1", "m2", "m3"):
        client.wait_for(key)
    assert server.deaths == MOST_INTERRUPTED
    client.post(text="thanks")
    client.wait_for("m4")
    assert server.deaths == MOST_INTERRUPTED, "it is not tried for ever"
    settle(tmp_path)
    answers = {m["in_reply_to"]: m["text"] for m in client.transcript() if m["from"] == "bot"}
    apology = phrasebook().reply("utter_apology", "en").text.partition("{")[0]
    assert answers["m2"].startswith(apology)
    assert answers["m2"] not in (answers["m1"], answers["m3"], answers["m4"])
    assert table(
        tmp_path,
        "SELECT i.external_id LIKE '%:m2', t.outcome, i.interrupted FROM inbox i "
        "JOIN turns t ON t.inbox_id = i.id ORDER BY i.id",
    ) == [
        (0, "answered", 0),
        (1, "failed", MOST_INTERRUPTED),
        (0, "answered", 0),
        (0, "answered", 0),
    ]
    assert table(tmp_path, "SELECT flag_reason FROM conversations") == [("failed",)]
    server.kill()


def test_the_page_on_crashes_shows_the_same_joints() -> None:
    page = (ROOT / "docs" / "crash-joints.md").read_text("utf-8")
    shown = re.findall(r"^\| (\d+) \| ([^|]+?) \| `([^`]+)`", page, re.M)
    assert [(int(n), name, call) for n, name, call in shown] == [
        (j.number, j.name, f"{j.place.partition(':')[2]}.{j.method}") for j in JOINTS
    ]
