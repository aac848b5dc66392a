"""A backup of everything that cannot be made again: the database, the photos, on wish the model.

One private file in a folder, which is there as a whole and was read again, or is not there. The
database is copied first, and of the photos just those that the copy knows; one that was erased
meanwhile is left out. A restore needs an empty place and overwrites nothing.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import IO

from bot import __version__
from bot.keeping import archive
from bot.keeping.copies import CannotCopy, Copies

NAME = "likewise-{:%Y%m%dT%H%M%SZ}.tar.gz"
_OURS = re.compile(r"likewise-\d{8}T\d{6}Z\.tar\.gz")
_PARTIAL = ".likewise-partial-"


class CannotKeep(Exception):
    """A backup cannot be made or restored; the message says why, and nothing was changed."""


@dataclass(frozen=True)
class Place:
    """Where the parts of an installation lie; `photos` is None when a bucket has them."""

    copies: Copies
    photos: Path | None
    model: Path | None = None


@dataclass(frozen=True)
class Made:
    """A finished backup."""

    path: Path
    bytes: int
    rows: int
    photos: int
    removed: tuple[Path, ...]


def back_up(place: Place, folder: Path, keep: int, now: datetime) -> Made:
    """Write a backup into `folder` and keep the newest `keep` there (0: all). Raises CannotKeep."""
    with _explained(f"cannot write to {folder}"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _alone(folder), _scratch(folder) as scratch:
            target = folder / NAME.format(now.astimezone(timezone.utc))
            if target.exists():
                raise CannotKeep(f"{target} exists already")
            made = _write(place, scratch, now)
            _check(place, scratch / "backup", scratch)
            os.rename(scratch / "backup", target)
            _sync(folder)
            removed = _rotate(folder, keep)
            rows = sum(made.counts.values())
            photos = sum(name.startswith("photos/") for name in made.files)
            return Made(target, target.stat().st_size, rows, photos // 2, removed)


def _write(place: Place, scratch: Path, now: datetime) -> archive.Manifest:
    """Write the archive into the scratch folder, on the same disk as its place."""
    copy = scratch / "copy"
    copied = place.copies.copy(copy)
    made_at = now.astimezone(timezone.utc).isoformat()
    manifest = archive.Manifest(
        made_at, __version__, place.copies.kind, copied.revision, copied.counts
    )
    with archive.writing(scratch / "backup", manifest) as writer:
        writer.add_file(place.copies.member, copy)
        copy.unlink()
        if place.photos is not None:
            _add_photos(writer, place.photos, copied.photos)
        if place.model is not None:
            writer.add_file(f"models/{place.model.name}", place.model)
    return manifest


def _add_photos(writer: archive.Writer, folder: Path, photos: list[str]) -> None:
    for photo in photos:
        for name in (f"{photo}.jpg", f"{photo}-small.jpg"):
            with suppress(FileNotFoundError):  # erased since the copy
                content = (folder / name[:2] / name).read_bytes()
                writer.add_bytes(f"photos/{name[:2]}/{name}", content)


def _check(place: Place, path: Path, scratch: Path) -> None:
    """Read the archive from the disk again, and the database in it. Raises what is wrong."""
    copy = scratch / "read"

    def keep(name: str, content: IO[bytes]) -> None:
        if name == place.copies.member:
            with copy.open("xb") as file:
                shutil.copyfileobj(content, file)

    manifest = archive.read(path, keep)
    place.copies.check(copy, manifest.counts)
    copy.unlink()


def restore(place: Place, path: Path, models: Path, known: Callable[[str], bool]) -> Made:
    """Put a backup into an empty place. `known` says whether this version knows a revision.

    Raises CannotKeep, having overwritten nothing; the database comes last, so a place without one
    is not restored.
    """
    with _explained(f"cannot restore {path}"):
        place.copies.refuse_unless_empty()
        if place.photos is not None and place.photos.exists() and any(place.photos.iterdir()):
            raise CannotKeep(f"{place.photos} has files; a restore overwrites nothing")
        manifest = archive.read(path)
        if manifest.database != place.copies.kind:
            raise CannotKeep(
                f"this is a backup of {manifest.database}; the settings name {place.copies.kind}"
            )
        if not known(manifest.revision):
            raise CannotKeep(
                f"it was made by version {manifest.version}, whose tables are newer than these"
            )
        home = (place.photos or models).parent
        home.mkdir(parents=True, exist_ok=True)
        with _scratch(home) as scratch:
            return _unpack(place, path, models, scratch)


def _unpack(place: Place, path: Path, models: Path, scratch: Path) -> Made:
    def keep(name: str, content: IO[bytes]) -> None:
        if name.startswith("photos/") and place.photos is None:
            return
        target = scratch / name  # the archive has checked the name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            shutil.copyfileobj(content, file)

    manifest = archive.read(path, keep)
    for model in (scratch / "models").glob("*"):
        models.mkdir(parents=True, exist_ok=True)
        if not (models / model.name).exists():
            shutil.move(str(model), models / model.name)
    if place.photos is not None and (scratch / "photos").exists():
        place.photos.parent.mkdir(parents=True, exist_ok=True)
        if place.photos.exists():
            place.photos.rmdir()  # empty, or it fails
        os.rename(scratch / "photos", place.photos)
    place.copies.put_back(scratch / place.copies.member, manifest.counts)
    photos = sum(name.startswith("photos/") for name in manifest.files) // 2
    return Made(path, path.stat().st_size, sum(manifest.counts.values()), photos, ())


def _rotate(folder: Path, keep: int) -> tuple[Path, ...]:
    """Remove all but the newest `keep` backups: files of our own name, which holds their time."""
    ours = sorted(path for path in folder.iterdir() if _OURS.fullmatch(path.name))
    old = ours[:-keep] if keep else []
    for path in old:
        path.unlink()
    return tuple(old)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)  # the name, too, is on disk before anyone is told of it
    finally:
        os.close(handle)


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A private folder for unfinished things, removed whatever happens."""
    made = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=folder))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One backup at a time in a folder; what a killed one left there is removed."""
    with open(folder / ".likewise-lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotKeep(f"another backup is being written to {folder}") from None
        for left in folder.glob(f"{_PARTIAL}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Failures of disk, database and file as one kind of error."""
    try:
        yield
    except OSError as error:
        raise CannotKeep(f"{what}: {error.strerror or error}") from None
    except (CannotCopy, archive.NotABackup) as error:
        raise CannotKeep(f"{what}: {error}") from None
