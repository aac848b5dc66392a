"""Pictures as cameras make them, and files as nobody should open them."""

from __future__ import annotations

import io
import struct
import zlib

import pillow_heif
from PIL import Image, TiffImagePlugin

GRONINGEN = (53.21687, 6.57017)
SECRET = "Bartholomew was here"
SCRIPT = b"<script>alert('x')</script>"


def scene(width: int = 640, height: int = 480) -> Image.Image:
    """Red above, blue below: which way up it is can be seen."""
    image = Image.new("RGB", (width, height), (200, 20, 20))
    image.paste((20, 20, 200), (0, height // 2, width, height))
    return image


def exif(position: tuple[float, float] | None = None, orientation: int = 1) -> Image.Exif:
    data = Image.Exif()
    data[0x0112] = orientation
    data[0x010F] = "Camera of " + SECRET
    if position:
        lat, lon = position
        data[0x8825] = {
            1: "N" if lat >= 0 else "S",
            2: parts(abs(lat)),
            3: "E" if lon >= 0 else "W",
            4: parts(abs(lon)),
        }
    return data


def parts(degrees: float) -> tuple[TiffImagePlugin.IFDRational, ...]:
    whole = int(degrees)
    minutes = int((degrees - whole) * 60)
    seconds = round((degrees - whole - minutes / 60) * 3600 * 10000)
    return tuple(
        TiffImagePlugin.IFDRational(*p) for p in ((whole, 1), (minutes, 1), (seconds, 10000))
    )


def jpeg(width: int = 640, height: int = 480, **how: object) -> bytes:
    out = io.BytesIO()
    scene(width, height).save(out, "JPEG", exif=exif(**how), comment=SECRET.encode())  # type: ignore[arg-type]
    return out.getvalue()


def png(width: int = 640, height: int = 480, mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    scene(width, height).convert(mode).save(out, "PNG")
    return out.getvalue()


def webp() -> bytes:
    out = io.BytesIO()
    scene().save(out, "WEBP", exif=exif(GRONINGEN).tobytes())
    return out.getvalue()


def heic(position: tuple[float, float] | None = GRONINGEN) -> bytes:
    pillow_heif.register_heif_opener()
    out = io.BytesIO()
    scene().save(out, "HEIF", exif=exif(position).tobytes(), quality=60)
    return out.getvalue()


def animation() -> bytes:
    out = io.BytesIO()
    frames = [scene(80, 60), Image.new("RGB", (80, 60), "green")]
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    return out.getvalue()


def bomb(width: int = 50_000, height: int = 50_000) -> bytes:
    """A PNG of a few hundred bytes that says it has billions of pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100_000, 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def text_bomb() -> bytes:
    """A small PNG with a text of hundreds of megabytes inside."""
    picture = png(32, 32)
    packed = b"Comment\0\0" + zlib.compress(b"\0" * 300_000_000, 9)
    kind = b"zTXt"
    chunk = (
        struct.pack(">I", len(packed))
        + kind
        + packed
        + struct.pack(">I", zlib.crc32(kind + packed))
    )
    return picture[:33] + chunk + picture[33:]


NO_PICTURES = {
    "a program": b"MZ\x90\x00\x03" + b"\0" * 3000,
    "an ELF program": b"\x7fELF\x02\x01\x01" + b"\0" * 3000,
    "a drawing that is a program": b'<svg xmlns="http://www.w3.org/2000/svg">' + SCRIPT + b"</svg>",
    "a page": b"<!DOCTYPE html><html>" + SCRIPT + b"</html>",
    "a page that says GIF": b"GIF89a/*" + SCRIPT + b"*/=1;",
    "a TIFF": b"II*\x00" + b"\0" * 3000,
    "a PDF": b"%PDF-1.7\n" + b"\0" * 3000,
    "an archive": b"PK\x03\x04" + b"\0" * 3000,
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n/x { deletefile } def",
    "an AVIF": b"\0\0\0\x1cftypavif" + b"\0" * 3000,
    "noise": bytes(range(256)) * 20,
}
