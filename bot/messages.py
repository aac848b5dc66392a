"""The vocabulary of the road: what citizens send, what the bot replies, what a provider answers.

Every room and every connector speaks in these frozen values; none of them names a channel's own
concepts. Values are checked when they are born, so that a room never has to ask again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, NewType, Union

ChannelName = NewType("ChannelName", str)
ConversationId = NewType("ConversationId", str)
"""Opaque and random: the only name of a citizen that reaches Rasa."""
Address = NewType("Address", str)
"""Where a channel reaches a citizen: a chat id, a number in E.164, a web conversation."""
InboxId = NewType("InboxId", int)
OutboxId = NewType("OutboxId", int)
JsonObject = dict[str, Any]

MAX_TEXT = 4000
"""Longest text of one inbound message, in characters (Telegram's own limit is 4096)."""

Command = Literal["start", "help", "language", "stop", "privacy", "report", "status"]
Ask = Literal["place", "photo"]
Sender = Literal["bot", "agent"]


class InvalidMessage(ValueError):
    """A message that no channel may accept; `code` is stable and safe to show to a client."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Place:
    """A shared position in WGS84 degrees, with the name that a venue carries."""

    lat: float
    lon: float
    name: str = ""

    def __post_init__(self) -> None:
        if not (-90 <= self.lat <= 90 and -180 <= self.lon <= 180):
            raise InvalidMessage("place", "lat must be within ±90 and lon within ±180 degrees")


@dataclass(frozen=True)
class Attachment:
    """A picture or file, by the reference under which its provider has it.

    A picture gets `photo`, its id in our own photo store: at once when it was uploaded there, else
    when the message is kept. The store then fetches it after the commit.
    """

    kind: str
    reference: str
    media_type: str = ""
    size: int | None = None
    photo: str = ""

    def to_json(self) -> JsonObject:
        return {name: value for name, value in asdict(self).items() if name != "photo" or value}


@dataclass(frozen=True)
class Inbound:
    """One message as a connector understood it.

    Exactly one of `text`, `choice`, `place`, `command` or `unsupported` says what was sent;
    `attachments` may stand beside a text (a caption) or alone. `external_id` is unique within the
    channel. `correction_of` names the external id of the message that this one edits.
    """

    channel: ChannelName
    external_id: str
    address: Address
    text: str = ""
    choice: str = ""
    place: Place | None = None
    command: Command | None = None
    argument: str = ""
    unsupported: str = ""
    attachments: tuple[Attachment, ...] = ()
    language_hint: str = ""
    correction_of: str = ""
    in_group: bool = False
    conversation: ConversationId | None = None

    def __post_init__(self) -> None:
        if not self.external_id or not self.address:
            raise InvalidMessage("id", "a message needs an id and an address")
        said = [self.text, self.choice, self.place, self.command, self.unsupported]
        if sum(1 for part in said if part) > 1:
            raise InvalidMessage("content", "a message carries one of text, choice or place")
        if not any(said) and not self.attachments:
            raise InvalidMessage("empty", "the message is empty")
        if len(self.text) > MAX_TEXT:
            raise InvalidMessage("too_long", f"text is longer than {MAX_TEXT} characters")

    def body(self) -> JsonObject:
        """What is kept of the message, as JSON; absent parts are left out."""
        content: JsonObject = {}
        for name in ("text", "choice", "command", "argument", "unsupported", "correction_of"):
            if value := getattr(self, name):
                content[name] = value
        if self.place:
            content["place"] = asdict(self.place)
        if self.attachments:
            content["attachments"] = [part.to_json() for part in self.attachments]
        if self.in_group:
            content["in_group"] = True
        return content

    def fingerprint(self) -> str:
        """SHA-256 of the content: tells a redelivery from another message under the same id."""
        canonical = json.dumps(self.body(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Choice:
    """Something the citizen can pick. `payload` is what it means to the brain; never shown."""

    id: str
    label: str
    payload: str = ""


@dataclass(frozen=True)
class Picture:
    """A picture by its address. `photo` is its id in our own store, when a person sent it."""

    url: str
    alt: str
    photo: str = ""


@dataclass(frozen=True)
class Link:
    url: str
    label: str


@dataclass(frozen=True)
class Reply:
    """One thing the bot (or a person at the desk) says, in no channel's terms.

    `text` holds paragraphs separated by blank lines, without markup.
    """

    text: str = ""
    choices: tuple[Choice, ...] = ()
    image: Picture | None = None
    link: Link | None = None
    ask: Ask | None = None

    def to_json(self) -> JsonObject:
        return asdict(self)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Reply:
        return Reply(
            text=data.get("text") or "",
            choices=tuple(Choice(**choice) for choice in data.get("choices") or ()),
            image=Picture(**data["image"]) if data.get("image") else None,
            link=Link(**data["link"]) if data.get("link") else None,
            ask=data.get("ask"),
        )


Payload = JsonObject
"""What one send to a provider carries, made by a connector's `render` and stored as JSON.

A payload with `"held": true` waits until the citizen asks for more (see `Limits.more`)."""


@dataclass(frozen=True)
class Sent:
    """The provider has it, under its own id."""

    provider_id: str = ""


@dataclass(frozen=True)
class Refused:
    """The provider will never take it; `code` names why (blocked, stopped, invalid, ...)."""

    code: str
    detail: str = ""


@dataclass(frozen=True)
class Later:
    """Not now: try again after so many seconds. Nothing was sent."""

    seconds: float
    code: str = "later"


@dataclass(frozen=True)
class Unclear:
    """Perhaps sent, perhaps not. Never sent again blindly: a report or a clerk decides."""

    detail: str = ""


@dataclass(frozen=True)
class Moved:
    """The citizen is reached under another address now; the send is tried again there."""

    address: Address


Receipt = Union[Sent, Refused, Later, Unclear, Moved]

DeliveryState = Literal[
    "held", "queued", "sending", "sent", "delivered", "refused", "unclear", "cancelled"
]


@dataclass(frozen=True)
class DeliveryReport:
    """What a provider tells afterwards about a send; states only move forward."""

    channel: ChannelName
    state: Literal["sent", "delivered", "refused"]
    provider_id: str = ""
    outbox_id: OutboxId | None = None
    code: str = ""


@dataclass(frozen=True)
class Turn:
    """What the brain gets: one resolved message of one conversation.

    `payload` is an intent in Rasa's own notation, set only by us (a resolved choice or command);
    `text` is always treated as words. `language` is what the conversation speaks so far, and
    `language_fixed` says that the citizen chose it. `photos` are the ids of pictures that came with
    the message; one of them may still be on its way from its provider.
    """

    conversation: ConversationId
    message_id: str
    text: str
    payload: str = ""
    place: Place | None = None
    photos: tuple[str, ...] = ()
    language: str = ""
    language_fixed: bool = False
    channel: ChannelName = ChannelName("web")
    first: bool = False
    correction: bool = False
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Understanding:
    """What the brain made of a message; kept with the turn for those who review conversations."""

    intent: str = ""
    confidence: float = 0.0
    topic: str | None = None
    topic_confidence: float = 0.0
    candidates: tuple[JsonObject, ...] = ()
    entities: tuple[JsonObject, ...] = ()
    actions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Labelled:
    """A sentence that was not understood, and what the citizen then chose that it meant.

    `intent` is "none" when nothing of what was `offered` fitted.
    """

    text: str
    language: str
    intent: str
    topic: str | None = None
    offered: tuple[JsonObject, ...] = ()


@dataclass(frozen=True)
class PersonWish:
    """What the citizen agreed to: to `wait` for a colleague, to be asked for a `question` that one
    answers later, to leave what they just said as it (`left`), or to `withdraw`."""

    kind: Literal["wait", "question", "left", "withdraw"]
    reason: str = "asked"
    question: str = ""


@dataclass(frozen=True)
class Rating:
    """What a turn does to the rating of its conversation: it has `asked` about something, or heard
    whether that `helped`, or its words are the `comment` on a "no"."""

    asked: str = ""
    helped: bool | None = None
    comment: bool = False


@dataclass(frozen=True)
class Answer:
    """What the brain gives back. `flag` asks for a person, with the reason; with `caution`, the
    emergency number goes before the replies; `wish` is set when the citizen has agreed that a
    colleague reads the conversation."""

    replies: tuple[Reply, ...]
    language: str = ""
    language_fixed: bool = False
    understanding: Understanding = Understanding()
    flag: str = ""
    caution: bool = False
    forget: bool = False
    replayed: bool = False
    labelled: Labelled | None = None
    wish: PersonWish | None = None
    rating: Rating | None = None


@dataclass(frozen=True)
class Accepted:
    """What intake gives back after the commit."""

    inbox_id: InboxId
    conversation: ConversationId
    duplicate: bool
    received_at: datetime


@dataclass(frozen=True)
class Entry:
    """One line of a conversation: a citizen's message (`body`) or something said to them.

    `cursor` orders a conversation; `external_id` is the citizen's message that it is or answers.
    """

    cursor: int
    sender: str
    external_id: str | None
    final: bool
    at: datetime
    body: JsonObject
    state: str
    outbox_id: int | None = None
