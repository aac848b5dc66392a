"""Both photo stores keep the same promises: the folder, and a bucket of a real S3 protocol."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from minio import Minio
from moto.server import ThreadedMotoServer

from bot.photos.bucket import BucketStore
from bot.photos.opening import open_store
from bot.photos.store import FolderStore, PhotoStore, StoreUnavailable, photo_name
from bot.settings import SettingsError, load

ID, OTHER = "0" * 31 + "a", "f" * 32
NAME, SMALL = photo_name(ID), photo_name(ID, small=True)


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """A server that speaks S3, on loopback, with the bucket made."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    Minio(f"{host}:{port}", access_key="key", secret_key="secret", secure=False).make_bucket("city")
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> PhotoStore:
    if request.param == "folder":
        return FolderStore(tmp_path / "photos")
    return BucketStore(request.getfixturevalue("s3"), "city", "key", "secret")


async def test_what_is_put_can_be_got_and_deleted(store: PhotoStore) -> None:
    assert await store.get(NAME) is None
    await store.put(NAME, b"large")
    await store.put(SMALL, b"small")
    await store.put(NAME, b"larger")
    assert (await store.get(NAME), await store.get(SMALL)) == (b"larger", b"small")
    await store.delete(NAME)
    await store.delete(NAME)
    assert (await store.get(NAME), await store.get(SMALL)) == (None, b"small")
    await store.delete(SMALL)


@pytest.mark.parametrize(
    "name", ["", "../../etc/passwd", f"../{NAME}", "a.jpg", NAME.upper(), f"{NAME}\n", f"{ID}.png"]
)
async def test_only_names_of_our_own_making_are_used(store: PhotoStore, name: str) -> None:
    for act in (store.get(name), store.delete(name), store.put(name, b"x")):
        with pytest.raises(ValueError, match="name"):
            await act


async def test_files_are_for_this_user_alone_and_appear_as_a_whole(tmp_path: Path) -> None:
    await FolderStore(tmp_path / "photos").put(NAME, b"large")
    path = tmp_path / "photos" / NAME[:2] / NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o077 == 0
    assert [p.name for p in path.parent.iterdir()] == [NAME]


async def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "photos").write_text("not a folder", "utf-8")
    store = FolderStore(tmp_path / "photos")
    with pytest.raises(StoreUnavailable):
        await store.put(NAME, b"x")
    with pytest.raises(StoreUnavailable):
        await store.get(NAME)


async def test_a_write_that_fails_leaves_nothing_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore(tmp_path / "photos")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreUnavailable, match="space"):
        await store.put(NAME, b"x")
    assert [p for p in (tmp_path / "photos").rglob("*") if p.is_file()] == []


async def test_a_bucket_that_is_not_there_is_unavailable(s3: str) -> None:
    store = BucketStore(s3, "no-such-bucket", "key", "secret")
    for act in (store.put(NAME, b"x"), store.get(NAME)):
        with pytest.raises(StoreUnavailable):
            await act


async def test_a_server_that_is_down_is_unavailable() -> None:
    store = BucketStore("http://127.0.0.1:1", "city", "key", "secret")
    with pytest.raises(StoreUnavailable):
        await store.put(OTHER + ".jpg", b"x")


def test_the_settings_choose_the_store(tmp_path: Path, s3: str) -> None:
    assert isinstance(open_store(load(data_dir=tmp_path)), FolderStore)
    bucket = {"photo_store": "s3", "s3_url": s3, "s3_access_key": "k", "s3_secret_key": "s"}
    made = open_store(load(data_dir=tmp_path, **bucket))
    assert isinstance(made, BucketStore)
    for missing in ("s3_url", "s3_access_key", "s3_secret_key"):
        with pytest.raises(SettingsError, match=f"LIKEWISE_{missing.upper()}"):
            open_store(load(data_dir=tmp_path, **{**bucket, missing: ""}))
