"""Reading a citizen's picture, in a process of its own that knows nothing and may do nothing.

Bytes come in on standard input; one line of JSON and the new pictures go out. What kind of picture
it is says its content alone. Everything but the pixels stays behind: the picture is turned upright,
scaled, and written anew as JPEG. A picture built to crash or to fill the memory ends this process
and no other. Run by path and with `-I`, so that it imports none of our own modules.
"""

from __future__ import annotations

import io
import json
import math
import resource
import sys
import warnings
from dataclasses import dataclass
from typing import Any

MAX_SIDE = 2560
"""Longest side of a kept picture, in pixels: enough to read a number plate across a street."""
THUMB_SIDE = 480
QUALITY, THUMB_QUALITY = 85, 78
MEMORY = 2 * 1024**3
"""Address space of the process: 40 megapixels take 160 MB in each of a few copies."""
CPU_SECONDS = 30
GPS_IFD = 0x8825
_HEIF_BRANDS = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
)  # https://www.iana.org/assignments/media-types/image/heic


class Refusal(Exception):
    """The picture is not taken; `code` is stable."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Decoded:
    """A picture written anew: JPEG bytes, pixels, and (lat, lon) in degrees if the camera said."""

    photo: bytes
    thumb: bytes
    width: int
    height: int
    position: tuple[float, float] | None


def kind_of(content: bytes) -> str | None:
    """The kind of picture by its first bytes, in Pillow's words; None for everything else."""
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if content[4:8] == b"ftyp" and content[8:12] in _HEIF_BRANDS:
        return "HEIF"
    return None


def decode(content: bytes, max_pixels: int) -> Decoded:
    """The picture written anew. Raises Refusal: photo_empty, _type, _pixels or _broken."""
    if not content:
        raise Refusal("photo_empty")
    kind = kind_of(content)
    if kind is None:
        raise Refusal("photo_type")
    from PIL import Image, ImageFile

    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    Image.MAX_IMAGE_PIXELS = None  # we say ourselves what is too much, before a pixel is read
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=[kind]) as image:
                return _written_anew(image, max_pixels)
    except Refusal:
        raise
    except Exception:  # decoders raise whatever they like for hostile bytes
        raise Refusal("photo_broken") from None


def _written_anew(image: Any, max_pixels: int) -> Decoded:
    from PIL import Image, ImageOps

    width, height = image.size
    if width * height > max_pixels:
        raise Refusal("photo_pixels")
    position = _position(image)
    image.draft("RGB", (MAX_SIDE, MAX_SIDE))  # JPEG alone: decode no more than is kept
    image.load()
    upright = ImageOps.exif_transpose(image)
    pixels = _flat(upright)
    pixels.thumbnail((MAX_SIDE, MAX_SIDE))
    # A new picture, because Pillow carries a comment or a profile from one file to the next.
    clean = Image.new("RGB", pixels.size)
    clean.paste(pixels)
    small = clean.copy()
    small.thumbnail((THUMB_SIDE, THUMB_SIDE))
    return Decoded(
        _jpeg(clean, QUALITY), _jpeg(small, THUMB_QUALITY), clean.width, clean.height, position
    )


def _flat(image: Any) -> Any:
    """The picture in RGB; what is transparent becomes white, as on paper."""
    from PIL import Image

    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        seen = image.convert("RGBA")
        paper = Image.new("RGBA", seen.size, "white")
        return Image.alpha_composite(paper, seen).convert("RGB")
    return image.convert("RGB")


def _jpeg(image: Any, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
    return out.getvalue()


def _position(image: Any) -> tuple[float, float] | None:
    """Where the camera was, by its GPS tags (Exif 2.32, 4.6.6), or None."""
    try:
        gps = image.getexif().get_ifd(GPS_IFD)
        lat = _degrees(gps[2], str(gps[1]).strip("\x00 ").upper(), "NS", 90)
        lon = _degrees(gps[4], str(gps[3]).strip("\x00 ").upper(), "EW", 180)
    except Exception:  # tags are whatever someone wrote there
        return None
    if (lat, lon) == (0.0, 0.0):
        return None  # what cameras write that have found no satellite yet
    return lat, lon


def _degrees(parts: Any, side: str, sides: str, limit: int) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    value = degrees + minutes / 60 + seconds / 3600
    if side not in tuple(sides) or not math.isfinite(value) or not 0 <= value <= limit:
        raise ValueError("not a position")
    return round(-value if side == sides[1] else value, 6)


def main() -> None:
    """One picture from standard input to standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    out = sys.stdout.buffer
    try:
        found = decode(sys.stdin.buffer.read(), int(sys.argv[1]))
    except Refusal as refusal:
        out.write(json.dumps({"refused": refusal.code}).encode() + b"\n")
        return
    head = {
        "width": found.width,
        "height": found.height,
        "position": found.position,
        "photo": len(found.photo),
        "thumb": len(found.thumb),
    }
    out.write(json.dumps(head).encode() + b"\n" + found.photo + found.thumb)


if __name__ == "__main__":
    main()
