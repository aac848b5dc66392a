"""Room 2: an inbox row comes in, and outbox rows come out.

A worker claims a conversation, resolves what was said, asks the brain, renders the replies for the
channel, and commits the whole turn at once. A crash anywhere before that commit leaves the message
to be answered again; the brain replays a turn that it already took. The citizen always gets a
reply: a turn that fails for good, and a message that ends one process after the other, get the
apology, and the conversation is flagged for staff.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from bot import choices
from bot.bell import DELIVERIES, DESK, TURNS, Bell, reader, typing
from bot.channel import Connector
from bot.messages import (
    Answer,
    ChannelName,
    Choice,
    JsonObject,
    PersonWish,
    Place,
    Rating,
    Reply,
    Turn,
    Understanding,
)
from bot.phrases import Phrasebook
from bot.rating import Ratings, Step
from bot.reflexes import Reflexes
from bot.store.claims import HeldPart
from bot.store.journal import Journal
from bot.store.rows import Claim, LeaseLost, OutgoingReply
from bot.store.wishes import ASKED_QUESTION, NOBODY

log = logging.getLogger(__name__)
MAX_ATTEMPTS = 4
MOST_INTERRUPTED = 3
"""A message during which so many processes died is put aside, or it would end every next one."""
IDLE_SECONDS = 1.0
COMMANDS = {
    "start": "/greet",
    "help": "/help",
    "language": "/change_language",
    "stop": "/cancel",
    "privacy": "/privacy",
    "report": "/report",
    "status": "/ticket_status",
}
REFLEXES = {"forget": "/forget_me", "stop_notices": "/unsubscribe_area"}
NO_PERSON = '/person{"decided": "no"}'
_TOKEN = re.compile(r"^[A-Za-z0-9_-]{24,64}$")
OPENED_LINK = '/ticket_status{"decided": "link"}'
"""Telegram's /start with what a link of ours carried."""
BY_HEART = {
    "/danger": "utter_danger",
    "/forget_me": "utter_forget_me",
    '/forget_me{"decided": "yes"}': "utter_forgotten",
    '/forget_me{"decided": "no"}': "utter_not_forgotten",
}
"""What a reflex says when the brain cannot be asked, by payload."""
OPT_OUT = {"opt_out": ("utter_opted_out", True), "opt_in": ("utter_opted_in", False)}


class BrainUnavailable(Exception):
    """The brain cannot answer now; the turn is tried again later."""


class Brain(Protocol):
    async def answer(self, turn: Turn) -> Answer:
        """Take a turn, or replay it when `message_id` was taken before."""
        ...


@dataclass(frozen=True)
class Resolved:
    """What an inbound message means before the brain is asked."""

    turn: Turn | None
    phrase: str = ""
    repeat: bool = False
    reflex: str = ""
    held: HeldPart = "drop"
    opt_out: bool | None = None
    reply: Reply | None = None
    rating: Rating | None = None

    @property
    def known(self) -> bool:
        """Does it mean something of itself, whatever was asked last?"""
        return bool(self.reflex or (self.turn and self.turn.payload))


