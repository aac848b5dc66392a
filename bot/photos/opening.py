"""Opening the photo room as the settings say: which store, which limits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import cast

from bot.bell import Bell
from bot.channel import Connector
from bot.messages import ChannelName
from bot.photos.bucket import BucketStore
from bot.photos.decoder import Decoder
from bot.photos.room import Fetcher, PhotoRoom, Tell
from bot.photos.store import FolderStore, PhotoStore
from bot.settings import Settings, SettingsError
from bot.store.engine import Database
from bot.store.photo_queue import PhotoQueue
from bot.store.photos import PhotoRegister
from bot.store.rows import Clock


def open_room(
    settings: Settings,
    database: Database,
    clock: Clock,
    connectors: Mapping[ChannelName, Connector],
    tell: Tell,
    bell: Bell,
) -> PhotoRoom:
    """The photo room. A connector is looked up when a picture is fetched, so `connectors` may
    still fill up. Raises SettingsError."""
    return PhotoRoom(
        PhotoQueue(database, clock),
        PhotoRegister(database, clock),
        open_store(settings),
        Decoder(settings.photo_megapixels * 1_000_000),
        cast(Mapping[ChannelName, Fetcher], connectors),
        tell,
        bell,
        max_bytes=settings.photo_megabytes * 1024 * 1024,
        orphans=timedelta(days=settings.photo_orphan_days),
    )


def open_store(settings: Settings) -> PhotoStore:
    """Where photos lie. Raises SettingsError."""
    if settings.photo_store == "folder":
        return FolderStore(settings.data_dir.resolve() / "photos")
    access = settings.s3_access_key.get_secret_value()
    secret = settings.s3_secret_key.get_secret_value()
    needed = {"URL": settings.s3_url, "ACCESS_KEY": access, "SECRET_KEY": secret}
    for name, value in needed.items():
        if not value:
            raise SettingsError(f"LIKEWISE_S3_{name}: needed while LIKEWISE_PHOTO_STORE is s3")
    try:
        return BucketStore(settings.s3_url, settings.s3_bucket, access, secret, settings.s3_region)
    except ImportError:
        raise SettingsError(
            "LIKEWISE_PHOTO_STORE: s3 needs the package minio (pip install likewise[s3])"
        ) from None
