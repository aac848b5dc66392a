"""Fetches the feeds that the city names and makes our notices those that a feed has now.

A feed that cannot be fetched or read changes nothing. A fetch has limits of time and size, follows
few redirects, and only http and https. `LIKEWISE_NOTICE_FEEDS` names addresses, each with the
language of its texts in front if they do not say it: `nl=https://city.example/works.ics`.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import aiohttp

from bot.civic.notices import NewNotice
from bot.notices.item import MAX_BYTES, FeedRefused
from bot.notices.placing import Finder, placed
from bot.notices.reading import read
from bot.store.notices import NoticeRegister

log = logging.getLogger(__name__)
FETCH = aiohttp.ClientTimeout(total=20, connect=5)
_LANGUAGE = re.compile(r"^([a-z]{2})=(.+)$")


@dataclass(frozen=True)
class Pulled:
    """What became of one feed: counts, and a line for each entry that was left out."""

    feed: str
    added: int = 0
    changed: int = 0
    removed: int = 0
    faults: tuple[str, ...] = ()
    refused: str = ""


def feed_of(entry: str, default: str) -> tuple[str, str]:
    """(address, language) of an entry of the setting."""
    match = _LANGUAGE.match(entry.strip())
    return (match[2], match[1]) if match else (entry.strip(), default)


async def fetched(url: str) -> bytes:
    """The content of a feed. Raises FeedRefused."""
    try:
        async with aiohttp.ClientSession(timeout=FETCH) as session:
            async with session.get(url, max_redirects=3) as answer:
                if answer.status != 200:
                    raise FeedRefused(f"status {answer.status}")
                body = bytearray()
                async for chunk in answer.content.iter_chunked(64 * 1024):
                    body += chunk
                    if len(body) > MAX_BYTES:
                        raise FeedRefused(f"larger than {MAX_BYTES // 1024} kB")
                return bytes(body)
    except asyncio.TimeoutError:
        raise FeedRefused("no answer in time") from None
    except FeedRefused:
        raise
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise FeedRefused(f"cannot be fetched ({type(error).__name__})") from None


def merged(
    feed: str,
    content: bytes,
    language: str,
    register: NoticeRegister,
    finder: Finder,
    zone: ZoneInfo,
) -> Pulled:
    """Read a feed's content into the register; blocking. Raises FeedRefused."""
    reading = read(content, zone, language)
    faults = list(reading.faults)
    notices: list[NewNotice] = []
    for item in reading.items:
        notice = placed(item, finder)
        fault = notice.fault()
        if fault:
            faults.append(f"{item.guid[:60] or 'an entry'}: {fault}")
        else:
            notices.append(notice)
    counts = register.merge(feed[:300], notices)
    return Pulled(feed, counts["added"], counts["changed"], counts["removed"], tuple(faults[:20]))


class Pulling:
    """All feeds, one after the other, now and then again."""

    def __init__(
        self,
        entries: Sequence[str],
        register: NoticeRegister,
        finder: Callable[[], Finder],
        zone: ZoneInfo,
        language: str,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        """`finder` gives the finder in force; `after` is called when a feed brought something."""
        self.feeds = [feed_of(entry, language) for entry in entries]
        self.register = register
        self.finder = finder
        self.zone = zone
        self.after = after

    async def pull(self) -> list[Pulled]:
        """Pull every feed once."""
        return [await self._one(url, language) for url, language in self.feeds]

    async def _one(self, url: str, language: str) -> Pulled:
        loop = asyncio.get_running_loop()
        try:
            content = await fetched(url)
            done = await loop.run_in_executor(
                None, merged, url, content, language, self.register, self.finder(), self.zone
            )
        except FeedRefused as error:
            log.warning("the notice feed at %s was left aside: %s", urlsplit(url).netloc, error)
            return Pulled(url, refused=str(error))
        if done.added or done.changed or done.removed:
            self.after()
        return done

    async def run(self, minutes: float) -> None:
        """Pull until cancelled."""
        while True:
            try:
                await self.pull()
            except Exception:
                log.exception("pulling notice feeds stumbled")
            await asyncio.sleep(minutes * 60)
