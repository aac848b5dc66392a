"""The SMS connector: webhooks in, messages out, and what repairs both.

A webhook is answered after the commit. A send ends in a receipt; one that broke half way is unclear
and is found out afterwards by a delivery report or a look-up, never sent again blindly. Messages
that came while we were down are found by a sweep over the provider's list; those known already are
harmless duplicates.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta, timezone
from typing import Protocol

from aiohttp import web

from bot.channel import Accept, ChannelRefused, ContentConflict, Limits, Report
from bot.messages import (
    Address,
    ChannelName,
    Inbound,
    Later,
    OutboxId,
    Payload,
    Receipt,
    Refused,
    Reply,
    Sent,
)
from connectors.sms.api import ApiUnavailable, SmsOptions, TwilioApi
from connectors.sms.errors import STOPPED, name_of
from connectors.sms.parse import (
    MAX_BODY,
    SMS,
    Listed,
    Problem,
    e164,
    fields_of,
    inbound_of,
    message,
    report_of,
    shortened,
    state_of,
)
from connectors.sms.render import render

log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.Response]]
SWEEP_SECONDS = 180.0
OVERLAP = timedelta(minutes=10)
"""The sweep looks back this far before what it saw last: lists are not strictly in order."""
SURE_SECONDS = 60.0
"""A send that is missing in the provider's list for this long never arrived there."""
SLACK = timedelta(seconds=30)
"""Twilio's times are whole seconds, and our clock is not its clock: missing a message for that
would send it twice."""
NO_REPLY = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'
MAX_REMEMBERED = 2000


class Memory(Protocol):
    """Small things that outlive a restart."""

    async def mark(self, name: str) -> str | None: ...
    async def set_mark(self, name: str, value: str) -> None: ...
    async def set_opt_out(self, channel: ChannelName, address: Address, out: bool) -> None: ...
    async def known_send(self, channel: ChannelName, provider_id: str) -> OutboxId | None: ...


def utc_now() -> datetime:
    return datetime.now(timezone.utc)


