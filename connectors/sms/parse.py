"""What Twilio posts or lists, verified and parsed once into frozen values.

A webhook is believed only when its signature fits the public address that it was posted to. What
cannot be read is a `Problem` with its HTTP status; what can be read but never answered (a short
code, a name as sender, another channel's address) is None.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import parse_qs, parse_qsl, urlsplit

import phonenumbers
from multidict import MultiDict
from twilio.request_validator import RequestValidator

from bot.messages import (
    MAX_TEXT,
    Address,
    Attachment,
    ChannelName,
    DeliveryReport,
    Inbound,
    OutboxId,
)
from connectors.sms.errors import name_of

SMS = ChannelName("sms")
MAX_BODY = 64 * 1024
"""Longest request body, in bytes."""
MAX_FIELDS = 200
MAX_PICTURES = 10
"""Most media of one MMS (https://www.twilio.com/docs/messaging/guides/webhook-request)."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f]")
_SID = re.compile(r"[A-Za-z0-9]{10,64}")
_STATES: dict[str, Literal["sent", "delivered", "refused"]] = {
    # Twilio has it, so an unclear send is clear now.
    "accepted": "sent",
    "scheduled": "sent",
    "queued": "sent",
    "sending": "sent",
    "sent": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "partially_delivered": "delivered",
    "undelivered": "refused",
    "failed": "refused",
    "canceled": "refused",
}


class Problem(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Listed:
    """One message as the Messages API lists it."""

    sid: str
    inbound: bool
    sender: str
    service: str
    body: str
    status: str
    error_code: int | None
    pictures: int
    created_at: datetime
    media_uri: str


def shortened(number: str) -> str:
    """A number as logs may show it: +31612345678 becomes +316...78."""
    return f"{number[:4]}...{number[-2:]}" if len(number) > 7 else "..."


def e164(number: str) -> Address | None:
    """The number in E.164; None for what is no telephone number."""
    if not number.startswith("+"):
        return None
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return Address(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


# Webhooks ----------------------------------------------------------------------------------------


def fields_of(
    url: str, content_type: str, body: bytes, signature: str, token: str
) -> Mapping[str, str]:
    """The fields of a webhook whose signature is Twilio's. Raises Problem 403 or 400."""
    if not signature:
        raise Problem(403, "The signature is missing.")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Problem(400, "The body is not UTF-8.") from None
    if content_type == "application/json":
        # Such a body is signed by its hash in the address; without it nothing vouches for it.
        if "bodySHA256" not in parse_qs(urlsplit(url).query):
            raise Problem(403, "The body's hash is missing.")
        _verify(url, text, signature, token)
        return _json(text)
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Problem(400, "The body is not a form.") from None
    form = MultiDict(pairs)
    _verify(url, form, signature, token)
    return form


def _verify(url: str, said: str | MultiDict[str], signature: str, token: str) -> None:
    try:
        genuine = RequestValidator(token).validate(url, said, signature)
    except ValueError:
        genuine = False  # an address that is none, from a made-up Host
    if not genuine:
        raise Problem(403, "The signature does not fit.")


def _json(text: str) -> Mapping[str, str]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise Problem(400, "The body is not JSON.") from None
    if not isinstance(data, dict):
        raise Problem(400, "The body is not a JSON object.")
    return {key: str(value) for key, value in data.items() if isinstance(value, (str, int))}


def inbound_of(fields: Mapping[str, str]) -> Inbound | None:
    """A citizen's message from a webhook. Raises Problem 400 when something is missing."""
    sid = _sid(fields)
    if "From" not in fields:
        raise Problem(400, "From is missing.")
    count = fields.get("NumMedia") or "0"
    if not count.isascii() or not count.isdigit():
        raise Problem(400, "NumMedia is a number.")
    media = [
        (fields.get(f"MediaUrl{n}", ""), fields.get(f"MediaContentType{n}", ""))
        for n in range(min(int(count[:3]), MAX_PICTURES))
    ]
    return message(sid, fields["From"], fields.get("Body", ""), media)


def message(
    sid: str, sender: str, body: str, media: Sequence[tuple[str, str]] = ()
) -> Inbound | None:
    """A message from its parts; None when its sender has no number to answer to."""
    address = e164(sender)
    if address is None:
        return None
    text = _CONTROL.sub("", body).strip()[:MAX_TEXT]
    pictures = tuple(
        Attachment("photo", url, media_type)
        for url, media_type in media
        if url and media_type.startswith("image/")
    )
    unsupported = ""
    if not text and not pictures:
        unsupported = (media[0][1].partition("/")[0] or "file") if media else "empty"
    return Inbound(
        channel=SMS,
        external_id=sid,
        address=address,
        text=text,
        attachments=pictures,
        unsupported=unsupported,
    )


def report_of(fields: Mapping[str, str], outbox: str) -> DeliveryReport | None:
    """A delivery report; None for a status that says nothing of a send. Raises Problem 400."""
    sid = _sid(fields)
    status = fields.get("MessageStatus") or fields.get("SmsStatus")
    if not status:
        raise Problem(400, "MessageStatus is missing.")
    state = _STATES.get(status)
    if state is None:
        return None
    code = fields.get("ErrorCode", "")
    known = outbox.isascii() and outbox.isdigit() and len(outbox) < 19
    return DeliveryReport(
        channel=SMS,
        state=state,
        provider_id=sid,
        outbox_id=OutboxId(int(outbox)) if known else None,
        code=name_of(int(code)) if code.isascii() and code.isdigit() else "",
    )


def _sid(fields: Mapping[str, str]) -> str:
    sid = fields.get("MessageSid") or fields.get("SmsSid") or ""
    if not _SID.fullmatch(sid):
        raise Problem(400, "MessageSid is missing.")
    return sid


# The Messages API --------------------------------------------------------------------------------


def listed(data: Mapping[str, Any]) -> Listed:
    """A message of a list. Raises ValueError for what is none."""
    try:
        return Listed(
            sid=str(data["sid"]),
            inbound=data["direction"] == "inbound",
            sender=data.get("from") or "",
            service=data.get("messaging_service_sid") or "",
            body=data.get("body") or "",
            status=data.get("status") or "",
            error_code=int(data["error_code"]) if data.get("error_code") else None,
            pictures=int(data.get("num_media") or 0),
            created_at=_moment(data["date_created"]),
            media_uri=(data.get("subresource_uris") or {}).get("media") or "",
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a message: {error}") from error


def state_of(status: str) -> str:
    """What a listed status says of a send, in our own states."""
    return _STATES.get(status, "sent")


def _moment(value: str) -> datetime:
    moment = parsedate_to_datetime(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
