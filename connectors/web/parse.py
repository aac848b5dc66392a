"""What a chat client posts, parsed once into frozen values, or a problem with its HTTP status."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from bot.messages import MAX_TEXT, Address, Attachment, ChannelName, ConversationId, Inbound, Place

WEB = ChannelName("web")
MAX_BODY = 64 * 1024
"""Longest request body, in bytes."""
MAX_ID = 100
PHOTO_ID = "[0-9a-f]{32}"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f]")
"""Characters without a meaning in a text: all controls but tab, line feed and next line."""


class Problem(Exception):
    """A request that the contract answers with an error."""

    def __init__(self, status: int, code: str, message: str, retry_after: int = 0) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.retry_after = retry_after


def parse_json(body: bytes) -> dict[str, Any]:
    """A JSON object in UTF-8. Raises Problem 400."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Problem(400, "not_utf8", "The body is not UTF-8.") from None
    try:
        data = json.loads(text)
        json.dumps(data, ensure_ascii=False).encode("utf-8")  # lone surrogates are no text
    except (ValueError, RecursionError):
        raise Problem(400, "not_json", "The body is not JSON.") from None
    if not isinstance(data, dict):
        raise Problem(400, "not_json", "The body is not a JSON object.")
    return data


def parse_language(data: dict[str, Any]) -> str:
    """The wished language of a new session, or "". Raises Problem 422."""
    language = data.get("language")
    if language is None:
        return ""
    if not isinstance(language, str):
        raise Problem(422, "language", "language is a code such as nl.")
    return re.split("[-_]", language.strip().lower())[0]


def parse_message(data: dict[str, Any], conversation: ConversationId) -> Inbound:
    """A citizen's message. Raises Problem 422."""
    client_id = data.get("id")
    fault = Problem(422, "id", f"id is a text of 1 to {MAX_ID} characters, made by the client.")
    if not isinstance(client_id, str) or not 0 < len(client_id) <= MAX_ID:
        raise fault
    if _CONTROL.search(client_id):
        raise fault  # taken out, they would make two ids one
    read: dict[str, Callable[[Any], Any]] = {"text": _text, "choice": _choice, "place": _place}
    parts = [key for key in read if data.get(key) is not None]
    photo = data.get("photo")
    if (photo is None and len(parts) != 1) or (photo is not None and parts not in ([], ["text"])):
        raise Problem(422, "content", "A message has one of text, choice, place or photo.")
    message: dict[str, Any] = {part: read[part](data[part]) for part in parts}
    if photo is not None:
        message["attachments"] = (_photo(photo),)
    return Inbound(
        channel=WEB,
        external_id=f"{conversation}:{client_id}",
        address=Address(conversation),
        conversation=conversation,
        **message,
    )


def _photo(value: Any) -> Attachment:
    if not isinstance(value, str) or not re.fullmatch(PHOTO_ID, value):
        raise Problem(422, "photo", "photo is the id of a photo that was uploaded here.")
    return Attachment("photo", value, "image/jpeg", photo=value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Problem(422, "text", "text is a string.")
    if len(value) > MAX_TEXT:
        raise Problem(422, "too_long", f"text is longer than {MAX_TEXT} characters.")
    text = _CONTROL.sub("", value).strip()
    if not text:
        raise Problem(422, "empty", "text is empty.")
    return text


def _choice(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID:
        raise Problem(422, "choice", "choice is the id of an offered choice.")
    return _CONTROL.sub("", value) or "-"  # any id that was never offered


def _place(value: Any) -> Place:
    fault = Problem(422, "place", "place has lat and lon in degrees.")
    if not isinstance(value, dict):
        raise fault
    numbers = []
    for key, limit in (("lat", 90), ("lon", 180)):
        number = value.get(key)
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise fault
        if not abs(number) <= limit:  # so that NaN is refused as well
            raise fault
        numbers.append(float(number))
    return Place(lat=numbers[0], lon=numbers[1])
