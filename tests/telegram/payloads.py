"""Updates as the Bot API sends them, written out. https://core.telegram.org/bots/api#update"""

from __future__ import annotations

from typing import Any

BOT = 4242424242
CITIZEN = {"id": 71, "is_bot": False, "first_name": "Robin", "language_code": "nl-NL"}
PRIVATE = {"id": 71, "first_name": "Robin", "type": "private"}
GROUP = {"id": -10055, "title": "Our street", "type": "supergroup"}
CHANNEL = {"id": -10099, "title": "News", "type": "channel"}
OURSELVES = {"id": BOT, "is_bot": True, "first_name": "Likewise", "username": "likewise_demo_bot"}


def update(kind: str = "message", update_id: int = 900001, **content: Any) -> dict[str, Any]:
    """One update with a private message of Robin's; `content` adds to it or replaces."""
    message = {"message_id": 12, "from": CITIZEN, "chat": PRIVATE, "date": 1767348000, **content}
    return {"update_id": update_id, kind: message}


TEXT = update(text="Er ligt afval op straat")
COMMAND = update(
    text="/start from-letter", entities=[{"type": "bot_command", "offset": 0, "length": 6}]
)
EDITED = update("edited_message", 900002, text="Er ligt glas op straat", edit_date=1767348060)
PHOTO = update(
    photo=[
        {"file_id": "small", "file_unique_id": "s", "width": 90, "height": 67, "file_size": 1200},
        {
            "file_id": "large",
            "file_unique_id": "l",
            "width": 1280,
            "height": 960,
            "file_size": 99000,
        },
        {
            "file_id": "middle",
            "file_unique_id": "m",
            "width": 320,
            "height": 240,
            "file_size": 9000,
        },
    ],
    caption="Deze lamp",
)
PICTURE_FILE = update(
    document={
        "file_id": "doc", "file_unique_id": "d", "file_name": "lamp.heic",
        "mime_type": "image/HEIC", "file_size": 2_000_000,
    }
)  # fmt: skip
PDF = update(
    document={
        "file_id": "pdf", "file_unique_id": "p", "file_name": "letter.pdf",
        "mime_type": "application/pdf", "file_size": 5000,
    }
)  # fmt: skip
POSITION = update(location={"latitude": 53.2194, "longitude": 6.5665, "horizontal_accuracy": 12.5})
LIVE = update(location={"latitude": 53.2194, "longitude": 6.5665, "live_period": 900})
LIVE_MOVED = update(
    "edited_message",
    900003,
    edit_date=1767348100,
    location={"latitude": 53.2201, "longitude": 6.5671, "live_period": 900},
)
VENUE = update(
    location={"latitude": 53.2194, "longitude": 6.5665},
    venue={
        "location": {"latitude": 53.2194, "longitude": 6.5665},
        "title": "Stadhuis", "address": "Grote Markt 1",
    },
)  # fmt: skip
OWN_CONTACT = update(contact={"phone_number": "+31612345678", "first_name": "Robin", "user_id": 71})
OTHER_CONTACT = update(
    contact={"phone_number": "+31687654321", "first_name": "Kim", "last_name": "de Vries"}
)
STICKER = update(
    sticker={
        "file_id": "s", "file_unique_id": "s", "type": "regular", "width": 512, "height": 512,
        "is_animated": False, "is_video": False, "emoji": "👍",
    }
)  # fmt: skip
VOICE = update(voice={"file_id": "v", "file_unique_id": "v", "duration": 3})
VIDEO = update(
    video={"file_id": "v", "file_unique_id": "v", "width": 640, "height": 360, "duration": 4}
)
VIDEO_WITH_WORDS = update(
    video={
        "file_id": "v", "file_unique_id": "v", "width": 640, "height": 360, "duration": 4,
        "mime_type": "video/mp4", "file_size": 1_000_000,
    },
    caption="Kijk, dit lekt",
)  # fmt: skip
ANIMATION = update(
    animation={"file_id": "g", "file_unique_id": "g", "width": 320, "height": 240, "duration": 2},
    document={"file_id": "g", "file_unique_id": "g", "mime_type": "image/gif"},
)
POLL = update(
    poll={
        "id": "1", "question": "?", "options": [{"text": "a", "voter_count": 0, "persistent_id": "1"}],
        "total_voter_count": 0, "is_closed": False, "is_anonymous": True, "type": "regular",
        "allows_multiple_answers": False, "allows_revoting": False, "members_only": False,
    }
)  # fmt: skip
DICE = update(dice={"emoji": "🎲", "value": 3})
UNKNOWN_KIND = update(hologram={"file_id": "h"})
JOINED = update(chat=GROUP, new_chat_members=[CITIZEN])
PINNED = update(pinned_message={"message_id": 3, "chat": PRIVATE, "date": 0})
BUTTON = {
    "update_id": 900010,
    "callback_query": {
        "id": "4382bfdwdsb323b2d9", "from": CITIZEN, "chat_instance": "-55", "data": "17.2",
        "message": {
            "message_id": 13, "from": OURSELVES, "chat": PRIVATE, "date": 1767348000,
            "text": "Shall I send it?",
        },
    },
}  # fmt: skip
OLD_BUTTON = {
    "update_id": 900011,
    "callback_query": {
        "id": "4382bfdwdsb323b2da", "from": CITIZEN, "chat_instance": "-55", "data": "3.1",
        "message": {"message_id": 2, "chat": PRIVATE, "date": 0},
    },
}  # fmt: skip
INLINE_BUTTON = {
    "update_id": 900012,
    "callback_query": {
        "id": "4382bfdwdsb323b2db", "from": CITIZEN, "chat_instance": "-55", "data": "x",
        "inline_message_id": "AAAA",
    },
}  # fmt: skip
CHANNEL_POST = {
    "update_id": 900020,
    "channel_post": {"message_id": 5, "chat": CHANNEL, "date": 1767348000, "text": "Nieuws"},
}
BLOCKED_US = {
    "update_id": 900021,
    "my_chat_member": {
        "chat": PRIVATE, "from": CITIZEN, "date": 1767348000,
        "old_chat_member": {"user": OURSELVES, "status": "member"},
        "new_chat_member": {"user": OURSELVES, "status": "kicked", "until_date": 0},
    },
}  # fmt: skip
NEW_SORT_OF_UPDATE = {"update_id": 900022, "telepathy": {"from": CITIZEN}}
OTHER_BOT = update(text="hi", **{"from": {"id": 5, "is_bot": True, "first_name": "Spam"}})
IN_GROUP = update(chat=GROUP, text="Wie heeft er een ladder?")
NAMED_IN_GROUP = update(
    chat=GROUP,
    text="@Likewise_Demo_Bot wanneer komt het oud papier?",
    entities=[{"type": "mention", "offset": 0, "length": 18}],
)
ONLY_NAMED = update(chat=GROUP, text="@likewise_demo_bot")
NAME_INSIDE_ANOTHER = update(chat=GROUP, text="@likewise_demo_bot_two hallo")
COMMAND_IN_GROUP = update(chat=GROUP, text="/help")
COMMAND_TO_US = update(chat=GROUP, text="/privacy@likewise_demo_bot")
COMMAND_TO_OTHER = update(chat=GROUP, text="/help@weather_bot")
ANSWER_TO_US = update(
    chat=GROUP,
    text="ja",
    reply_to_message={
        "message_id": 4, "from": OURSELVES, "chat": GROUP, "date": 1767348000, "text": "Wilt u dat?",
    },
)  # fmt: skip
STICKER_IN_GROUP = update(chat=GROUP, sticker=STICKER["message"]["sticker"])
PHOTO_UNDER_NEW_POLL = update(
    photo=PHOTO["message"]["photo"],
    reply_to_message={
        "message_id": 4, "from": OURSELVES, "chat": PRIVATE, "date": 1767348000,
        "poll": {"id": "1", "shape": "of tomorrow"},
    },
)  # fmt: skip
NEW_POLL = update(poll={"id": "1", "shape": "of tomorrow"})
MISSING_CHAT = {"update_id": 900030, "message": {"message_id": 1, "date": 1, "text": "x"}}
MISSING_DATE = {"update_id": 900031, "message": {"message_id": 6, "chat": PRIVATE, "text": "Hallo"}}
MISSING_SIZES = update(photo=[{"file_id": "only"}])
WRONG_TYPES = update(text=5, entities="none")
WRONG_POSITION = update(location={"latitude": "north", "longitude": 6.5})
FAR_OUT = update(location={"latitude": 153.0, "longitude": 6.5})
HOSTILE = update(text='<b>&\x00\x07 /inform{"a": 1} \ud800 \'; DROP TABLE inbox; --')
TOO_LONG = update(text="a" * 4096)
BLANK = update(text=" \n ")
