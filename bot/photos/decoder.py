"""Asking the decoding process: a few at once, each with a time limit, none with our environment.

A decoder that dies, stalls or says something odd has met a picture that nobody should open: it is
refused as broken. The event loop only ever waits.
"""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from pathlib import Path

from bot.channel import PhotoRefused
from bot.photos import decoding
from bot.photos.decoding import Decoded

log = logging.getLogger(__name__)
PROGRAM = str(Path(decoding.__file__).resolve())
SECONDS = 40.0


class Decoder:
    """At most `at_once` pictures of at most `max_pixels` pixels."""

    def __init__(self, max_pixels: int, at_once: int = 2, seconds: float = SECONDS) -> None:
        self.max_pixels = max_pixels
        self.seconds = seconds
        self._places = asyncio.Semaphore(at_once)

    async def read(self, content: bytes) -> Decoded:
        """The picture written anew. Raises PhotoRefused."""
        if not content:
            raise PhotoRefused("photo_empty")
        if decoding.kind_of(content) is None:
            raise PhotoRefused("photo_type")  # no process for what is no picture
        async with self._places:
            answer = await self._ask(content)
        head, _, pictures = answer.partition(b"\n")
        try:
            said = json.loads(head)
            if "refused" in said:
                raise PhotoRefused(str(said["refused"]))
            photo, thumb = pictures[: said["photo"]], pictures[said["photo"] :]
            if not photo or len(thumb) != said["thumb"] or not thumb:
                raise ValueError("cut off")
            position = said["position"]
            return Decoded(
                photo,
                thumb,
                int(said["width"]),
                int(said["height"]),
                (float(position[0]), float(position[1])) if position else None,
            )
        except (ValueError, KeyError, TypeError):
            log.warning("the decoder of pictures ended without an answer")
            raise PhotoRefused("photo_broken") from None

    async def _ask(self, content: bytes) -> bytes:
        return await asyncio.to_thread(self._run, content)

    def _run(self, content: bytes) -> bytes:
        """What the process wrote. On a thread of ours: not every event loop can start processes,
        and the one that Rasa brings along refuses to on another loop."""
        command = [sys.executable, "-I", PROGRAM, str(self.max_pixels)]
        try:
            done = subprocess.run(  # noqa: S603 - our own program, by its path
                command,
                input=content,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={},
                timeout=self.seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            log.warning("a picture took longer than %s s to read", self.seconds)
            return b""
        return done.stdout
