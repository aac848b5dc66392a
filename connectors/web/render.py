"""Replies and lines of a conversation as the chat contract shows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timezone
from typing import Any

from bot.messages import Entry, Payload, Reply


def render(reply: Reply) -> list[Payload]:
    """One payload a reply; what a choice means to the brain stays with us."""
    return [
        {
            "text": reply.text,
            "choices": [{"id": c.id, "label": c.label} for c in reply.choices],
            "image": {"url": reply.image.url, "alt": reply.image.alt} if reply.image else None,
            "link": {"url": reply.link.url, "label": reply.link.label} if reply.link else None,
            "ask": reply.ask,
        }
    ]


def _photo(body: Mapping[str, Any]) -> str | None:
    return next((p["photo"] for p in body.get("attachments") or () if p.get("photo")), None)


def message(entry: Entry) -> dict[str, Any]:
    """A line of the conversation in the contract's shape."""
    body = entry.body
    unnamed = "\N{HORIZONTAL ELLIPSIS}" if body.get("choice") else ""  # an unknown or old choice
    client_id = entry.external_id.partition(":")[2] if entry.external_id else None
    return {
        "cursor": entry.cursor,
        "from": entry.sender,
        "in_reply_to": client_id,
        "final": entry.final,
        "at": entry.at.astimezone(timezone.utc).isoformat().replace("+00:00", "Z"),
        "photo": _photo(body),
        "text": body.get("text") or body.get("label") or unnamed,
        "choices": body.get("choices") or [],
        "image": body.get("image"),
        "link": body.get("link"),
        "ask": body.get("ask"),
    }
