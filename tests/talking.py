"""Talking to a road as a citizen does: send, wait for the turn's last reply, look at it."""

from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta

from bot.assembly import Road
from bot.messages import Address, Attachment, ConversationId, Entry, Inbound, Place
from bot.store import schema
from tests.photos import pictures


class Citizen:
    """One citizen in the web chat, through intake, the brain and dispatch."""

    def __init__(self, road: Road, conversation: ConversationId) -> None:
        self.road = road
        self.conversation = conversation
        self.cursor = 0
        self.last: list[Entry] = []

    @classmethod
    async def arrive(cls, road: Road, language: str = "") -> Citizen:
        key = secrets.token_hex(32)
        await road.journal.open_session(key, language, timedelta(days=1))
        conversation = await road.journal.session(key)
        assert conversation is not None
        return cls(road, conversation)

    async def say(self, text: str) -> str:
        """Say something; returns everything the bot answered, joined by blank lines."""
        return await self._send(text=text)

    async def choose(self, label: str) -> str:
        """Pick an offered choice by its label."""
        for entry in reversed(self.last):
            for choice in entry.body.get("choices") or ():
                if choice["label"] == label:
                    return await self._send(choice=choice["id"])
        raise AssertionError(f"no choice {label!r} among {self.choices}")

    async def share(self, lat: float, lon: float) -> str:
        return await self._send(place=Place(lat, lon))

    async def show(self, text: str = "") -> str:
        """Send a photo, with a text beside it or alone."""
        photo = await self.road.photo_room.take(
            self.conversation, pictures.jpeg(), self.road.web.name
        )
        return await self._send(text=text, photo=photo)

    @property
    def choices(self) -> list[str]:
        """Labels offered by the latest turn."""
        return [c["label"] for e in self.last for c in e.body.get("choices") or ()]

    async def _send(
        self,
        text: str = "",
        choice: str = "",
        place: Place | None = None,
        photo: str = "",
        seconds: float = 20,
    ) -> str:
        external = f"{self.conversation}:{secrets.token_hex(6)}"
        await self.road.intake.accept(
            Inbound(
                self.road.web.name,
                external,
                Address(self.conversation),
                text=text,
                choice=choice,
                place=place,
                attachments=(Attachment("photo", photo, photo=photo),) if photo else (),
                conversation=self.conversation,
            )
        )
        self.last = []
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline:
            watch = self.road.reader.watch(self.conversation)
            for entry in await self.road.reader.entries(self.conversation, self.cursor):
                self.cursor = entry.cursor
                if entry.sender != "citizen":
                    self.last.append(entry)
                    if entry.final and entry.external_id == external:
                        return "\n\n".join(e.body["text"] for e in self.last)
            await watch.news(0.5)
        raise AssertionError(f"no answer to {text or choice or place or photo!r}")


async def clear_the_streets(road: Road) -> None:
    """Let no report of an earlier test lie near by: they stay, but nowhere."""
    nowhere = schema.tickets.update().values(lat=None, lon=None, street=None)
    await road.database.write(lambda c: c.execute(nowhere))
