"""The file of a backup: a compressed tar of plain files with a manifest of their hashes at its end.

It is written under a temporary name, read again from the disk, and only then renamed; so a file
with a backup's name is a whole one. Reading trusts nothing: only names that we would have written,
only plain files, only contents that fit their hash.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

FORMAT = 1
MANIFEST = "manifest.json"
MOST_MANIFEST = 256 * 1024 * 1024
_CHUNK = 1024 * 1024
_MEMBER = re.compile(
    r"database\.(db|dump)|photos/[0-9a-f]{2}/[0-9a-f]{32}(-small)?\.jpg"
    r"|models/[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.tar\.gz"
)


class NotABackup(Exception):
    """The file is none of our backups, or it is damaged; the message says what is wrong."""


@dataclass
class Manifest:
    """What is in a backup. `counts` is rows by table, `files` is SHA-256 by name."""

    made_at: str
    version: str
    database: str
    revision: str
    counts: dict[str, int]
    format: int = FORMAT
    files: dict[str, str] = field(default_factory=dict)


class Writer:
    """Adds files to an archive that is being written."""

    def __init__(self, tar: tarfile.TarFile, manifest: Manifest) -> None:
        self._tar = tar
        self.manifest = manifest

    def add_file(self, name: str, path: Path) -> None:
        """A file that nobody changes meanwhile."""
        with path.open("rb") as file:
            self.manifest.files[name] = _hash_of(file)
            file.seek(0)
            self._add(name, file, path.stat().st_size)

    def add_bytes(self, name: str, content: bytes) -> None:
        self.manifest.files[name] = hashlib.sha256(content).hexdigest()
        self._add(name, io.BytesIO(content), len(content))

    def _add(self, name: str, file: IO[bytes], size: int) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        self._tar.addfile(info, file)

    def end(self) -> None:
        content = json.dumps(self.manifest.__dict__, indent=1).encode()
        self._add(MANIFEST, io.BytesIO(content), len(content))


@contextmanager
def writing(path: Path, manifest: Manifest) -> Iterator[Writer]:
    """Write a new archive that only its owner can read; on disk when the block ends.

    Raises OSError when it cannot be written. What was written by then is the caller's to remove.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=3) as tar:
            writer = Writer(tar, manifest)
            yield writer
            writer.end()
        file.flush()
        os.fsync(file.fileno())


def read(path: Path, keep: Callable[[str, IO[bytes]], None] | None = None) -> Manifest:
    """Read an archive to its end and check all of it; gives the manifest.

    `keep` gets each file as it comes, before the whole is known to be right. Raises NotABackup,
    and OSError when the file cannot be opened or a kept one not written.
    """
    found: dict[str, str] = {}
    manifest: Manifest | None = None
    with path.open("rb") as file:
        try:
            with gzip.open(file) as unpacked:
                with tarfile.open(fileobj=unpacked, mode="r|") as tar:
                    for member in tar:
                        if manifest is not None:
                            raise NotABackup("something follows the manifest")
                        content = _content(tar, member)
                        if member.name == MANIFEST:
                            manifest = _manifest(content.read(MOST_MANIFEST))
                        elif member.name in found or not _MEMBER.fullmatch(member.name):
                            raise NotABackup(f"{member.name[:100]!r} does not belong there")
                        else:
                            found[member.name] = _taken(member.name, content, keep)
                while unpacked.read(_CHUNK):  # to the end, where gzip's own checksum stands
                    pass
        except (tarfile.TarError, EOFError, UnicodeError, gzip.BadGzipFile, zlib.error) as error:
            raise NotABackup(f"it cannot be unpacked ({error})") from None
    if manifest is None:
        raise NotABackup("it ends before its manifest")
    if found != manifest.files:
        wrong = sorted(
            n for n in {*found, *manifest.files} if found.get(n) != manifest.files.get(n)
        )
        raise NotABackup(f"{wrong[0]} is missing or damaged")
    return manifest


def _taken(name: str, content: IO[bytes], keep: Callable[[str, IO[bytes]], None] | None) -> str:
    """Give a file to `keep`; returns its hash."""
    hashed = _Hashing(content)
    if keep is not None:
        keep(name, hashed)  # type: ignore[arg-type]
    hashed.drain()
    return hashed.digest()


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(member) if member.isreg() else None
    if content is None:
        raise NotABackup(f"{member.name[:100]!r} is no plain file")
    return content


def _manifest(content: bytes) -> Manifest:
    try:
        values: dict[str, Any] = json.loads(content)
        if values["format"] != FORMAT:
            raise NotABackup(f"its format is {values['format']!r}, this version reads {FORMAT}")
        made = Manifest(**values)
    except (ValueError, KeyError, TypeError) as error:
        raise NotABackup(f"its manifest cannot be read ({type(error).__name__})") from None
    texts = (made.made_at, made.version, made.database, made.revision)
    if not all(isinstance(text, str) for text in texts):
        raise NotABackup("its manifest cannot be read")
    if not isinstance(made.files, dict) or not isinstance(made.counts, dict):
        raise NotABackup("its manifest cannot be read")
    return made


def _hash_of(file: IO[bytes]) -> str:
    made = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        made.update(chunk)
    return made.hexdigest()


class _Hashing:
    """A file whose bytes are hashed as they are read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        self._hash.update(chunk)
        return chunk

    def drain(self) -> None:
        while self.read(_CHUNK):
            pass

    def digest(self) -> str:
        return self._hash.hexdigest()
