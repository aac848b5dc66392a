"""A launcher of servers that die: imports the bot and its model once, then forks `serve` processes.

A forked server may carry one armed joint: it kills itself with SIGKILL at the n-th pass through a
numbered place of the road. Threads, loops and database handles are made after the fork. Orders come
as JSON lines on standard input, and the end of input ends the launcher and all that it started.
`docs/crash-joints.md` shows the same table of joints.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Joint:
    """A place of the road where a process may die: before or after one call returns.

    `gets_on` says that a process that dies here at its first pass has still brought a message
    further, so that a row of such deaths comes to an end.
    """

    number: int
    name: str
    place: str
    method: str
    side: Literal["before", "after"] = "after"
    gets_on: bool = False
    idle: bool = False
    """The call also returns None when there was nothing to do; that is no pass."""


JOINTS = (
    Joint(1, "inside the intake's transaction", "bot.store.arrivals:Arrivals", "_accept"),
    Joint(2, "after the intake commit, before the answer", "bot.store.arrivals:Arrivals", "accept"),
    Joint(3, "after a claim", "bot.store.claims:Claims", "claim_turn", idle=True),
    Joint(4, "in the brain, understood", "bot.brain.inprocess:RoadProcessor", "parse_message"),
    Joint(5, "in an action, before the ticket", "bot.store.registers:TicketRegister", "open", "before"),
    Joint(6, "in an action, after the ticket", "bot.store.registers:TicketRegister", "open"),
    Joint(7, "before the tracker save", "bot.brain.inprocess:RoadProcessor", "save_tracker", "before"),
    Joint(
        8, "after the tracker save", "bot.brain.inprocess:RoadProcessor", "save_tracker", gets_on=True
    ),
    Joint(9, "inside the turn's transaction", "bot.store.claims:Claims", "_commit"),
    Joint(10, "after the outbox commit", "bot.store.claims:Claims", "commit_turn", gets_on=True),
    Joint(11, "a reply is claimed", "bot.store.deliveries:Deliveries", "claim_delivery", idle=True),
    Joint(12, "a reply is sent, not settled", "connectors.web.connector:WebConnector", "send"),
    Joint(13, "a reply is settled", "bot.store.deliveries:Deliveries", "settle", gets_on=True),
)  # fmt: skip


def arm(joint: Joint, nth: int) -> None:
    """Make this process kill itself at the n-th pass through the joint."""
    module, _, name = joint.place.partition(":")
    owner = getattr(importlib.import_module(module), name)
    original = getattr(owner, joint.method)
    passes, counting = 0, threading.Lock()

    def passed() -> None:
        nonlocal passes
        with counting:
            passes += 1
            if passes == nth:
                os.kill(os.getpid(), signal.SIGKILL)

    def after(result: Any) -> Any:
        if joint.side == "after" and not (joint.idle and result is None):
            passed()
        return result

    def before() -> None:
        if joint.side == "before":
            passed()

    wrapped: Callable[..., Any]
    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            before()
            return after(await original(*args, **kwargs))

    else:

        @functools.wraps(original)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            before()
            return after(original(*args, **kwargs))

    setattr(owner, joint.method, wrapped)


def poison(word: str) -> None:
    """Make this process kill itself whenever the brain reads a message with this word."""
    from bot.brain.inprocess import RoadProcessor

    original = RoadProcessor.parse_message

    @functools.wraps(original)
    async def deadly(self: Any, message: Any, *args: Any, **kwargs: Any) -> Any:
        if word in str(message.text):
            os.kill(os.getpid(), signal.SIGKILL)
        return await original(self, message, *args, **kwargs)

    RoadProcessor.parse_message = deadly


def hasten(waits: dict[str, float]) -> None:
    """Set constants that say how long something waits, by `module:NAME`, in seconds."""
    for place, seconds in waits.items():
        module, _, name = place.partition(":")
        owner = importlib.import_module(module)
        usual = getattr(owner, name)
        setattr(
            owner, name, timedelta(seconds=seconds) if isinstance(usual, timedelta) else seconds
        )


def load() -> None:
    """Import everything and read the model, so that a forked server starts at once."""
    from bot.brain import light, training
    from bot.settings import load as settings

    light.load_rasa()
    path = training.model_path(settings())
    if not path.exists():
        # Training leaves threads behind, so it has a process of its own.
        subprocess.run(
            [sys.executable, "-m", "bot", "train"], check=True, stdout=subprocess.DEVNULL
        )
    for module in ("bot.assembly", "bot.commands", "bot.brain.embedded"):
        importlib.import_module(module)
    from rasa.core.processor import MessageProcessor

    with light.without_warnings():
        loaded = MessageProcessor._load_model(path)
    MessageProcessor._load_model = staticmethod(lambda _: loaded)
    assert threading.active_count() == 1, "a fork keeps only one thread"


def serve(order: dict[str, Any]) -> int:
    """The forked server: `python -m bot serve` with its output in a file."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    output = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, output), (2, output)):
        os.dup2(source, target)
    os.environ.update(order["env"])
    hasten(order.get("waits") or {})
    if order.get("joint"):
        arm(JOINTS[order["joint"] - 1], order["nth"])
    if order.get("deadly"):
        poison(order["deadly"])
    from bot.__main__ import main

    return main(["serve"])


class Launcher:
    """Carries out orders; knows every process that it started and touches no other."""

    def __init__(self) -> None:
        self.running: set[int] = set()

    def start(self, order: dict[str, Any]) -> dict[str, Any]:
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            status = 70
            try:
                status = serve(order)
            finally:
                sys.stdout.flush()
                os._exit(status)
        self.running.add(pid)
        return {"pid": pid}

    def kill(self, order: dict[str, Any]) -> dict[str, Any]:
        """SIGKILL, unless it is dead already; returns how it ended."""
        if order["pid"] in self.running:
            os.kill(order["pid"], signal.SIGKILL)  # not reaped yet, so the pid is still ours
        return self.ended({**order, "seconds": 10})

    def ended(self, order: dict[str, Any]) -> dict[str, Any]:
        """How a server ended (a signal is negative), or None when it lives on."""
        deadline = time.monotonic() + order.get("seconds", 0)
        while order["pid"] in self.running:
            pid, status = os.waitpid(order["pid"], os.WNOHANG)
            if pid:
                self.running.discard(pid)
                return {"status": os.waitstatus_to_exitcode(status)}
            if time.monotonic() >= deadline:
                return {"status": None}
            time.sleep(0.005)
        return {"status": "gone"}

    def end(self) -> None:
        for pid in list(self.running):
            self.kill({"pid": pid})


def main() -> None:
    load()
    launcher = Launcher()
    orders = {"start": launcher.start, "kill": launcher.kill, "ended": launcher.ended}
    print(json.dumps({"loaded": True}), flush=True)
    try:
        for line in sys.stdin:
            order = json.loads(line)
            print(json.dumps(orders[order["do"]](order)), flush=True)
    finally:
        launcher.end()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main()
