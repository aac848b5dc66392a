"""Opening a city's file: its text in the right encoding, piece by piece, with its digest.

UTF-8 is expected and a byte order mark forgiven. Another encoding is refused with the place where
it shows, unless it was named: guessing turns "Straße" into "StraÃŸe" without a word.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, cast

from bot.places.imports.faults import FileRefused

PIECE = 1 << 20
"""Bytes read at a time."""
Progress = Callable[[int], None]
"""Told how many bytes of the file were read since it was last told."""


def pieces(path: Path, encoding: str, progress: Progress) -> Iterator[str]:
    """The text of a file, without its byte order mark. Raises FileRefused with the line."""
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
    except LookupError:
        raise FileRefused(f"there is no encoding {encoding!r}") from None
    lines, first = 1, True
    with opened(path) as stream:
        while True:
            data = stream.read(PIECE)
            progress(len(data))
            try:
                text = decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                line = lines + data[: error.start].count(b"\n")
                byte = f"0x{error.object[error.start]:02x}"
                raise FileRefused(
                    f"{path.name}:{line}: not {encoding.upper()} (byte {byte}). "
                    "Save the file as UTF-8, or name its encoding: --encoding latin-1"
                ) from None
            except (EOFError, OSError) as error:
                raise FileRefused(f"{path.name}: cannot be read ({error})") from None
            if first and text:
                text, first = text.removeprefix("\ufeff"), False
            lines += text.count("\n")
            if text:
                yield text
            if not data:
                return


def opened(path: Path) -> IO[bytes]:
    """The bytes of a file; one that ends in .gz is unpacked."""
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return path.open("rb")


def sha256(path: Path) -> str:
    """The digest of the file as it lies on disk."""
    found = hashlib.sha256()
    with path.open("rb") as stream:
        while data := stream.read(PIECE):
            found.update(data)
    return found.hexdigest()
