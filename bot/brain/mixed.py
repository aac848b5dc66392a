"""Messages that want more than one thing: "hi, my bin was not emptied and when do you open?".

A text is cut at its sentences, commas and coordinating conjunctions, and the pieces are understood
one by one. Only when at least two of them surely want different things is the message taken apart:
one part leads, the others travel beside it. Everything else stays as it was understood whole.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.brain import danger
from bot.civic.hearing import reads_like_question

Parsed = dict[str, Any]
Parse = Callable[[str], Awaitable[Parsed]]
Glance = Callable[[Sequence[str]], Sequence[tuple[str, float]]]
"""Of each text its likeliest label and how likely danger is: cheaper than parsing them all."""

QUESTIONS = frozenset(
    {
        "area_contact",
        "area_facts",
        "area_news",
        "ask",
        "facility_find",
        "ticket_status",
        "waste_day",
    }
)
WISHES = QUESTIONS | {"report"}
"""What a part can want. Greetings, thanks and the like go with their neighbours."""
SURE = 0.6
"""The least confidence of a part while the whole is not clear."""
VERY_SURE = 0.75
"""The same where the whole was understood as one thing, and for a second report."""
_UNDERSTOOD = (
    "intent",
    "intent_ranking",
    "guess",
    "topic",
    "topic_confidence",
    "candidates",
    "decision",
)
CLEAR = 0.8
"""From here on the whole is clear, and its parts must be very sure to be heard instead."""
ALARM = 0.9
"""Danger of a piece that counts without a pattern: a few words alone mislead more easily. It takes
the message over only where a pattern agrees, or the whole may tell of danger too; elsewhere danger
is possible."""
LEAST_WORDS = {"report": 3}
MOST_PIECES = 6
_JOINTS = {"en": "and|but|plus", "nl": "en|maar", "de": "und|aber", "da": "og|men|samt"}
_STOP = r"(?P<keep>[.?!;]+)(?:\s+|$)|\n+"
_SHORTENED = re.compile(r"(?:\d|\b(?:nr|no|st|dr|mr|mevr|ca|z\.b|tel|str))$", re.IGNORECASE)
"""What stands before a full stop that ends no sentence."""
_LEADING = re.compile(r"^(?:and|but|also|en|maar|ook|und|aber|auch|og|men|også)\s+", re.IGNORECASE)
_ASKS_INSIDE = re.compile(
    r"\b(?:where|waar|wo|hvor|is|are|ist|sind|er|zijn"
    r"|can you tell|i (?:would |want )(?:like )?to know"
    r"|weet (?:u|je)|ik (?:wil|zou) (?:graag )?(?:willen )?weten"
    r"|wissen sie|ich (?:will|möchte) wissen|ved (?:i|du)|jeg vil (?:gerne )?vide)\b",
    re.IGNORECASE,
)
"""How a question may begin that is no answer to "where is it?"."""


@dataclass(frozen=True)
class Piece:
    """A stretch of the text with its offsets."""

    text: str
    start: int
    end: int


@dataclass
class Part:
    """Pieces in a row that want the same; `alone` when it is one piece, `parsed` the first one."""

    start: int
    end: int
    wish: tuple[str, str]
    parsed: Parsed
    alone: bool = True


def pieces(text: str, language: str) -> list[Piece]:
    """The text cut where another thought may begin; cuts that leave single words are not made."""
    joints = _JOINTS.get(language, "|".join(_JOINTS.values()))
    cut = re.compile(rf"{_STOP}|,\s+|\s+(?=(?:{joints})\s)", re.IGNORECASE)
    bounds, last = [], 0
    for match in cut.finditer(text):
        kept = match["keep"]
        if kept == "." and _SHORTENED.search(text[: match.start()]):
            continue
        bounds.append((last, match.end("keep") if kept else match.start()))
        last = match.end()
    bounds.append((last, len(text)))
    found: list[Piece] = []
    for start, end in bounds:
        stretch = text[start:end]
        lead = len(stretch) - len(stretch.lstrip())
        words = re.findall(r"\w+", stretch)
        if not words:
            continue
        if found and (len(words) < 2 or len(found) == MOST_PIECES):
            begin = found[-1].start
            found[-1] = Piece(text[begin:end].strip(), begin, end)
        else:
            found.append(Piece(stretch.strip(), start + lead, end))
    return found


def wish_of(parsed: Mapping[str, Any], text: str, least: float) -> tuple[str, str] | None:
    """Intent and topic that a piece surely wants; None when it is no wish or not sure."""
    intent = str((parsed.get("intent") or {}).get("name") or "")
    topic = str(parsed.get("topic") or "")
    if parsed.get("decision") != "answer":
        return None
    sure = (
        parsed.get("topic_confidence") if topic else (parsed.get("intent") or {}).get("confidence")
    )
    if float(sure or 0.0) < least or not _may_want(intent, text):
        return None
    return intent, topic


def _may_want(intent: str, text: str) -> bool:
    """Is a piece of these words long enough for this wish, and a question where it must be one?"""
    long = intent in WISHES and len(text.split()) >= LEAST_WORDS.get(intent, 2)
    return long and (intent not in QUESTIONS or _asks(text))


def _asks(text: str) -> bool:
    bare = _LEADING.sub("", text)
    return reads_like_question(bare) or bool(_ASKS_INSIDE.match(bare))


def _worth_parsing(
    texts: Sequence[str], glances: Sequence[tuple[str, float]], in_report: bool, alarm: float
) -> bool:
    """Can pieces that look like this change what the whole means?"""
    if any(likely >= alarm / 2 for _, likely in glances):
        return True
    wishes = {
        label
        for text, (label, _) in zip(texts, glances)
        if _may_want(label.partition("|")[0], text)
    }
    return len(wishes) > (0 if in_report else 1)


async def untangle(
    text: str,
    whole: Parsed,
    parse: Parse,
    in_report: bool,
    alarmed: bool = False,
    glance: Glance | None = None,
) -> Parsed:
    """`whole` as it is, or with the leading part's understanding and `also` beside it.

    `also` lists the other parts, each with its own `text` and understanding; `part` has the leading
    part's `text` and `entities`; `greets` says that the message began with a greeting. While a
    report is open, `whole` stays and `rest` is what remains of the message beside its questions.
    A piece that tells of danger makes the whole message one about danger, more easily if it is
    `alarmed` by a pattern. With `glance` the pieces are parsed only if they look like more than one
    wish.
    """
    found = pieces(text, str(whole.get("language") or ""))
    if len(found) < 2:
        return whole
    clear = whole.get("decision") == "answer" and danger.confidence(whole) >= CLEAR
    least = VERY_SURE if clear else SURE
    texts = [_LEADING.sub("", piece.text) for piece in found]
    alarm = danger.WITH_PATTERN if alarmed else ALARM
    if glance is not None and not _worth_parsing(texts, glance(texts), in_report, alarm):
        return whole
    understood = [await parse(words) for words in texts]
    loudest = max(danger.heard(p) for p in understood)
    if loudest >= alarm:
        if danger.heard(whole) >= danger.POSSIBLE or (alarmed and loudest >= ALARM):
            return {**whole, "intent": {"name": "danger", "confidence": 1.0}, "guess": "danger"}
        whole = {**whole, "danger": loudest}
    wishes = [wish_of(p, piece.text, least) for p, piece in zip(understood, found)]
    if in_report:
        return await _beside_report(found, understood, wishes, whole, parse)
    parts = _parts(text, found, understood, wishes)
    if len({part.wish for part in parts}) < 2:
        return whole
    told = [await _whole_part(text, part, parse, least) for part in parts]
    told = _without_doubles(told)
    reports = [p for p in told if p["intent"]["name"] == "report"]
    if len(reports) > 1:
        # Two problems are two only when both are beyond doubt; details of one are no second.
        reports = [p for p in reports if float(p["topic_confidence"]) >= VERY_SURE] or reports[:1]
        told = [p for p in told if p["intent"]["name"] != "report" or p in reports]
    if len(told) < 2:
        return whole
    lead = reports[0] if reports else told[0]
    greets = (understood[0].get("intent") or {}).get("name") == "greet"
    return {
        **whole,
        **{key: lead.get(key) for key in _UNDERSTOOD},
        "part": {"text": lead["text"], "entities": lead.get("entities") or []},
        "also": [_kept(part) for part in told if part is not lead],
        "greets": greets,
    }


def _kept(part: Parsed) -> Parsed:
    """What travels of a part in the message's parse data."""
    return {key: part.get(key) for key in ("text", "entities", *_UNDERSTOOD)}


