"""What becomes of the bytes that someone calls a photo: the pixels alone, or a refusal."""

from __future__ import annotations

import asyncio
import io
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.channel import PhotoRefused
from bot.photos import decoder as asking
from bot.photos.decoder import Decoder
from bot.photos.decoding import MAX_SIDE, THUMB_SIDE, Decoded, Refusal, decode
from tests.photos import pictures as p

PIXELS = 40_000_000


@pytest.fixture
def decoder() -> Decoder:
    return Decoder(PIXELS)


def image_of(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def is_red_above_blue(image: Image.Image) -> bool:
    top = image.getpixel((image.width // 2, image.height // 8))
    bottom = image.getpixel((image.width // 2, image.height - image.height // 8))
    return top[0] > 120 > top[2] and bottom[2] > 120 > bottom[0]  # type: ignore[index]


@pytest.mark.parametrize("make", [p.jpeg, p.png, p.webp, p.heic], ids=lambda f: f.__name__)
async def test_each_kind_of_picture_becomes_a_jpeg_with_a_thumbnail(decoder, make) -> None:
    found = await decoder.read(make())
    image, small = image_of(found.photo), image_of(found.thumb)
    assert (image.format, small.format) == ("JPEG", "JPEG")
    assert (image.size, image.mode) == ((640, 480), "RGB")
    assert (found.width, found.height) == image.size
    assert max(small.size) == THUMB_SIDE
    assert is_red_above_blue(image)
    assert is_red_above_blue(small)


@pytest.mark.parametrize("make", [p.jpeg, p.webp, p.heic], ids=lambda f: f.__name__)
async def test_nothing_but_pixels_is_kept(decoder, make) -> None:
    content = make(position=p.GRONINGEN) if make is p.jpeg else make()
    assert p.SECRET.encode() in content
    found = await decoder.read(content)
    for kept in (found.photo, found.thumb):
        assert p.SECRET.encode() not in kept
        assert b"Exif" not in kept
        assert b"ICC_PROFILE" not in kept
        assert not image_of(kept).getexif()
        assert "comment" not in image_of(kept).info


@pytest.mark.parametrize("make", [p.jpeg, p.heic], ids=lambda f: f.__name__)
async def test_the_position_is_read_before_it_is_taken_out(decoder, make) -> None:
    found = await decoder.read(make(position=p.GRONINGEN))
    assert found.position == pytest.approx(p.GRONINGEN, abs=1e-5)
    assert (await decoder.read(make(position=None))).position is None


@pytest.mark.parametrize("position", [(-33.86, 151.21), (40.7, -74.0), (-22.9, -43.2)])
def test_all_four_quarters_of_the_world_are_told_apart(position: tuple[float, float]) -> None:
    assert decode(p.jpeg(position=position), PIXELS).position == pytest.approx(position, abs=1e-5)


@pytest.mark.parametrize(
    "gps",
    [
        {1: "N", 2: (91.0, 0.0, 0.0), 3: "E", 4: (6.0, 0.0, 0.0)},
        {1: "X", 2: (53.0, 0.0, 0.0), 3: "E", 4: (6.0, 0.0, 0.0)},
        {1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)},
        {1: "N", 2: (53.0,), 3: "E", 4: (6.0, 0.0, 0.0)},
        {2: (53.0, 0.0, 0.0), 4: (6.0, 0.0, 0.0)},
        {1: "N"},
    ],
)
def test_a_position_that_is_none_is_no_reason_to_refuse(gps: dict[int, object]) -> None:
    data = p.exif()
    data[0x8825] = gps
    out = io.BytesIO()
    p.scene().save(out, "JPEG", exif=data)
    assert decode(out.getvalue(), PIXELS).position is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright(orientation: int) -> None:
    """What the camera stored sideways with a note comes out upright without one."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = p.scene()
    if orientation in undo:
        stored = stored.transpose(undo[orientation])
    out = io.BytesIO()
    stored.save(out, "JPEG", exif=p.exif(orientation=orientation))
    found = decode(out.getvalue(), PIXELS)
    assert (found.width, found.height) == (640, 480)
    assert is_red_above_blue(image_of(found.photo))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_way_to_store_pixels_can_be_read(mode: str) -> None:
    found = decode(p.png(mode=mode), PIXELS)
    assert image_of(found.photo).mode == "RGB"


def test_what_is_transparent_becomes_white() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(out, "PNG")
    pixel = image_of(decode(out.getvalue(), PIXELS).photo).getpixel((20, 20))
    assert pixel == (255, 255, 255)


def test_a_bright_grey_of_sixteen_bits_stays_bright() -> None:
    out = io.BytesIO()
    Image.new("I;16", (40, 40), 60_000).save(out, "PNG")
    level = image_of(decode(out.getvalue(), PIXELS).photo).getpixel((20, 20))[0]  # type: ignore[index]
    assert level == pytest.approx(234, abs=3)


def test_a_large_picture_is_scaled_and_a_small_one_is_not_blown_up() -> None:
    found = decode(p.jpeg(6000, 3000), PIXELS)
    assert (found.width, found.height) == (MAX_SIDE, MAX_SIDE // 2)
    tiny = decode(p.png(3, 2), PIXELS)
    assert (tiny.width, tiny.height) == (3, 2)
    assert image_of(tiny.thumb).size == (3, 2)


def test_of_an_animation_the_first_picture_is_kept() -> None:
    assert is_red_above_blue(image_of(decode(p.animation(), PIXELS).photo))


# Refusals ----------------------------------------------------------------------------------------


async def refusal(decoder: Decoder, content: bytes) -> str:
    with pytest.raises(PhotoRefused) as refused:
        await decoder.read(content)
    return refused.value.code


@pytest.mark.parametrize("name", p.NO_PICTURES)
async def test_what_is_no_picture_is_refused_whatever_it_is_called(decoder, name: str) -> None:
    assert await refusal(decoder, p.NO_PICTURES[name]) == "photo_type"


async def test_an_empty_file_says_so(decoder: Decoder) -> None:
    assert await refusal(decoder, b"") == "photo_empty"


async def test_a_bomb_is_refused_before_a_pixel_is_read(decoder: Decoder) -> None:
    began = time.perf_counter()
    assert await refusal(decoder, p.bomb()) == "photo_pixels"
    assert time.perf_counter() - began < 10
    assert len(p.bomb()) < 1000


async def test_a_picture_that_lies_about_its_size_is_broken(decoder: Decoder) -> None:
    assert await refusal(decoder, p.bomb(6000, 6000)) == "photo_broken"


async def test_a_text_that_would_fill_the_memory_does_not(decoder: Decoder) -> None:
    content = p.text_bomb()
    assert len(content) < 400_000
    assert await refusal(decoder, content) == "photo_broken"


@pytest.mark.parametrize("make", [p.jpeg, p.png, p.webp, p.heic], ids=lambda f: f.__name__)
async def test_a_picture_that_breaks_off_is_refused(decoder, make) -> None:
    content = make()
    assert await refusal(decoder, content[: len(content) // 2]) == "photo_broken"
    assert await refusal(decoder, content[:40]) == "photo_broken"


async def test_a_picture_with_a_page_behind_it_loses_the_page(decoder: Decoder) -> None:
    """It is a picture for one program and a page for another: what is kept is a picture only."""
    found = await decoder.read(p.jpeg() + b"<html>" + p.SCRIPT)
    assert b"<script" not in found.photo
    assert b"<html" not in found.photo


async def test_pixels_are_counted_up_to_the_limit() -> None:
    strict = Decoder(640 * 480)
    assert (await strict.read(p.jpeg())).width == 640
    assert await refusal(strict, p.jpeg(641, 480)) == "photo_pixels"
    assert await refusal(strict, p.png(480, 641)) == "photo_pixels"


def outcome_of(content: bytes) -> Decoded | str:
    try:
        return decode(content, 1_000_000)
    except Refusal as refused:
        return refused.code


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from([p.jpeg(64, 48), p.png(64, 48), p.webp(), p.heic()]),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=12),
    st.integers(0, 10**6),
)
def test_whatever_bytes_come_it_is_a_picture_or_a_refusal(content, changes, cut) -> None:
    broken = bytearray(content)
    for place, value in changes:
        broken[place % len(broken)] = value
    if cut % 3 == 0:
        del broken[cut % len(broken) :]
    outcome = outcome_of(bytes(broken))
    if isinstance(outcome, Decoded):
        assert image_of(outcome.photo).format == "JPEG"
    else:
        assert outcome in ("photo_empty", "photo_type", "photo_pixels", "photo_broken")


# The process -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "program",
    [
        "import os; os.abort()",
        "print('surprise')",
        'import sys; sys.stdout.write(\'{"width": 3, "photo": 100, "thumb": 1}\\nxx\')',
        "x = bytearray(10**12)",
        "pass",
    ],
)
async def test_a_decoder_that_dies_has_met_a_broken_picture(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str
) -> None:
    (tmp_path / "program.py").write_text(program, "utf-8")
    monkeypatch.setattr(asking, "PROGRAM", str(tmp_path / "program.py"))
    assert await refusal(Decoder(PIXELS), p.jpeg()) == "photo_broken"


async def test_a_decoder_that_stalls_is_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "program.py").write_text("while True: pass", "utf-8")
    monkeypatch.setattr(asking, "PROGRAM", str(tmp_path / "program.py"))
    assert await refusal(Decoder(PIXELS, seconds=0.3), p.jpeg()) == "photo_broken"


async def test_the_decoder_gets_none_of_our_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LIKEWISE_TWILIO_AUTH_TOKEN", "hush")
    told = tmp_path / "told"
    (tmp_path / "program.py").write_text(
        f"import os; open({str(told)!r}, 'w').write(repr(dict(os.environ)))", "utf-8"
    )
    monkeypatch.setattr(asking, "PROGRAM", str(tmp_path / "program.py"))
    await refusal(Decoder(PIXELS), p.jpeg())
    assert "hush" not in told.read_text("utf-8")
    assert "LIKEWISE" not in told.read_text("utf-8")


async def test_no_more_pictures_are_read_at_once_than_allowed() -> None:
    decoder = Decoder(PIXELS, at_once=2)
    running, most = 0, 0
    ask = decoder._ask

    async def counted(content: bytes) -> bytes:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            return await ask(content)
        finally:
            running -= 1

    decoder._ask = counted  # type: ignore[method-assign]
    found = await asyncio.gather(*(decoder.read(p.jpeg(64, 48)) for _ in range(6)))
    assert most == 2
    assert all(isinstance(one, Decoded) for one in found)
