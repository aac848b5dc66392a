"""Reading a posted form with files, so that one file too large costs no typed word.

Parts are read one after the other. What is longer than the form allows is not kept but read to its
end, so that the page can be shown again with everything else; what is longer than any patience is
cut off with 413. Parts are taken as they are: none is unpacked, whatever its headers say.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from typing import IO, Any, cast

from aiohttp import BodyPartReader, web

MAX_PARTS = 60
MAX_TEXT = 256 * 1024
"""Bytes of all texts of one form together."""
READ_TIMES = 30
"""A file that is not kept is read to its end up to so many times what may be kept."""
SECONDS = 180.0
"""A photo over a weak line takes its time; one that stops arriving does not hold a place."""
IN_MEMORY = 1024 * 1024
CUT_OFF = "The form did not arrive as a whole."


@dataclass
class Posted:
    """A form as it came: texts in order, files by name, and the names of files too large."""

    texts: list[tuple[str, str]] = field(default_factory=list)
    files: dict[str, web.FileField] = field(default_factory=dict)
    too_large: set[str] = field(default_factory=set)


async def read_multipart(request: web.Request, most_bytes: int) -> Posted:
    """The parts of a multipart form; a file of more than `most_bytes` is only named.

    Raises HTTPBadRequest for what is no form, and HTTPRequestEntityTooLarge.
    """
    posted = Posted()
    try:
        await asyncio.wait_for(_read(request, most_bytes, posted), SECONDS)
    except web.HTTPException:
        raise
    except (asyncio.TimeoutError, ConnectionError):
        raise web.HTTPBadRequest(reason=CUT_OFF) from None
    except Exception as error:  # the parser raises many kinds for bytes that are no form
        raise web.HTTPBadRequest(reason="This is no form.") from error
    return posted


async def _read(request: web.Request, most_bytes: int, posted: Posted) -> None:
    reader = await request.multipart()
    room = MAX_TEXT
    for _ in range(MAX_PARTS):
        part = await reader.next()
        if part is None:
            return
        if not isinstance(part, BodyPartReader) or not part.name:
            raise web.HTTPBadRequest
        if part.filename:
            kept = await _file(part, most_bytes)
            if kept is None:
                posted.too_large.add(part.name)
            else:
                kind = part.headers.get("Content-Type", "application/octet-stream")
                file = cast(Any, kept)
                posted.files[part.name] = web.FileField(
                    part.name, part.filename, file, kind, part.headers
                )
        else:
            text = await _text(part, room)
            room -= len(text)
            posted.texts.append((part.name, text.decode("utf-8", "replace")))
    raise web.HTTPBadRequest


async def _text(part: BodyPartReader, room: int) -> bytes:
    text = bytearray()
    while chunk := await part.read_chunk():
        text += chunk
        if len(text) > room:
            raise web.HTTPRequestEntityTooLarge(room, len(text))
    return bytes(text)


async def _file(part: BodyPartReader, most_bytes: int) -> IO[bytes] | None:
    """The content, from its beginning; None when it is too large."""
    kept = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - the page closes it
    size = 0
    while chunk := await part.read_chunk(64 * 1024):
        size += len(chunk)
        if size <= most_bytes:
            kept.write(chunk)
        elif size > most_bytes * READ_TIMES:
            raise web.HTTPRequestEntityTooLarge(most_bytes, size)
    if size > most_bytes:
        kept.close()
        return None
    kept.seek(0)
    return cast("IO[bytes]", kept)
