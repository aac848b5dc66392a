"""The chat contract (`docs/chat-api.md`), row by row, over real HTTP: photos."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from PIL import Image

from bot.store.erasure import erase
from tests.photos import pictures
from tests.web.house import KIB, Client, House, Open

pytestmark = pytest.mark.asyncio(loop_scope="session")


# Photos ------------------------------------------------------------------------------------------


def form_of(*files: bytes, field: str = "photo", name: str = "photo.jpg") -> aiohttp.FormData:
    form = aiohttp.FormData()
    for content in files:
        form.add_field(field, content, filename=name, content_type="image/jpeg")
    return form


async def upload(client: Client, *files: bytes, **how: Any) -> tuple[int, Any, Any]:
    data = how.pop("data", None) or form_of(*files, **how)
    return await client.house.ask("POST", "/chat/photos", client.token, data=data)


async def a_photo(client: Client, content: bytes = b"") -> str:
    status, answer, headers = await upload(client, content or pictures.jpeg(position=(53.2, 6.5)))
    assert (status, set(answer)) == (201, {"photo"}), answer
    assert headers["Cache-Control"] == "no-store"
    assert re.fullmatch("[0-9a-f]{32}", answer["photo"])
    return str(answer["photo"])


async def show(client: Client, photo: str, query: str = "") -> tuple[int, bytes, Any]:
    headers = {"Authorization": f"Bearer {client.token}"}
    address = f"{client.house.base}/chat/photos/{photo}{query}"
    async with client.house.http.get(address, headers=headers) as answer:
        return answer.status, await answer.read(), answer.headers


@pytest.mark.parametrize(
    "make", [pictures.jpeg, pictures.png, pictures.webp, pictures.heic], ids=lambda f: f.__name__
)
async def test_photo_of_each_kind_is_taken_and_shown_as_jpeg(client: Client, make: Any) -> None:
    photo = await a_photo(client, make())
    status, content, headers = await show(client, photo)
    assert status == 200
    assert content.startswith(b"\xff\xd8\xff")
    assert headers["Content-Type"] == "image/jpeg"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Disposition"].startswith("inline")
    assert headers["Cache-Control"] == "private, max-age=86400"
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    small = (await show(client, photo, "?size=small"))[1]
    sizes = [Image.open(io.BytesIO(one)).size for one in (content, small)]
    assert sizes == [(640, 480), (480, 360)]


async def test_photo_beside_a_text_reaches_the_turn_and_the_history(client: Client) -> None:
    photo = await a_photo(client)
    said = await client.tell(text="look at this lamp", photo=photo)
    assert said[-1]["text"] == "You said: look at this lamp"
    assert client.house.parrot.turns[-1].photos == (photo,)
    own, *rest = (await client.read())[0]
    assert (own["text"], own["photo"]) == ("look at this lamp", photo)
    assert all(message["photo"] is None for message in rest)


async def test_photo_alone_is_a_message(client: Client) -> None:
    photo = await a_photo(client)
    await client.tell(photo=photo)
    own = (await client.read())[0][0]
    assert (own["from"], own["text"], own["photo"]) == ("citizen", "", photo)


async def test_message_with_a_photo_may_be_sent_again(client: Client) -> None:
    body = {"id": "p1", "text": "lamp", "photo": await a_photo(client)}
    assert (await client.post(body))[1] == {"id": "p1", "duplicate": False}
    assert (await client.post(body))[1] == {"id": "p1", "duplicate": True}
    await client.refused(409, "conflict", body | {"photo": await a_photo(client)})


async def test_photo_of_someone_else_does_not_exist(house: House) -> None:
    one, other = await house.arrive(), await house.arrive()
    photo = await a_photo(one)
    assert (await show(other, photo))[0] == 404
    await other.refused(422, "photo", {"id": "1", "photo": photo})
    await other.refused(422, "photo", {"id": "1", "text": "mine", "photo": photo})
    assert await other.read() == ([], 0)
    assert (await show(one, photo))[0] == 200


async def test_photo_is_shown_to_nobody_without_a_token(client: Client) -> None:
    photo = await a_photo(client)
    for path in (f"/chat/photos/{photo}", f"/chat/photos/{photo}?token={client.token}"):
        status, answer, _ = await client.house.ask("GET", path)
        assert (status, answer["error"]["code"]) == (401, "token")


async def test_photo_is_shown_to_an_allowed_origin(client: Client) -> None:
    photo = await a_photo(client)
    origin = {"Origin": "https://www.city.example", "Authorization": f"Bearer {client.token}"}
    address = f"{client.house.base}/chat/photos/{photo}"
    async with client.house.http.get(address, headers=origin) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == origin["Origin"]
        assert answer.headers["Vary"] == "Authorization, Origin"


@pytest.mark.parametrize("name", pictures.NO_PICTURES)
async def test_file_that_is_no_picture_is_refused_under_any_name(client: Client, name: str) -> None:
    status, answer, _ = await upload(client, pictures.NO_PICTURES[name], name="holiday.jpg")
    assert (status, answer["error"]["code"]) == (422, "photo_type")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "photo_empty"),
        (pictures.bomb(), 422, "photo_pixels"),
        (pictures.jpeg()[:3000], 422, "photo_broken"),
        (pictures.heic()[:600], 422, "photo_broken"),
        (b"\xff\xd8\xff" + b"0" * 10 * 1024 * KIB, 413, "too_large"),
    ],
    ids=["empty", "bomb", "half a JPEG", "half a HEIC", "too large"],
)
async def test_picture_that_cannot_be_taken(
    client: Client, content: bytes, status: int, code: str
) -> None:
    got, answer, _ = await upload(client, content)
    assert (got, answer["error"]["code"]) == (status, code)
    assert set(answer["error"]) == {"code", "message"}


async def test_upload_without_a_known_token(house: House) -> None:
    for token in (None, "x" * 43):
        status, answer, _ = await house.ask("POST", "/chat/photos", token, data=form_of(b"x"))
        assert (status, answer["error"]["code"]) == (401, "token")


async def test_upload_that_announces_too_much_is_refused_at_once(client: Client) -> None:
    head = (
        f"POST /chat/photos HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.token}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 999999999\r\n\r\n"
    )
    assert b" 413 " in (await client.house.raw(head.encode())).split(b"\r\n")[0]


async def test_upload_without_an_announced_length_is_cut_off(client: Client) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
        yield b"\xff\xd8\xff"
        for _ in range(12 * 16):
            yield b"0" * 64 * KIB
        yield b"\r\n--b--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    status, answer, _ = await client.house.ask(
        "POST", "/chat/photos", client.token, data=endless(), headers=headers
    )
    assert (status, answer["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize("fields", [("photo", "photo"), ("photo", "other"), ("other",), ()])
async def test_upload_is_exactly_one_file(client: Client, fields: tuple[str, ...]) -> None:
    form = aiohttp.FormData({"note": "a field that we do not know"}, default_to_multipart=True)
    for field in fields:
        form.add_field(field, pictures.jpeg(64, 48), filename="a.jpg", content_type="image/jpeg")
    status, answer, _ = await upload(client, data=form)
    assert (status, answer["error"]["code"]) == (422, "photo_count")


async def test_upload_with_a_field_beside_the_photo(client: Client) -> None:
    form = aiohttp.FormData({"note": "a field that we do not know"}, default_to_multipart=True)
    form.add_field("photo", pictures.jpeg(64, 48), filename="a.jpg")
    assert (await upload(client, data=form))[0] == 201


MALFORMED = {
    "no form": ({}, b"\xff\xd8\xff picture"),
    "JSON": ({"Content-Type": "application/json"}, b"{}"),
    "urlencoded": ({"Content-Type": "application/x-www-form-urlencoded"}, b"photo=abc"),
    "no boundary": ({"Content-Type": "multipart/form-data"}, b"--b\r\n\r\nx\r\n--b--\r\n"),
    "other boundary": ({"Content-Type": "multipart/form-data; boundary=c"}, b"--b\r\n\r\nx"),
    "mixed": ({"Content-Type": "multipart/mixed; boundary=b"}, b"--b\r\n\r\nx\r\n--b--"),
    "long boundary": (
        {"Content-Type": f"multipart/form-data; boundary={'b' * 300}"},
        b"--b\r\n\r\nx\r\n--b--",
    ),
    "form within a form": (
        {"Content-Type": "multipart/form-data; boundary=b"},
        b"--b\r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n--d\r\n\r\nx\r\n--d--\r\n--b--",
    ),
    "nothing": ({"Content-Type": "multipart/form-data; boundary=b"}, b""),
    "noise": ({"Content-Type": "multipart/form-data; boundary=b"}, bytes(range(256))),
    "no end": (
        {"Content-Type": "multipart/form-data; boundary=b"},
        b'--b\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\nx',
    ),
}


@pytest.mark.parametrize(("headers", "body"), MALFORMED.values(), ids=MALFORMED.keys())
async def test_body_that_is_no_form(client: Client, headers: dict[str, str], body: bytes) -> None:
    status, answer, _ = await client.house.ask(
        "POST", "/chat/photos", client.token, data=body, headers=headers
    )
    assert (status, answer["error"]["code"]) in (
        (400, "not_multipart"),
        (422, "photo_count"),
        (422, "photo_type"),
    )


async def test_too_many_photos_a_minute(opened: Open) -> None:
    async with opened(photos_per_minute=2) as house:
        one, other = await house.arrive(), await house.arrive()
        for _ in range(2):
            await a_photo(one, pictures.jpeg(64, 48))
        status, answer, headers = await upload(one, pictures.jpeg(64, 48))
        assert (status, answer["error"]["code"]) == (429, "too_many")
        assert 0 < int(headers["Retry-After"]) <= 60
        await a_photo(other, pictures.jpeg(64, 48))


async def test_photo_that_cannot_be_stored_may_be_sent_again(opened: Open) -> None:
    async with opened() as house:
        client = await house.arrive()
        (house.road.settings.data_dir / "photos").write_text("not a folder", "utf-8")
        status, answer, headers = await upload(client, pictures.jpeg(64, 48))
        assert (status, answer["error"]["code"]) == (503, "unavailable")
        assert headers["Retry-After"] == "5"
        (house.road.settings.data_dir / "photos").unlink()
        await a_photo(client, pictures.jpeg(64, 48))


async def test_limits_of_a_photo_are_settings(opened: Open) -> None:
    async with opened(photo_megabytes=1, photo_megapixels=1) as house:
        client = await house.arrive()
        status, answer, _ = await upload(client, b"\xff\xd8\xff" + b"0" * 1024 * KIB)
        assert (status, answer["error"]["code"]) == (413, "too_large")
        status, answer, _ = await upload(client, pictures.jpeg(1001, 1000))
        assert (status, answer["error"]["code"]) == (422, "photo_pixels")


async def test_forgotten_photo_is_gone(opened: Open) -> None:
    async with opened() as house:
        client = await house.arrive()
        photo = await a_photo(client)
        conversation = await client.conversation()
        house.road.database.write_now(lambda c: erase(c, conversation))
        assert (await show(client, photo))[0] == 404
        assert await house.road.photo_room.delete_erased() in (0, 1)  # the room may be quicker
        folder = house.road.settings.data_dir / "photos"
        assert [path for path in folder.rglob("*") if path.is_file()] == []