class Turns:
    """The turn loop. `connectors` by channel name, to render what the brain says."""

    def __init__(
        self,
        journal: Journal,
        brain: Brain,
        connectors: Mapping[ChannelName, Connector],
        phrasebook: Phrasebook,
        reflexes: Reflexes,
        bell: Bell,
        lease: timedelta,
        ratings: Ratings | None = None,
    ) -> None:
        self.journal = journal
        self.brain = brain
        self.connectors = connectors
        self.phrasebook = phrasebook
        self.reflexes = reflexes
        self.bell = bell
        self.lease = lease
        self.ratings = ratings

    async def run(self, worker: str) -> None:
        """Answer messages until cancelled."""
        while True:
            ring = self.bell.listen(TURNS)
            try:
                if await self.step(worker):
                    continue
            except Exception:
                log.exception("turn worker %s stumbled", worker)
            await self.bell.rest(TURNS, ring, IDLE_SECONDS)

    async def step(self, worker: str) -> bool:
        """Claim and answer one message; False when there was none."""
        claim = await self.journal.claim_turn(worker, self.lease)
        if claim is None:
            return False
        try:
            if claim.interrupted >= MOST_INTERRUPTED:
                await self._put_aside(claim)
            else:
                await self._answer(claim)
        except asyncio.CancelledError:
            with contextlib.suppress(LeaseLost):  # its turn was kept already
                await self.journal.hand_back(claim)  # a server that is stopped has not died
            raise
        except LeaseLost:
            log.warning("lease on %s was lost; its turn is dropped here", claim.conversation)
        except Exception as error:
            await self._failed(claim, error)
        self.bell.ring(TURNS)
        return True

    async def _answer(self, claim: Claim) -> None:
        started = time.perf_counter()
        resolved = self._resolve(claim)
        held_by_person = claim.owner not in NOBODY
        if held_by_person and not resolved.reflex:
            await self._keep(claim, Answer(()), "held", started)
            return
        if resolved.held == "release":
            await self._keep(claim, Answer(()), "more", started, held="release")
            return
        if resolved.turn is None:
            language = claim.language or self.phrasebook.primary
            replies = [resolved.reply or self.phrasebook.reply(resolved.phrase, language)]
            open_reply = claim.open_reply
            if resolved.repeat and open_reply and (open_reply.choices or open_reply.ask):
                replies.append(open_reply)
            answer = Answer(
                tuple(replies), claim.language, claim.language_fixed, rating=resolved.rating
            )
            await self._keep(claim, answer, "direct", started, opt_out=resolved.opt_out)
            return
        asked = claim.owner == ASKED_QUESTION
        if asked and resolved.turn.text and not resolved.known:
            await self._keep(claim, self._question(claim, resolved.turn), "question", started)
            return
        self.bell.ring(typing(claim.conversation))
        try:
            async with self._typing(claim):
                answer = await self.brain.answer(resolved.turn)
        except Exception:
            by_heart = resolved.turn.payload or f"/{resolved.reflex}"
            if by_heart not in BY_HEART:
                raise
            # What always works must not depend on the brain.
            log.exception("brain failed on a %s message; answering without it", resolved.reflex)
            answer = self._by_heart(claim, by_heart)
        if held_by_person and resolved.reflex == "danger" and answer.flag != "danger":
            held = Answer((), caution=answer.caution)  # the pattern alone is no alarm
            await self._keep(claim, held, "held", started)
            return
        if asked and resolved.reflex == "danger" and answer.flag != "danger":
            question = replace(self._question(claim, resolved.turn), caution=answer.caution)
            await self._keep(claim, question, "question", started)
            return
        if not answer.replies:
            answer = self._apology(claim, answer)
        answer = await self._asking(claim, answer)
        await self._keep(claim, answer, "answered", started)

    async def _asking(self, claim: Claim, answer: Answer) -> Answer:
        """The answer, with the question whether it helped where that may be asked now."""
        about = self.ratings.occasion(answer) if self.ratings else ""
        if not about or self.ratings is None or claim.body.get("in_group"):
            return answer
        rest = self.ratings.rest
        if not await self.journal.may_ask_rating(claim.conversation, about, rest):
            return answer
        return self.ratings.asked(answer, about)

    def _resolve(self, claim: Claim) -> Resolved:
        """What the message means: a choice, a command, a reflex, or words for the brain."""
        body = claim.body
        turn = Turn(
            conversation=claim.conversation,
            message_id=f"inbox-{claim.inbox_id}",
            text=body.get("text", ""),
            place=Place(**body["place"]) if body.get("place") else None,
            photos=photos_of(body),
            language=claim.language,
            language_fixed=claim.language_fixed,
            channel=claim.channel,
            first=not claim.disclosed,
            correction=bool(body.get("correction_of")),
            context=self._context(claim),
        )
        offered = claim.open_reply.choices if claim.open_reply else ()
        if fixed := asked_of(offered):
            turn = replace(turn, context={**turn.context, "is_it_fixed": fixed})
        if body.get("erased"):
            return Resolved(None, "utter_unsupported")
        if choice_id := body.get("choice"):
            choice = choices.by_id(choice_id, offered)
            if choice is None:
                return Resolved(None, "utter_stale_choice", repeat=True)
            return self._picked(replace(turn, text=choice.label), choice.payload)
        if command := body.get("command"):
            words = body.get("argument", "")
            if command == "report" and words:
                return Resolved(replace(turn, text=words))
            if command == "start" and _TOKEN.match(words):
                return Resolved(replace(turn, text=words, payload=OPENED_LINK))
            return Resolved(replace(turn, text=words, payload=COMMANDS[command]))
        if turn.text:
            limits = self.connectors[claim.channel].limits
            reflex = self.reflexes.match(turn.text)
            if reflex == "danger":
                # A pattern says so; the brain, when it is there, has the last word.
                context = {**turn.context, "reflex": reflex}
                return Resolved(replace(turn, context=context), reflex=reflex)
            if reflex in REFLEXES:
                return Resolved(replace(turn, payload=REFLEXES[reflex]), reflex=reflex)
            if limits.opt_out and reflex in OPT_OUT:
                phrase, out = OPT_OUT[reflex]
                return Resolved(None, phrase, reflex=reflex, opt_out=out)
            if limits.more and reflex == "more" and claim.holds_more:
                return Resolved(None, reflex=reflex, held="release")
            if reflex in ("never_mind", "opt_out") and claim.owner == ASKED_QUESTION:
                return Resolved(replace(turn, payload=NO_PERSON))
            picked = choices.by_text(turn.text, offered)
            if picked is not None:
                return self._picked(turn, picked.payload)
            if self.ratings and claim.owner in NOBODY:
                language = claim.language or self.phrasebook.primary
                step = self.ratings.said(turn.text, offered, language, reflex == "never_mind")
                if step is not None:
                    return _rated(turn, step)
            return Resolved(turn)
        if turn.place:
            return Resolved(turn)
        if turn.photos:
            return Resolved(replace(turn, payload="/inform"))
        if body.get("attachments"):
            return Resolved(None, "utter_photo_kept", repeat=True)
        return Resolved(None, "utter_unsupported")

    def _picked(self, turn: Turn, payload: str) -> Resolved:
        language = turn.language or self.phrasebook.primary
        step = self.ratings.picked(payload, language) if self.ratings else None
        return _picked(turn, payload) if step is None else _rated(turn, step)

    def _context(self, claim: Claim) -> JsonObject:
        """What an action must know of the line: is it a group, can a position be shared on it?"""
        context: JsonObject = {"in_group": True} if claim.body.get("in_group") else {}
        if not self.connectors[claim.channel].limits.places:
            context["no_places"] = True
        return context

    def _question(self, claim: Claim, turn: Turn) -> Answer:
        """What the citizen was asked to type for the desk: kept for it, word by word."""
        language = claim.language or self.phrasebook.primary
        return Answer(
            (self.phrasebook.reply("utter_question_kept", language),),
            claim.language,
            claim.language_fixed,
            flag="question",
            wish=PersonWish("left", "asked", turn.text),
        )

    def _by_heart(self, claim: Claim, payload: str) -> Answer:
        """What a reflex says and does without the brain."""
        language = claim.language or self.phrasebook.primary
        phrase = BY_HEART[payload]
        return Answer(
            (self.phrasebook.reply(phrase, language),),
            claim.language,
            claim.language_fixed,
            flag="danger" if phrase == "utter_danger" else "",
            forget=phrase == "utter_forgotten",
        )

    async def _keep(
        self,
        claim: Claim,
        answer: Answer,
        outcome: str,
        started: float,
        held: HeldPart = "drop",
        opt_out: bool | None = None,
    ) -> None:
        language = answer.language or claim.language or self.phrasebook.primary
        replies = list(answer.replies)
        if answer.caution:
            replies.insert(0, self.phrasebook.reply("utter_danger_possible", language))
        if replies and not claim.disclosed:
            replies.insert(0, self.phrasebook.reply("utter_disclosure", language))
        outgoing = self.render(claim.channel, numbered(replies, claim.inbox_id), language)
        milliseconds = (time.perf_counter() - started) * 1000
        await self.journal.commit_turn(
            claim, answer, outgoing, outcome, milliseconds, held, opt_out
        )
        self.bell.ring(DELIVERIES)
        self.bell.ring(reader(claim.conversation))
        if (
            answer.wish
            or answer.flag
            or answer.caution
            or answer.forget
            or claim.owner not in NOBODY
        ):
            self.bell.ring(DESK)

    def render(
        self, channel: ChannelName, replies: Sequence[Reply], language: str
    ) -> list[OutgoingReply]:
        """Replies with their channel's payloads."""
        connector = self.connectors[channel]
        return [OutgoingReply(r, tuple(connector.render(r, language))) for r in replies]

    def _typing(self, claim: Claim) -> _Typing:
        return _Typing(self.connectors[claim.channel], claim)

    def _apology(self, claim: Claim, answer: Answer | None = None) -> Answer:
        language = (answer and answer.language) or claim.language or self.phrasebook.primary
        return Answer(
            (self.phrasebook.reply("utter_apology", language),),
            language=claim.language,
            language_fixed=claim.language_fixed,
            understanding=answer.understanding if answer else Understanding(),
            flag="failed",
            caution=bool(answer and answer.caution),
        )

    async def _put_aside(self, claim: Claim) -> None:
        """Apologise for a message that has ended processes; nothing looks at it here again."""
        log.error(
            "inbox %s is put aside: %s processes died, or hung, while they worked on it",
            claim.inbox_id,
            claim.interrupted,
        )
        started = time.perf_counter()
        if claim.owner in NOBODY:
            await self._keep(claim, self._apology(claim), "failed", started)
        else:
            await self._keep(claim, Answer(()), "held", started)  # a person reads it anyway

    async def _failed(self, claim: Claim, error: Exception) -> None:
        """Try again later, or apologise when the message has failed too often."""
        patient = isinstance(error, BrainUnavailable)
        log.warning(
            "turn of inbox %s failed (attempt %s): %s",
            claim.inbox_id,
            claim.attempts + 1,
            type(error).__name__,
            exc_info=not patient,
        )
        try:
            if claim.attempts + 1 < MAX_ATTEMPTS:
                delay = timedelta(seconds=2.0**claim.attempts)
                await self.journal.put_back(claim, self.journal.clock() + delay)
            else:
                await self._keep(claim, self._apology(claim), "failed", time.perf_counter())
        except LeaseLost:
            log.warning("lease on %s was lost after a failure", claim.conversation)


