"""The photo room: pictures come in by upload or are fetched, and leave when it is time.

An upload is answered after the picture is stored. A picture that waits at its provider is fetched
after the message was kept, and again after a failure, for about a day; what cannot be had keeps its
row with the provider's reference. A crash anywhere leaves a row that says what is still to be done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

from bot.bell import PHOTOS, Bell
from bot.channel import FileUnavailable, PhotoRefused, PhotoUnavailable
from bot.messages import ChannelName, ConversationId
from bot.photos.decoder import Decoder
from bot.photos.decoding import Decoded
from bot.photos.store import PhotoStore, StoreUnavailable, photo_name
from bot.store.photo_queue import PhotoQueue, Wanted
from bot.store.photos import Photo, PhotoRegister

log = logging.getLogger(__name__)
MAX_ATTEMPTS = 30
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(hours=1)
IDLE_SECONDS = 5.0
SWEEP_SECONDS = 3600.0
WAITING_UPLOADS = 8
"""Uploads that may wait for a decoder at once; more are told to come back."""
PHRASES = {
    "photo_type": "utter_photo_type",
    "photo_empty": "utter_photo_broken",
    "photo_broken": "utter_photo_broken",
    "photo_pixels": "utter_photo_too_large",
    "too_large": "utter_photo_too_large",
}
"""What a citizen is told, by the code of the refusal; all else: it could not be fetched."""

Tell = Callable[[ConversationId, str, str], Awaitable[None]]
"""Say a phrase to a conversation, once for this key."""


class Fetcher(Protocol):
    """A connector that can fetch what its provider has."""

    async def fetch_file(self, reference: str, limit: int) -> bytes:
        """At most `limit` bytes. Raises FileUnavailable."""
        ...


class PhotoRoom:
    """See the module. `fetchers` by channel; `max_bytes` of one picture as it comes."""

    def __init__(
        self,
        queue: PhotoQueue,
        register: PhotoRegister,
        store: PhotoStore,
        decoder: Decoder,
        fetchers: Mapping[ChannelName, Fetcher],
        tell: Tell,
        bell: Bell,
        max_bytes: int,
        orphans: timedelta,
    ) -> None:
        self.queue = queue
        self.register = register
        self.store = store
        self.decoder = decoder
        self.fetchers = fetchers
        self.tell = tell
        self.bell = bell
        self.max_bytes = max_bytes
        self.orphans = orphans
        self._uploads = 0

    # Uploads and reading -------------------------------------------------------------------------

    async def take(
        self,
        conversation: ConversationId,
        content: bytes,
        channel: ChannelName,
        sent_by: str = "",
    ) -> str:
        """Store a picture of the citizen, or of a member of staff for them; returns its id.

        Raises PhotoRefused, or PhotoUnavailable for later.
        """
        if len(content) > self.max_bytes:
            raise PhotoRefused("too_large")
        if self._uploads >= WAITING_UPLOADS:
            raise PhotoUnavailable("busy")
        self._uploads += 1
        try:
            found = await self.decoder.read(content)
            if sent_by:
                found = replace(found, position=None)  # where a clerk was is nobody's business
            photo = await self.queue.begin(conversation, channel, sent_by)
            await self._put(photo, found)
            if not await self.queue.keep(photo, found):
                await self._delete(photo)
                raise PhotoUnavailable("forgotten")
            return photo
        except StoreUnavailable as error:
            log.error("a photo cannot be stored: %s", error)
            raise PhotoUnavailable("store") from None
        finally:
            self._uploads -= 1

    async def find(self, photo: str) -> Photo | None:
        """What is known of a photo."""
        return await self.register.find(photo)

    async def owned(self, conversation: ConversationId, photo: str) -> bool:
        """Whether this conversation sent the photo, and it is there or on its way."""
        found = await self.register.find(photo)
        return (
            found is not None
            and found.conversation == conversation
            and not found.sent_by
            and found.state in ("waiting", "arriving", "stored")
        )

    async def picture(self, photo: str, small: bool = False) -> bytes | None:
        """The JPEG of a stored photo, or of its thumbnail: for callers who may see it.

        Raises PhotoUnavailable when the store gives no answer.
        """
        found = await self.register.find(photo)
        if found is None or found.state != "stored":
            return None
        try:
            return await self.store.get(photo_name(photo, small))
        except StoreUnavailable as error:
            raise PhotoUnavailable(str(error)) from None

    # The loop ------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Fetch, delete and sweep until cancelled."""
        loop = asyncio.get_running_loop()
        swept = -SWEEP_SECONDS
        while True:
            ring = self.bell.listen(PHOTOS)
            try:
                if loop.time() - swept >= SWEEP_SECONDS:
                    await self.queue.sweep(self.orphans)
                    swept = loop.time()
                if await self.delete_erased() or await self.fetch_next():
                    continue
            except Exception:
                log.exception("the photo room stumbled")
            await self.bell.rest(PHOTOS, ring, IDLE_SECONDS)

    async def delete_erased(self) -> int:
        """Delete the files of erased photos, then their rows; returns how many went."""
        return await delete_erased(self.queue, self.store)

    async def fetch_next(self) -> bool:
        """Fetch one waiting picture; False when none is due."""
        wanted = await self.queue.claim()
        if wanted is None:
            return False
        try:
            found = await self.decoder.read(await self._fetched(wanted))
            await self._put(wanted.photo, found)
            if not await self.queue.keep(wanted.photo, found):
                await self._delete(wanted.photo)  # forgotten while we fetched it
        except PhotoRefused as refused:
            await self._give_up(wanted, "refused", refused.code)
        except FileUnavailable as error:
            if not error.again or wanted.attempts >= MAX_ATTEMPTS:
                await self._give_up(wanted, "gone", error.code)
            else:
                await self._later(wanted, error.code)
        except Exception as error:
            log.warning("photo %s cannot be fetched yet: %s", wanted.photo, type(error).__name__)
            await self._later(wanted, type(error).__name__)
        return True

    async def _fetched(self, wanted: Wanted) -> bytes:
        fetcher = self.fetchers.get(wanted.channel)
        if fetcher is None:
            raise FileUnavailable("channel_off", again=True)
        return await fetcher.fetch_file(wanted.reference, self.max_bytes)

    async def _later(self, wanted: Wanted, code: str) -> None:
        delay = min(FIRST_WAIT * 2 ** min(wanted.attempts - 1, 12), LONGEST_WAIT)
        await self.queue.later(wanted, delay, code)

    async def _give_up(self, wanted: Wanted, state: str, code: str) -> None:
        """Tell the citizen, then settle: the notice has a key of its own and goes out once."""
        log.warning("photo %s is %s: %s", wanted.photo, state, code)
        phrase = PHRASES.get(code, "utter_photo_gone")
        await self.tell(wanted.conversation, phrase, f"photo-{wanted.photo}")
        await self.queue.settle(wanted.photo, state, code)

    async def _put(self, photo: str, found: Decoded) -> None:
        await self.store.put(photo_name(photo, small=True), found.thumb)
        await self.store.put(photo_name(photo), found.photo)

    async def _delete(self, photo: str) -> None:
        await delete_files(self.store, photo)


async def delete_erased(queue: PhotoQueue, store: PhotoStore) -> int:
    """Delete the files of some erased photos, then their rows; returns how many went."""
    erased = await queue.erased()
    try:
        for photo in erased:
            await delete_files(store, photo)
            await queue.gone(photo)
    except StoreUnavailable as error:
        log.error("photos cannot be deleted yet: %s", error)
        return 0
    return len(erased)


async def delete_files(store: PhotoStore, photo: str) -> None:
    for small in (False, True):
        await store.delete(photo_name(photo, small))
