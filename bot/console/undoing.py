"""Taking a bulk change back: the form of the result page carries what was, signed and for minutes.

Nothing is erased: going back is a change of its own in each ticket's history. It happens only while
nobody has changed the ticket since, and for a state only where the table of moves has a way back.
A message that a citizen was sent stays sent.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from bot.civic.tickets import CLOSED, NEEDS_FACT, NEEDS_TEXT, TRANSITIONS, State, Ticket
from bot.console.visit import Visit

MINUTES = 10


@dataclass(frozen=True)
class Step:
    """One ticket's way back. `version` is that of the ticket after the change."""

    what: str
    reference: str
    version: int
    to: str


def way_back(was: State, now: State) -> State | None:
    """The state that undoes a move, or None: a closed ticket is reopened, an open one goes back
    where the table allows it without new facts."""
    if was in TRANSITIONS[now] and was not in NEEDS_FACT and was not in NEEDS_TEXT and was != now:
        return was
    if now in CLOSED and was not in CLOSED:
        return State.REOPENED
    return None


def ticket(visit: Visit, what: str, pairs: Sequence[tuple[Ticket, Ticket | None]]) -> str:
    """What the form carries; empty when nothing can be taken back."""
    steps = []
    for was, now in pairs:
        if now is None:
            continue
        if what == "move":
            state = way_back(was.state, now.state)
            to = state.value if state else ""
        else:
            to = was.desk if what == "route" else was.due_on.isoformat() if was.due_on else "-"
        if to:
            steps.append(Step(what, was.reference, now.version, to))
    if not steps:
        return ""
    until = int(visit.office.clock().timestamp()) + MINUTES * 60
    body = json.dumps({"until": until, "steps": [asdict(step) for step in steps]}).encode()
    return f"{base64.urlsafe_b64encode(body).decode()}.{_signed(visit, body)}"


def _signed(visit: Visit, body: bytes) -> str:
    owner = f"undo:{visit.member.id}:".encode()
    return hmac.new(visit.office.key, owner + body, hashlib.sha256).hexdigest()


def read(visit: Visit, text: str) -> list[Step] | None:
    """The steps of a form of ours that is not too old; None for anything else."""
    encoded, _, mark = text.partition(".")
    try:
        body = base64.urlsafe_b64decode(encoded.encode("ascii"))
    except (ValueError, UnicodeEncodeError):
        return None
    if not hmac.compare_digest(_signed(visit, body).encode(), mark.encode("utf-8", "replace")):
        return None
    data = json.loads(body)
    if data["until"] < visit.office.clock().timestamp():
        return None
    return [Step(**step) for step in data["steps"]]


def back(register: Any, step: Step, by: str) -> None:
    """Take one step. Raises MoveRefused, TicketChanged or TicketUnknown."""
    if step.what == "route":
        register.route(step.reference, step.to, by, step.version)
    elif step.what == "due":
        due = None if step.to == "-" else date.fromisoformat(step.to)
        register.set_due(step.reference, due, by, step.version)
    else:
        register.move(step.reference, State(step.to), by, version=step.version)