def _picked(turn: Turn, payload: str) -> Resolved:
    """A picked choice. One that belongs to a reflex works wherever the reflex itself does: while a
    person holds the conversation, "Yes, delete" must delete."""
    known = payload in BY_HEART
    reflex = next((name for name, p in REFLEXES.items() if known and payload.startswith(p)), "")
    return Resolved(replace(turn, payload=payload), reflex=reflex)


def _rated(turn: Turn, step: Step) -> Resolved:
    """A message that was about a rating; or words that are to be answered after all."""
    if step.words:
        return Resolved(replace(turn, text=step.words))
    return Resolved(None, reply=step.reply, rating=step.rating)


def photos_of(body: JsonObject) -> tuple[str, ...]:
    """The ids of the photos that came with a message."""
    return tuple(part["photo"] for part in body.get("attachments") or () if part.get("photo"))


def asked_of(offered: Sequence[Choice]) -> str | None:
    """The reference of the ticket that "is it fixed?" was asked of, when that stands open."""
    for choice in offered:
        name, brace, values = choice.payload.partition("{")
        if name == "/ticket_status" and '"not_fixed"' in values:
            return str(json.loads(brace + values)["ticket_reference"])
    return None


def numbered(replies: Sequence[Reply], inbox_id: int) -> list[Reply]:
    """Give every choice an id of its own, so that an old button is known as an old one."""
    result, n = [], 0
    for reply in replies:
        named = []
        for choice in reply.choices:
            n += 1
            named.append(replace(choice, id=choice.id or f"{inbox_id}.{n}"))
        result.append(replace(reply, choices=tuple(named)))
    return result


class _Typing:
    """Shows "typing" on the channel while the brain works; never in the brain's way."""

    def __init__(self, connector: Connector, claim: Claim) -> None:
        self.connector, self.claim = connector, claim
        self.task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        self.task = asyncio.create_task(self._show())

    async def _show(self) -> None:
        try:
            await self.connector.typing(self.claim.address)
        except Exception as error:
            log.debug("typing could not be shown: %s", type(error).__name__)

    async def __aexit__(self, *_: object) -> None:
        if self.task is not None and not self.task.done():
            self.task.cancel()
