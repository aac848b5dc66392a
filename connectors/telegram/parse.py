"""What Telegram posts, parsed once into an `Inbound`, or the reason why nothing is to be answered.

A message's external id is `<bot>:m<chat>:<message>` and not the update id: it is the same in every
redelivery, and the edit of a message, which comes in an update of its own, can name the message
that it edits. An edit's id adds `:e<update>`, so that each edit is one message of its own; a
pressed button is `<bot>:q<callback>`. An update that the library cannot read is salvaged as far as
chat and words go: the citizen is answered, and the update does not come again and again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

from telegram import CallbackQuery, Document, Message, Update

from bot.messages import (
    MAX_TEXT,
    Address,
    Attachment,
    ChannelName,
    Command,
    Inbound,
    InvalidMessage,
    Place,
)

TELEGRAM = ChannelName("telegram")
WANTED = ("message", "edited_message", "callback_query")
"""The kinds of update we ask for; https://core.telegram.org/bots/api#update has them all."""
PICTURES = frozenset(
    f"image/{kind}" for kind in ("bmp", "gif", "heic", "heif", "jpeg", "png", "tiff", "webp")
)
"""Media types of documents that are pictures. SVG is left out: it is a program, not a picture."""
UNSUPPORTED = (
    "animation", "audio", "checklist", "dice", "document", "game", "invoice", "live_photo",
    "paid_media", "passport_data", "poll", "sticker", "story", "video", "video_note", "voice",
)  # fmt: skip
"""What a message may hold that we cannot read, in the order of looking: an animation comes with a
document beside it."""
_READ = (
    "message_id", "from", "chat", "date", "text", "caption", "entities", "caption_entities",
    "photo", "document", "location", "venue", "contact", "reply_to_message",
)  # fmt: skip
_FILES = ("animation", "audio", "document", "video", "voice")
_COMMANDS: dict[str, Command] = {name: name for name in get_args(Command)}
_COMMAND = re.compile(r"/([a-z0-9_]{1,32})(?:@(\w+))?(?:\s+(.*))?", re.IGNORECASE | re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_UNREADABLE = (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)
"""What the library raises for an update that is not as documented."""


@dataclass(frozen=True)
class Me:
    """The bot itself; the username is empty until Telegram has told it."""

    id: int
    username: str = ""


@dataclass(frozen=True)
class Parsed:
    """A message to accept, or a note on why there is none; a button wants an answer of its own."""

    inbound: Inbound | None = None
    callback_id: str = ""
    note: str = ""


def parse_update(data: Mapping[str, Any], me: Me, languages: Collection[str]) -> Parsed:
    """One update, as Telegram's JSON. Never raises."""
    try:
        return _parsed(data, me, languages)
    except _UNREADABLE:
        pass
    try:
        known = _parsed(_bare(data), me, languages)
    except _UNREADABLE:
        return _salvaged(data, me)
    return known if known.inbound is not None else _salvaged(data, me)


def _parsed(data: Mapping[str, Any], me: Me, languages: Collection[str]) -> Parsed:
    try:
        update = Update.de_json(dict(data), None)
        if update.callback_query is not None:
            return _pressed(update.callback_query, me, languages)
        if update.edited_message is not None:
            return _edited(update.edited_message, update.update_id, me, languages)
        if update.message is not None:
            return _said(update.message, me, languages)
    except InvalidMessage as error:
        return Parsed(note=error.code)
    return Parsed(note="another kind of update")


def _bare(data: Mapping[str, Any]) -> dict[str, Any]:
    """The update with no more of its message than we read: a new sort of poll in the message that
    it answers must not cost the citizen's words."""
    bare = dict(data)
    for kind in ("message", "edited_message"):
        if isinstance(bare.get(kind), dict):
            message = bare[kind] = {k: v for k, v in bare[kind].items() if k in _READ}
            answered = message.get("reply_to_message")
            if isinstance(answered, dict):
                message["reply_to_message"] = {
                    k: v for k, v in answered.items() if k in _READ[: _READ.index("text")]
                }
    return bare


def message_id(me: Me, chat: int, number: int) -> str:
    """The external id of a citizen's message."""
    return f"{me.id}:m{chat}:{number}"


# Messages ----------------------------------------------------------------------------------------


def _said(message: Message, me: Me, languages: Collection[str]) -> Parsed:
    note = _not_ours(message, me)
    if note:
        return Parsed(note=note)
    content = _content(message, me)
    if not content:
        return Parsed(note="a service message")
    return Parsed(_inbound(message, me, languages, content))


def _edited(message: Message, update_id: int, me: Me, languages: Collection[str]) -> Parsed:
    """An edit counts when words changed; a live position that moves on does not."""
    note = _not_ours(message, me)
    if note:
        return Parsed(note=note)
    content = _content(message, me)
    if not (content.get("text") or content.get("command")):
        return Parsed(note="an edit without words")
    original = message_id(me, message.chat.id, message.message_id)
    content |= {"external_id": f"{original}:e{update_id}", "correction_of": original}
    return Parsed(_inbound(message, me, languages, content))


def _inbound(
    message: Message, me: Me, languages: Collection[str], content: dict[str, Any]
) -> Inbound:
    chat = message.chat
    values: dict[str, Any] = {
        "channel": TELEGRAM,
        "external_id": message_id(me, chat.id, message.message_id),
        "address": Address(str(chat.id)),
        "language_hint": _hint(message.from_user, languages),
        "in_group": chat.type != "private",
    }
    return Inbound(**(values | content))


def _not_ours(message: Message, me: Me) -> str:
    """Why the message is not for the bot, or ""."""
    if not isinstance(message.chat.id, int) or not isinstance(message.message_id, int):
        raise TypeError("ids are whole numbers")
    if message.chat.type not in ("private", "group", "supergroup"):
        return "a channel"
    if message.from_user is not None and message.from_user.is_bot:
        return "another bot"
    if message.chat.type != "private" and not _addressed(message, me):
        return "not addressed to the bot"
    return ""


def _addressed(message: Message, me: Me) -> bool:
    """In a group: the bot is named, or one of its own messages is answered."""
    answered = message.reply_to_message
    if answered is not None and answered.from_user is not None and answered.from_user.id == me.id:
        return True
    if any(
        entity.user is not None and entity.user.id == me.id
        for entity in (*message.entities, *message.caption_entities)
    ):
        return True
    return bool(_mention(me).search(_words(message.text or message.caption)))


def _mention(me: Me) -> re.Pattern[str]:
    """`@name` of the bot; matches nothing as long as the name is not known."""
    name = re.escape(me.username) if me.username else "(?!)"
    return re.compile(rf"@{name}(?!\w)", re.IGNORECASE)


def _content(message: Message, me: Me) -> dict[str, Any]:
    """What the message says, as fields of `Inbound`; empty for a service message."""
    words = _words(message.text or message.caption)
    attachments = _attachments(message, words)
    if attachments:
        named = message.chat.type != "private"
        return {"attachments": attachments, "text": _unnamed(words, me) if named else words}
    if words:
        return _spoken(words, message.chat.type != "private", me)
    if message.venue is not None:
        spot = message.venue.location
        name = ", ".join(filter(None, (message.venue.title, message.venue.address)))
        return {"place": Place(spot.latitude, spot.longitude, _words(name)[:200])}
    if message.location is not None:
        return {"place": Place(message.location.latitude, message.location.longitude)}
    if message.contact is not None:
        contact = message.contact
        own = message.from_user is not None and contact.user_id == message.from_user.id
        name = "" if own else f"{contact.first_name or ''} {contact.last_name or ''}"
        return {"text": _words(f"{name} {contact.phone_number}")}
    for kind in UNSUPPORTED:
        if getattr(message, kind, None):
            return {"unsupported": kind}
    return {"unsupported": "unknown"} if message.api_kwargs else {}


def _spoken(words: str, group: bool, me: Me) -> dict[str, Any]:
    """Words, or a command. In a group the bot's name is taken out of the words."""
    if group:
        words = _unnamed(words, me)
        if not words:
            return {"command": "help"}
    command = _COMMAND.fullmatch(words)
    if command:
        name, addressee, argument = command.groups()
        known = _COMMANDS.get(name.lower())
        if known and (addressee or me.username).lower() == me.username.lower():
            return {"command": known, "argument": (argument or "").strip()}
    return {"text": words}


def _unnamed(words: str, me: Me) -> str:
    return re.sub(r" {2,}", " ", _mention(me).sub(" ", words)).strip(" ,:;\n")


def _attachments(message: Message, words: str) -> tuple[Attachment, ...]:
    """The picture of a message; beside words also a file that we cannot read, for the desk."""
    if message.photo:
        largest = max(message.photo, key=lambda size: size.width * size.height)
        return (Attachment("photo", largest.file_id, "image/jpeg", largest.file_size),)
    document = message.document
    if document is not None and message.animation is None and _is_picture(document):
        return (_file("photo", document),)
    if words:
        for kind in _FILES:
            part = getattr(message, kind, None)
            if part is not None:
                return (_file(kind, part),)
    return ()


def _file(kind: str, part: Any) -> Attachment:
    return Attachment(kind, part.file_id, (part.mime_type or "")[:100].lower(), part.file_size)


def _is_picture(document: Document) -> bool:
    return (document.mime_type or "").lower() in PICTURES


# Buttons -----------------------------------------------------------------------------------------


def _pressed(query: CallbackQuery, me: Me, languages: Collection[str]) -> Parsed:
    message = query.message
    if message is None or not query.data or message.chat.type == "channel":
        return Parsed(callback_id=query.id, note="a button of no message of ours")
    inbound = Inbound(
        channel=TELEGRAM,
        external_id=f"{me.id}:q{query.id}",
        address=Address(str(message.chat.id)),
        choice=_words(query.data) or "-",
        language_hint=_hint(query.from_user, languages),
        in_group=message.chat.type != "private",
    )
    return Parsed(inbound, callback_id=query.id)


# Values ------------------------------------------------------------------------------------------


def _words(value: object) -> str:
    """Text without control characters and lone surrogates, cut where the road cuts."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError("text is a string")
    whole = value.encode("utf-8", "replace").decode("utf-8")
    return _CONTROL.sub("", whole).strip()[:MAX_TEXT].rstrip()


def _hint(user: Any, languages: Collection[str]) -> str:
    """The first hint for a language: `nl-NL` of the citizen's app, when it is one of ours."""
    code = str(getattr(user, "language_code", None) or "")[:2].lower()
    return code if code in languages else ""


def _salvaged(data: Mapping[str, Any], me: Me) -> Parsed:
    """The words, or an apology for them, of a private message that is not as documented."""
    message = data.get("message")
    chat = message.get("chat") if isinstance(message, dict) else None
    number = chat.get("id") if isinstance(chat, dict) else None
    if not isinstance(number, int) or isinstance(number, bool) or number <= 0:
        return Parsed(note="an update that cannot be read")
    message, chat = cast(dict[str, Any], message), cast(dict[str, Any], chat)
    if chat.get("type", "private") != "private":
        return Parsed(note="an update that cannot be read")
    external = message.get("message_id")
    text = message.get("text")
    words = _words(text) if isinstance(text, str) else ""
    return Parsed(
        Inbound(
            channel=TELEGRAM,
            external_id=message_id(me, number, external)
            if isinstance(external, int)
            else f"{me.id}:u{data.get('update_id')}"[:200],
            address=Address(str(number)),
            text=words,
            unsupported="" if words else "unreadable",
        ),
        note="an update that is not as documented",
    )
