"""What a photo store is, and the one that needs nothing: a folder below the data directory.

Contents are JPEG files under names that we make ourselves. A file appears as a whole or not at all.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from pathlib import Path
from typing import Protocol

_NAME = re.compile(r"[0-9a-f]{32}(-small)?\.jpg")


class StoreUnavailable(Exception):
    """The store gives no answer now; try again later."""


class PhotoStore(Protocol):
    """Pictures by name. Every verb may be repeated without harm."""

    async def put(self, name: str, content: bytes) -> None:
        """Keep the content; it is safe when this returns. Raises StoreUnavailable."""
        ...

    async def get(self, name: str) -> bytes | None:
        """The content, or None when there is none. Raises StoreUnavailable."""
        ...

    async def delete(self, name: str) -> None:
        """Let it be gone; what is not there is gone already. Raises StoreUnavailable."""
        ...


def photo_name(photo: str, small: bool = False) -> str:
    """The name of a photo's file, or of its thumbnail's."""
    return f"{photo}-small.jpg" if small else f"{photo}.jpg"


def checked(name: str) -> str:
    """The name, if it is one that we make. Raises ValueError."""
    if not _NAME.fullmatch(name):
        raise ValueError("not the name of a photo")
    return name


class FolderStore:
    """Files in a folder that only this user may read, spread over 256 folders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _path(self, name: str) -> Path:
        return self.folder / checked(name)[:2] / name

    async def put(self, name: str, content: bytes) -> None:
        await asyncio.to_thread(self._put, self._path(name), content)

    @staticmethod
    def _put(path: Path, content: bytes) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(temporary, path)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
            directory = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)  # the name, too, is on disk before anyone is told of it
            finally:
                os.close(directory)
        except OSError as error:
            raise StoreUnavailable(error.strerror or "") from error

    async def get(self, name: str) -> bytes | None:
        path = self._path(name)
        try:
            return await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreUnavailable(error.strerror or "") from error

    async def delete(self, name: str) -> None:
        path = self._path(name)
        try:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        except OSError as error:
            raise StoreUnavailable(error.strerror or "") from error