class SmsConnector:
    """See the module."""

    name: ChannelName = SMS
    limits = Limits(text=1600, pictures=False, places=False, opt_out=True, more=True)

    def __init__(
        self,
        memory: Memory,
        options: SmsOptions,
        now: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.memory = memory
        self.options = options
        self.api = TwilioApi(options)
        self.now = now
        self.monotonic = monotonic
        self._ours: OrderedDict[str, OutboxId] = OrderedDict()
        self._missing: OrderedDict[OutboxId, float] = OrderedDict()

    async def start(self) -> None:
        """Check the settings and the account. Raises ChannelRefused when they are wrong."""
        sender = self.options.sender
        if not self.options.auth_token:
            raise ChannelRefused("SMS: LIKEWISE_TWILIO_AUTH_TOKEN is not set.")
        if not sender.startswith("MG") and e164(sender) != sender:
            raise ChannelRefused(
                "SMS: LIKEWISE_TWILIO_FROM is neither a number such as +31612345678 nor a "
                "messaging service (MG...)."
            )
        try:
            status = (await self.api.account()).get("status")
        except ApiUnavailable as error:
            if error.status in (401, 403, 404):
                raise ChannelRefused(
                    "SMS: Twilio knows no account with this LIKEWISE_TWILIO_ACCOUNT_SID and "
                    "LIKEWISE_TWILIO_AUTH_TOKEN."
                ) from None
            log.warning("the SMS provider gives no answer yet (%s); sends will wait", error)
            return
        if status in ("suspended", "closed"):
            raise ChannelRefused(f"SMS: the Twilio account is {status}.")
        if not self.options.public_url:
            log.warning("without LIKEWISE_PUBLIC_URL there are no delivery reports of SMS")

    async def stop(self) -> None:
        await self.api.close()

    # Outward -------------------------------------------------------------------------------------

    def render(self, reply: Reply, language: str) -> list[Payload]:
        return render(reply, language, self.options.public_url)

    async def send(self, to: Address, payload: Payload, key: OutboxId) -> Receipt:
        callback = f"{self.options.public_url}/sms/status?outbox={key}"
        receipt = await self.api.create(
            to, payload["text"], callback if self.options.public_url else ""
        )
        if isinstance(receipt, Sent):
            self._remember(receipt.provider_id, key)
        elif isinstance(receipt, Refused):
            log.info("SMS %s to %s was refused: %s", key, shortened(to), receipt.code)
            if receipt.code == STOPPED:
                # The provider learnt of the STOP before us, perhaps while we were down.
                await self.memory.set_opt_out(SMS, to, True)
        return receipt

    async def typing(self, to: Address) -> None:
        return None  # a phone shows nothing of the kind for SMS

    async def look_up(
        self, to: Address, payload: Payload, key: OutboxId, sent_after: datetime
    ) -> Receipt | None:
        """Find an unclear send by its text among the newest messages to the number.

        The list does not carry our own id, so a message known to be another send of ours is passed
        over. Later only when the list has not shown it for a while: it may be behind.
        """
        try:
            async for listing in self.api.messages({"To": to}):
                if listing.created_at < sent_after - SLACK:
                    break
                if await self._is(listing, payload, key):
                    self._missing.pop(key, None)
                    self._remember(listing.sid, key)
                    if state_of(listing.status) == "refused":
                        return Refused(name_of(listing.error_code) or listing.status)
                    return Sent(listing.sid)
        except ApiUnavailable as error:
            log.warning("send %s cannot be looked up: %s", key, error)
            return None
        now = self.monotonic()
        first = self._missing.setdefault(key, now)
        while len(self._missing) > MAX_REMEMBERED:
            self._missing.popitem(last=False)
        if now - first < SURE_SECONDS:
            return None
        self._missing.pop(key, None)
        return Later(0.0, "never_arrived")

    async def _is(self, listing: Listed, payload: Payload, key: OutboxId) -> bool:
        # A trial account's messages begin with words of Twilio's own.
        if listing.inbound or not _plain(listing.body).endswith(_plain(payload["text"])):
            return False
        # The same words may have gone to this number just before, in an earlier life of ours.
        owner = self._ours.get(listing.sid) or await self.memory.known_send(SMS, listing.sid)
        return owner in (None, key)

    def _remember(self, sid: str, key: OutboxId) -> None:
        self._ours[sid] = key
        while len(self._ours) > MAX_REMEMBERED:
            self._ours.popitem(last=False)

    async def fetch_file(self, reference: str, limit: int) -> bytes:
        """A citizen's picture by its address at the provider. Raises FileUnavailable."""
        return await self.api.picture(reference, limit)

    # Webhooks ------------------------------------------------------------------------------------

    def routes(self, accept: Accept, report: Report) -> Iterable[web.RouteDef]:
        async def inbound(request: web.Request) -> web.Response:
            fields = await self._fields(request)
            found = inbound_of(fields)
            if found is None:
                log.info("an SMS whose sender has no number cannot be answered")
            else:
                await _kept(accept, found)
            return web.Response(text=NO_REPLY, content_type="text/xml")

        async def status(request: web.Request) -> web.Response:
            fields = await self._fields(request)
            found = report_of(fields, request.query.get("outbox", ""))
            if found is not None:
                if found.outbox_id is not None:
                    self._remember(found.provider_id, found.outbox_id)
                try:
                    await report(found)
                except Exception:
                    log.exception("a delivery report could not be kept")
                    raise Problem(503, "Please try again.") from None
            return web.Response(status=204)

        return [
            web.post("/sms/inbound", _answered(inbound)),
            web.post("/sms/status", _answered(status)),
        ]

    async def _fields(self, request: web.Request) -> dict[str, str]:
        body = await _body(request)
        # Behind a proxy the address that was signed is the public one, not the one we see.
        base = self.options.public_url or f"{request.scheme}://{request.host}"
        found = fields_of(
            base + request.raw_path,
            request.content_type,
            body,
            request.headers.get("X-Twilio-Signature", ""),
            self.options.auth_token,
        )
        return dict(found)

    # The sweep -----------------------------------------------------------------------------------

    async def poll(self, accept: Accept, report: Report) -> None:
        """Fetch what no webhook brought, at once and then every few minutes, until cancelled."""
        while True:
            try:
                await self.sweep(accept)
            except ApiUnavailable as error:
                log.warning("the SMS provider's list cannot be read: %s", error)
            except Exception:
                log.exception("the sweep over inbound SMS stumbled")
            await asyncio.sleep(SWEEP_SECONDS)

    async def sweep(self, accept: Accept) -> int:
        """Accept what was listed since the last sweep; returns how many messages were new.

        The first sweep of an account only remembers the hour: what was texted before the city
        began to answer stays unanswered.
        """
        name = f"sms:{self.options.account_sid}:swept"
        kept = await self.memory.mark(name)
        if kept is None:
            await self.memory.set_mark(f"{name}:begun", self.now().isoformat())
            await self.memory.set_mark(name, self.now().isoformat())
            return 0
        since = datetime.fromisoformat(kept)
        begun = datetime.fromisoformat(await self.memory.mark(f"{name}:begun") or kept)
        newest, new = since, 0
        for listing in reversed(await self._arrived(max(since - OVERLAP, begun - SLACK))):
            found = await self._message(listing)
            if found is not None and await _kept(accept, found):
                new += 1
            newest = max(newest, listing.created_at)
        if newest > since:
            await self.memory.set_mark(name, newest.isoformat())
        if new:
            log.warning("%s SMS came while nobody answered the webhook", new)
        return new

    async def _arrived(self, since: datetime) -> list[Listed]:
        """Inbound messages to our number or service since then, newest first."""
        sender = self.options.sender
        service = sender if sender.startswith("MG") else ""
        filters = {"DateSent>": since.strftime("%Y-%m-%dT%H:%M:%SZ")}
        if not service:
            filters["To"] = sender
        return [
            listing
            async for listing in self.api.messages(filters)
            if listing.inbound
            and listing.created_at >= since
            and (not service or listing.service == service)
        ]

    async def _message(self, listing: Listed) -> Inbound | None:
        media: list[tuple[str, str]] = []
        if listing.pictures and listing.media_uri:
            media = await self.api.media(listing.media_uri)
        return message(listing.sid, listing.sender, listing.body, media)


async def _kept(accept: Accept, inbound: Inbound) -> bool:
    """Hand a message to intake; False when it was known. Raises Problem 503."""
    try:
        accepted = await accept(inbound)
    except ContentConflict:
        # The webhook and the list may differ in a blank; the id says that it is the same message.
        return False
    except Exception:
        log.exception("an SMS could not be kept")
        raise Problem(503, "Please try again.") from None
    if not accepted.duplicate:
        log.info("SMS from %s is kept", shortened(inbound.address))
    return not accepted.duplicate


def _answered(handler: Handler) -> Handler:
    async def answered(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except Problem as problem:
            log.info("%s answered %s: %s", request.path, problem.status, problem)
            return web.Response(status=problem.status, text=str(problem))

    return answered


async def _body(request: web.Request) -> bytes:
    """The request's body, up to the limit. Raises Problem 413."""
    body = bytearray()
    if (request.content_length or 0) > MAX_BODY:
        raise Problem(413, "The body is too large.")
    async for chunk in request.content.iter_chunked(16 * 1024):
        body += chunk
        if len(body) > MAX_BODY:
            raise Problem(413, "The body is too large.")
    return bytes(body)


def _plain(text: str) -> str:
    return " ".join(text.split())
