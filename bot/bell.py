"""A bell that one room rings when it has left something for the next.

Waking up early is all it does: a room that misses a ring looks again after its own short wait, so
losing a ring, or the whole process, loses no message.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict


class Bell:
    """Named bells for rooms and for readers of one conversation."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Future[None]]] = defaultdict(set)

    def ring(self, name: str) -> None:
        for future in self._waiting.pop(name, set()):
            if not future.done():
                future.set_result(None)

    def listen(self, name: str) -> asyncio.Future[None]:
        """Begin to listen now; look at the tables after this and before `rest`."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[name].add(future)
        return future

    async def rest(self, name: str, future: asyncio.Future[None], seconds: float) -> bool:
        """Wait for the ring; False when `seconds` passed without one."""
        try:
            # Not wait_for: in Python 3.10 it swallows a cancellation that comes with the ring, and
            # the loop that rests here would never end.
            rung, _ = await asyncio.wait({future}, timeout=seconds)
            return bool(rung)
        finally:
            self.leave(name, future)

    def leave(self, name: str, future: asyncio.Future[None]) -> None:
        """Stop listening."""
        waiting = self._waiting.get(name)
        if waiting is not None:
            waiting.discard(future)
            if not waiting:
                del self._waiting[name]


TURNS = "turns"
DELIVERIES = "deliveries"
DESK = "desk"
"""Somebody waits for a person, or what waits has changed."""
PHOTOS = "photos"


def reader(conversation: str) -> str:
    """The bell of those who read along with a conversation."""
    return f"reader:{conversation}"


def typing(conversation: str) -> str:
    """The bell that says an answer is being made."""
    return f"typing:{conversation}"


def person_typing(conversation: str) -> str:
    """The bell that says a person at the desk is typing."""
    return f"person-typing:{conversation}"