def _parts(
    text: str,
    found: list[Piece],
    understood: list[Parsed],
    wishes: list[tuple[str, str] | None],
) -> list[Part]:
    """Pieces without a wish go with the part before them, or with the first one."""
    parts: list[Part] = []
    begin = None
    for piece, parsed, wish in zip(found, understood, wishes):
        if wish is None:
            name = (parsed.get("intent") or {}).get("name")
            if parts:
                parts[-1].end, parts[-1].alone = piece.end, False
            elif begin is None and name not in ("greet", "thanks"):
                begin = piece.start
        elif parts and parts[-1].wish == wish:
            parts[-1].end, parts[-1].alone = piece.end, False
        else:
            start = piece.start if begin is None or parts else begin
            parts.append(Part(start, piece.end, wish, parsed, start == piece.start))
    return parts


async def _whole_part(text: str, part: Part, parse: Parse, least: float) -> Parsed:
    """A part understood with the pieces that went with it, if that changes nothing."""
    words = _LEADING.sub("", text[part.start : part.end].strip(" ,;"))
    if part.alone:
        return {**part.parsed, "text": words}
    parsed = await parse(words)
    same = wish_of(parsed, words, 0.0) == part.wish
    return {**(parsed if same else {**parsed, **_kept(part.parsed)}), "text": words}


def _without_doubles(told: list[Parsed]) -> list[Parsed]:
    """The same wish twice is one."""
    seen: dict[tuple[str, str], Parsed] = {}
    for part in told:
        seen.setdefault((str(part["intent"]["name"]), str(part.get("topic") or "")), part)
    return list(seen.values())


async def _beside_report(
    found: list[Piece],
    understood: list[Parsed],
    wishes: list[tuple[str, str] | None],
    whole: Parsed,
    parse: Parse,
) -> Parsed:
    """While a report is open: its answer and the questions beside it, for the form to judge."""
    asked = [w is not None and w[0] in QUESTIONS for w in wishes]
    if not any(asked) or all(asked):
        return whole
    questions = _without_doubles(
        [{**p, "text": piece.text} for p, piece, a in zip(understood, found, asked) if a]
    )
    rest = " ".join(piece.text for piece, a in zip(found, asked) if not a).strip(" ,;")
    return {
        **whole,
        "also": [_kept(question) for question in questions],
        "rest": {**_kept(await parse(rest)), "text": rest},
    }
