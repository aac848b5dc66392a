"""Photos on the console's pages: which may be seen here, and what stands in place of the others.

No rule can hide a face or a number plate in a picture as it hides a name in a text. So a photo is
seen as a whole or not at all: by agents with a report, by the agent who holds a conversation, and
otherwise only while the veil is lifted. Everybody else reads that there is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.console.veil import Veil
from bot.console.visit import PREFIX, Visit
from bot.photos.decoding import THUMB_SIDE
from bot.photos.room import PhotoRoom
from bot.store.photos import Photo

STANDINGS = {"waiting": "coming", "arriving": "coming", "refused": "refused", "gone": "gone"}
"""What a page says of a photo in this state; all that is stored is "here"."""


@dataclass(frozen=True)
class ShownPhoto:
    """A photo on a page. `standing` is here, veiled, coming, refused, gone or deleted."""

    standing: str
    href: str = ""
    """The address of the small picture; with `?size=full` that of the whole one."""
    alt: str = ""
    """What staff wrote about their own picture."""
    width: int = 0
    height: int = 0
    """Of the small picture, in pixels, so that the page does not jump when it arrives."""


def room_of(visit: Visit) -> PhotoRoom:
    room: PhotoRoom = visit.office.more["photos"]
    return room


def shown(photo: Photo | None, where: str, bare: bool, alt: str = "") -> ShownPhoto:
    """A photo as a page may show it; `where` is the page's path below the console."""
    if photo is None:
        return ShownPhoto("deleted", alt=alt)
    if photo.state != "stored":
        return ShownPhoto(STANDINGS.get(photo.state, "deleted"), alt=alt)
    if not bare:
        return ShownPhoto("veiled", alt=alt)
    width, height = photo.width or THUMB_SIDE, photo.height or THUMB_SIDE
    scale = min(1.0, THUMB_SIDE / max(width, height))
    href = f"{PREFIX}{where}/photos/{photo.id}"
    return ShownPhoto("here", href, alt, round(width * scale), round(height * scale))


def shown_all(
    named: Iterable[tuple[str, str]], known: Mapping[str, Photo], where: str, veil: Veil
) -> list[ShownPhoto]:
    """The photos of a line, by id and words; the words are behind the veil as all words are."""
    return [shown(known.get(photo), where, veil.lifted, veil.words(alt)) for photo, alt in named]
