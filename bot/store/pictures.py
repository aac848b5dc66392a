"""Announcing the pictures of a message: each gets its id in our store before anyone fetches it.

The rows are written in the transaction that keeps the message, so a crash between the commit and
the fetch loses nothing: the row still says where the provider has the picture.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.messages import Attachment, Inbound, JsonObject
from bot.store import schema

_photos = schema.photos
PHOTO = "photo"


def new_photo_id() -> str:
    """128 random bits: cannot be guessed."""
    return secrets.token_hex(16)


def announce(
    c: Connection, conversation: str, message: Inbound
) -> tuple[JsonObject, Mapping[str, str]]:
    """The message's body with an id at each picture, and provider references by new id.

    A picture that came before (an edited caption carries the same one) keeps its id.
    """
    named: list[Attachment] = []
    new: dict[str, str] = {}
    for part in message.attachments:
        if part.kind == PHOTO and part.reference and not part.photo:
            known = c.execute(
                sa.select(_photos.c.id).where(
                    _photos.c.conversation_id == conversation,
                    _photos.c.channel == message.channel,
                    _photos.c.reference == part.reference,
                )
            ).scalar()
            part = replace(part, photo=known or new_photo_id())
            if not known:
                new[part.photo] = part.reference
        named.append(part)
    return replace(message, attachments=tuple(named)).body(), new


def expect(
    c: Connection, conversation: str, channel: str, pictures: Mapping[str, str], now: datetime
) -> None:
    """Write the rows of pictures that are to be fetched."""
    for photo, reference in pictures.items():
        c.execute(
            _photos.insert().values(
                id=photo,
                conversation_id=conversation,
                channel=channel,
                reference=reference,
                state="waiting",
                created_at=now,
            )
        )
