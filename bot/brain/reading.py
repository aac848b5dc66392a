"""Reading a turn back from Rasa's tracker: the replies, the signals, and what was understood.

The same reading serves a turn just taken and one recorded before a crash; that is what makes a
replayed answer identical to the first.
"""

from __future__ import annotations

from typing import Any

from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.events import ActionExecuted, BotUttered, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from bot.brain import danger
from bot.messages import Answer, Labelled, PersonWish, Reply, Turn, Understanding
from bot.phrases import reply_of


def answer_of(tracker: DialogueStateTracker, turn: Turn, replayed: bool) -> Answer:
    """The answer to `turn` as the tracker recorded it."""
    message: UserUttered | None = None
    replies: list[Reply] = []
    actions: list[str] = []
    signals: dict[str, Any] = {}
    for event in tracker.events:
        if isinstance(event, UserUttered):
            if message is not None:
                break
            if event.message_id == turn.message_id:
                message = event
        elif message is None:
            continue
        elif isinstance(event, BotUttered):
            data = event.data or {}
            signal = (data.get("custom") or {}).get("signal")
            if signal:
                signals |= signal
            else:
                replies.append(reply_of({**data, "text": event.text}))
        elif isinstance(event, ActionExecuted) and event.action_name != ACTION_LISTEN_NAME:
            actions.append(str(event.action_name))
    metadata = (message.metadata if message else None) or {}
    parsed = message.parse_data if message else {}
    flag = str(signals.get("flag") or "")
    alarmed = metadata.get("reflex") == danger.DANGER
    chosen = signals.get("language")
    return Answer(
        replies=tuple(reply for reply in replies if reply.text or reply.choices or reply.image),
        language=str(chosen or metadata.get("language") or turn.language),
        language_fixed=turn.language_fixed or bool(chosen),
        understanding=_understood(parsed, actions),
        flag=flag,
        caution=flag != danger.DANGER and danger.possible(parsed, alarmed),
        forget=bool(signals.get("forget")),
        replayed=replayed,
        labelled=_labelled(signals.get("labelled")),
        wish=PersonWish(**signals["wish"]) if signals.get("wish") else None,
    )


def _labelled(told: Any) -> Labelled | None:
    if not told:
        return None
    return Labelled(
        text=str(told["text"]),
        language=str(told["language"]),
        intent=str(told["intent"]),
        topic=told.get("topic") or None,
        offered=tuple(told.get("offered") or ()),
    )


def _understood(parsed: Any, actions: list[str]) -> Understanding:
    intent = parsed.get("intent") or {}
    return Understanding(
        intent=str(parsed.get("guess") or intent.get("name") or ""),
        confidence=round(float(intent.get("confidence") or 0.0), 4),
        topic=parsed.get("topic"),
        topic_confidence=round(float(parsed.get("topic_confidence") or 0.0), 4),
        candidates=tuple(parsed.get("candidates") or ()),
        entities=tuple(
            {k: e[k] for k in ("entity", "value", "start", "end")}
            for e in parsed.get("entities") or ()
        ),
        actions=tuple(actions),
    )
