"""Tells the followers of an area of a new notice, each conversation once.

A notice counts as told when everybody was queued; until then it is told again, and what was queued
before is known by its key. Nobody is told of a change, of what is over, or who follows no more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol
from zoneinfo import ZoneInfo

from bot.civic.areas import Area
from bot.civic.notices import Notice, reached
from bot.messages import Reply
from bot.notices.wording import push_reply
from bot.phrases import Phrasebook
from bot.store.notices import NoticeRegister

log = logging.getLogger(__name__)
PAUSE_SECONDS = 20.0


class Push(Protocol):
    """Queues what `make` gives in the conversation's language, once for a key; see `bot.staff`."""

    async def __call__(self, conversation: str, make: Callable[[str], Reply], key: str) -> bool: ...


class Telling:
    """See the module. `areas` gives all areas as they are now."""

    def __init__(
        self,
        register: NoticeRegister,
        push: Push,
        book: Phrasebook,
        areas: Callable[[], Sequence[Area]],
        languages: Sequence[str],
        zone: ZoneInfo,
    ) -> None:
        self.register = register
        self.push = push
        self.book = book
        self.areas = areas
        self.languages = languages
        self.zone = zone

    async def step(self) -> int:
        """Tell what is untold; how many conversations have it now."""
        loop = asyncio.get_running_loop()
        told = 0
        for notice in await loop.run_in_executor(None, self.register.untold):
            told += await self._tell(notice)
            await loop.run_in_executor(None, self.register.mark_told, notice.id)
        return told

    async def _tell(self, notice: Notice) -> int:
        loop = asyncio.get_running_loop()
        areas = {a.code: a for a in await loop.run_in_executor(None, self.areas)}
        codes = reached(notice.area_codes, list(areas.values()))
        followers = await loop.run_in_executor(None, self.register.followers, codes)
        told = 0
        for conversation, code in followers:
            key = f"notice-{notice.id}-{conversation}"
            told += await self.push(conversation, partial(self.reply, notice, areas[code]), key)
        return told

    def reply(self, notice: Notice, area: Area, language: str) -> Reply:
        """What a follower of `area` reads."""
        return push_reply(notice, area, language, self.languages, self.book, self.zone)

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            try:
                await self.step()
            except Exception:
                log.exception("telling of notices stumbled")
            await asyncio.sleep(PAUSE_SECONDS)
