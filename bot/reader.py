"""What a reader of one conversation may see, and when there is something new.

The web connector reads through this: lines after a cursor, and a bell. It knows no tables.
"""

from __future__ import annotations

import asyncio
from typing import Literal

from bot.bell import Bell, person_typing, reader, typing
from bot.messages import ConversationId, Entry
from bot.store.journal import Journal

News = Literal["message", "typing", "person_typing"]


class Watch:
    """One wait for news; begun before the lines are read, so that nothing falls in between."""

    def __init__(self, bell: Bell, conversation: ConversationId) -> None:
        self.bell = bell
        self.names = {"message": reader(conversation), "typing": typing(conversation)}
        self.futures = {kind: bell.listen(name) for kind, name in self.names.items()}

    async def news(self, seconds: float) -> News | None:
        """What came first, or None after `seconds`."""
        try:
            await asyncio.wait(
                self.futures.values(), timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if self.futures["message"].done():
                return "message"
            return "typing" if self.futures["typing"].done() else None
        finally:
            for kind, future in self.futures.items():
                self.bell.leave(self.names[kind], future)


class Following:
    """A reader who stays: it listens all the time, so that no ring falls between two waits."""

    def __init__(self, bell: Bell, conversation: ConversationId) -> None:
        self.bell = bell
        self.names: dict[News, str] = {
            "message": reader(conversation),
            "typing": typing(conversation),
            "person_typing": person_typing(conversation),
        }
        self.futures = {kind: bell.listen(name) for kind, name in self.names.items()}

    async def news(self, seconds: float) -> set[News]:
        """What came since the last time, as soon as something did; empty after `seconds`."""
        await asyncio.wait(
            self.futures.values(), timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        heard = {kind for kind, future in self.futures.items() if future.done()}
        for kind in heard:
            self.futures[kind] = self.bell.listen(self.names[kind])
        return heard

    def close(self) -> None:
        """Stop listening."""
        for kind, future in self.futures.items():
            self.bell.leave(self.names[kind], future)


class Reader:
    """Lines of a conversation and the bell that rings for new ones."""

    def __init__(self, journal: Journal, bell: Bell) -> None:
        self.journal = journal
        self.bell = bell

    async def entries(
        self, conversation: ConversationId, after: int, limit: int = 200
    ) -> list[Entry]:
        return await self.journal.entries(conversation, after, limit)

    def ring(self, conversation: ConversationId) -> None:
        """Tell those who read along that there is something new."""
        self.bell.ring(reader(conversation))

    def watch(self, conversation: ConversationId) -> Watch:
        return Watch(self.bell, conversation)

    def follow(self, conversation: ConversationId) -> Following:
        return Following(self.bell, conversation)
