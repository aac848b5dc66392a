"""Pictures by name: kept as specifications, drawn when somebody looks, cached on disk.

Drawing happens on one thread of its own, because matplotlib is not made for several, and so never
on the event loop. Only what was kept can be drawn: a name that nobody kept is not found. The cache
is a folder of limited size; what was looked at longest ago goes first.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from bot.pictures import specs
from bot.pictures.specs import Chart, Spec

log = logging.getLogger(__name__)
PATH = "/pictures/"
_NAME = re.compile(r"[0-9a-f]{40}")
_URL = re.compile(r"/pictures/([0-9a-f]{40})\.png")
WAITING = 24
"""Pictures that may wait for the one who draws; more are told to come back."""
CACHE_BYTES = 60 * 1024 * 1024
KEPT_FOR = "public, max-age=31536000, immutable"
"""A name stands for one picture for ever."""


class Drawings(Protocol):
    """Where specifications are kept; see `bot.store.neighbourhood`."""

    def keep(self, name: str, spec: Mapping[str, Any]) -> None: ...
    async def find(self, name: str) -> dict[str, Any] | None: ...


class Busy(Exception):
    """Too many pictures wait to be drawn."""


def draw(spec: Spec) -> bytes:
    """The picture as PNG. Loads matplotlib on first use, which takes a second."""
    from bot.pictures import chart, map

    return chart.draw(spec) if isinstance(spec, Chart) else map.draw(spec)


class Gallery:
    """See the module."""

    def __init__(self, drawings: Drawings, folder: Path, most_bytes: int = CACHE_BYTES) -> None:
        self.drawings = drawings
        self.folder = folder
        self.most_bytes = most_bytes
        self._pen = ThreadPoolExecutor(1, "pictures")
        self._waiting = 0

    def keep(self, spec: Spec) -> str:
        """Keep what a picture shows; returns its address on this server."""
        name = specs.name_of(spec)
        self.drawings.keep(name, specs.to_json(spec))
        return f"{PATH}{name}.png"

    async def image(self, name: str) -> bytes | None:
        """The PNG of a name; None for one that was never kept. Raises Busy."""
        if not _NAME.fullmatch(name):
            return None
        if self._waiting >= WAITING:
            raise Busy
        loop = asyncio.get_running_loop()
        self._waiting += 1
        try:
            cached = await loop.run_in_executor(None, self._cached, name)
            if cached is not None:
                return cached
            data = await self.drawings.find(name)
            if data is None:
                return None
            return await loop.run_in_executor(self._pen, self._drawn, name, data)
        finally:
            self._waiting -= 1

    async def at(self, url: str) -> bytes | None:
        """The PNG of an address that `keep` gave; None for any other, or when it cannot be drawn
        now: whoever sends it then sends the words alone."""
        match = _URL.fullmatch(url)
        if match is None:
            return None
        try:
            return await self.image(match[1])
        except Exception:
            log.exception("a picture could not be drawn")
            return None

    def routes(self) -> Iterable[web.RouteDef]:
        return [web.get(PATH + "{name}.png", self._show)]

    def close(self) -> None:
        self._pen.shutdown(wait=False)

    async def _show(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        tag = f'"{name}"'
        headers = {"ETag": tag, "Cache-Control": KEPT_FOR}
        try:
            content = await self.image(name)
        except Busy:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "5"}) from None
        if content is None:
            raise web.HTTPNotFound()
        if tag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        return web.Response(body=content, content_type="image/png", headers=headers)

    # On threads

    def _cached(self, name: str) -> bytes | None:
        path = self.folder / f"{name}.png"
        try:
            content = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return content

    def _drawn(self, name: str, data: Mapping[str, Any]) -> bytes:
        cached = self._cached(name)  # drawn for somebody else while this one waited
        if cached is not None:
            return cached
        content = draw(specs.from_json(data))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # Appears as a whole: a reader never sees half a picture.
            half = self.folder / f"{name}.{secrets.token_hex(4)}.part"
            half.write_bytes(content)
            half.replace(self.folder / f"{name}.png")
            self._tidy()
        except OSError as error:
            log.warning("a picture could not be cached: %s", type(error).__name__)
        return content

    def _tidy(self) -> None:
        """Delete what was looked at longest ago, until the folder is small enough."""
        files = []
        for path in self.folder.iterdir():
            with contextlib.suppress(OSError):
                status = path.stat()
                files.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files, key=lambda f: f[0]):
            if total <= self.most_bytes:
                return
            with contextlib.suppress(OSError):
                path.unlink()
            total -= size
