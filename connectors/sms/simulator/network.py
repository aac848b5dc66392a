"""The pretended telephone network: messages, what happens to them, and webhooks to the bot.

A citizen's text goes to the bot as a signed webhook; the bot's message goes through the states that
a provider reports. `Switches` make it misbehave in the ways that real providers do.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timezone
from email.utils import format_datetime
from typing import Any, Literal, get_args

import aiohttp
from twilio.request_validator import RequestValidator

from connectors.sms.segments import size

log = logging.getLogger(__name__)
VERSION = "2010-04-01"
ACCOUNT_SID = "AC00000000000000000000000000000000"
AUTH_TOKEN = "only-for-the-simulator"  # noqa: S105 - guards nothing
CITY_NUMBER = "+15005550006"
WEBHOOK_SECONDS = 15.0

# Twilio's own test numbers and what it answers to them:
# https://www.twilio.com/docs/iam/test-credentials
FAILING_NUMBERS = {
    "+15005550001": (21211, "is not a valid phone number"),
    "+15005550002": (21612, "cannot be reached from this sender"),
    "+15005550003": (21408, "is in a region that is not enabled"),
    "+15005550004": (21610, "has opted out"),
    "+15005550009": (21614, "is not a mobile number"),
}

AnswerKind = Literal[
    "accept", "throttle", "stopped", "timeout", "error500", "error500_taken", "error503"
]
Fate = Literal["delivered", "filtered", "unreachable", "lost"]
Order = Literal["in order", "reversed", "lost"]
FATES: dict[str, int] = {"filtered": 30007, "unreachable": 30003}


class Refusal(Exception):
    """An error as the Messages API answers it."""

    def __init__(self, status: int, code: int, message: str, retry_after: int = 0) -> None:
        super().__init__(message)
        self.status, self.code, self.retry_after = status, code, retry_after


@dataclass
class Switches:
    """How the network behaves. The defaults are a good day."""

    answer: AnswerKind = "accept"
    fate: Fate = "delivered"
    callbacks: Order = "in order"
    redeliver: int = 0
    lose_inbound: bool = False
    delay: float = 0.0

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Set some switches. Raises ValueError for a value that a switch does not have."""
        allowed = {"answer": AnswerKind, "fate": Fate, "callbacks": Order}
        known = {f.name for f in fields(self)}
        for name, value in wanted.items():
            if name not in known:
                raise ValueError(f"there is no switch {name}")
            if name in allowed and value not in get_args(allowed[name]):
                raise ValueError(f"{name} cannot be {value}")
            if name == "lose_inbound" and not isinstance(value, bool):
                raise ValueError("lose_inbound is true or false")
            if name in ("redeliver", "delay") and not 0 <= float(value) <= 100:
                raise ValueError(f"{name} is from 0 to 100")
        for name, value in wanted.items():
            kind = {"redeliver": int, "delay": float}.get(name)
            setattr(self, name, kind(value) if kind else value)


@dataclass
class Picture:
    sid: str
    media_type: str
    data: bytes


@dataclass
class Text:
    """One SMS, either way."""

    sid: str
    direction: Literal["inbound", "outbound-api"]
    sender: str
    to: str
    body: str
    status: str
    created_at: datetime
    sent_at: datetime | None = None
    error_code: int | None = None
    service: str | None = None
    callback: str = ""
    pictures: list[Picture] = field(default_factory=list)
    webhook: str = ""
    """What the bot answered, in words for the page."""


class Network:
    """Messages of one account, newest last, and those who wait for news of them."""

    def __init__(
        self,
        bot_url: str = "",
        account_sid: str = ACCOUNT_SID,
        auth_token: str = AUTH_TOKEN,
        number: str = CITY_NUMBER,
        clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self.bot_url = bot_url
        self.account_sid = account_sid
        self.auth_token = auth_token
        self.number = number
        self.clock = clock
        self.api_url = ""
        self.switches = Switches()
        self.texts: list[Text] = []
        self.revision = 0
        self.account_status = "active"
        self.closing = asyncio.Event()
        self._news = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=WEBHOOK_SECONDS),
            connector=aiohttp.TCPConnector(limit=20),
        )

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def settle(self) -> None:
        """Wait until every webhook and report that is under way has been posted."""
        while self._tasks:
            await asyncio.gather(*list(self._tasks), return_exceptions=True)

    # A citizen's text ----------------------------------------------------------------------------

    async def text(
        self, sender: str, body: str, pictures: Sequence[tuple[str, bytes]] = ()
    ) -> Text:
        """A citizen sends something; its webhooks follow by themselves."""
        now = self.clock()
        sent = Text(
            sid=("MM" if pictures else "SM") + secrets.token_hex(16),
            direction="inbound",
            sender=sender,
            to=self.number,
            body=body,
            status="received",
            created_at=now,
            sent_at=now,
            pictures=[Picture("ME" + secrets.token_hex(16), kind, data) for kind, data in pictures],
        )
        self.texts.append(sent)
        if self.switches.lose_inbound:
            sent.webhook = "lost on the way"
        else:
            self._later(self._bring(sent, 1 + self.switches.redeliver))
        await self.changed()
        return sent

    async def _bring(self, sent: Text, times: int) -> None:
        await asyncio.sleep(self.switches.delay)
        posts = (self.post(f"{self.bot_url}/sms/inbound", self.fields(sent)) for _ in range(times))
        answers = await asyncio.gather(*posts)
        sent.webhook = answers[0] if times == 1 else f"{answers[0]}, {times} times"
        await self.changed()

    def fields(self, sent: Text) -> dict[str, str]:
        """The form of an inbound webhook."""
        found = {
            "ToCountry": "US",
            "SmsMessageSid": sent.sid,
            "NumMedia": str(len(sent.pictures)),
            "SmsSid": sent.sid,
            "SmsStatus": "received",
            "Body": sent.body,
            "FromCountry": "NL",
            "To": sent.to,
            "NumSegments": str(size(sent.body).segments),
            "MessageSid": sent.sid,
            "AccountSid": self.account_sid,
            "From": sent.sender,
            "ApiVersion": VERSION,
        }
        for n, picture in enumerate(sent.pictures):
            found[f"MediaUrl{n}"] = self.api_url + self.media_uri(sent, picture)
            found[f"MediaContentType{n}"] = picture.media_type
        return found

    # The bot's message ---------------------------------------------------------------------------

    def take(self, form: Mapping[str, str]) -> Text:
        """Accept a message of the bot. Raises Refusal."""
        to, body = form.get("To", ""), form.get("Body", "")
        if to in FAILING_NUMBERS:
            code, what = FAILING_NUMBERS[to]
            raise Refusal(400, code, f"The number {to} {what}.")
        if not to.startswith("+") or not to[1:].isdigit():
            raise Refusal(400, 21211, f"The 'To' number {to} is not a valid phone number.")
        if not body:
            raise Refusal(400, 21602, "Message body is required.")
        if len(body) > 1600:
            raise Refusal(400, 21617, "The message body exceeds the 1600 character limit.")
        service = form.get("MessagingServiceSid")
        if not service and form.get("From") != self.number:
            raise Refusal(400, 21659, "'From' is not a number of this account.")
        taken = Text(
            sid="SM" + secrets.token_hex(16),
            direction="outbound-api",
            sender=self.number,
            to=to,
            body=body,
            status="queued",
            created_at=self.clock(),
            service=service,
            callback=form.get("StatusCallback", ""),
        )
        self.texts.append(taken)
        return taken

    def deliver(self, taken: Text) -> None:
        """Let a taken message go its way; reports follow by themselves."""
        self._later(self._deliver(taken))

    async def _deliver(self, taken: Text) -> None:
        await asyncio.sleep(self.switches.delay)
        fate, order = self.switches.fate, self.switches.callbacks
        taken.status, taken.sent_at = "sent", self.clock()
        reports = [self._report(taken)]
        if fate != "lost":
            taken.error_code = FATES.get(fate)
            taken.status = "undelivered" if taken.error_code else "delivered"
            reports.append(self._report(taken))
        await self.changed()
        if order == "lost" or not taken.callback:
            return
        for report in reversed(reports) if order == "reversed" else reports:
            taken.webhook = await self.post(taken.callback, report)
        await self.changed()

    def _report(self, taken: Text) -> dict[str, str]:
        report = {
            "SmsSid": taken.sid,
            "SmsStatus": taken.status,
            "MessageStatus": taken.status,
            "To": taken.to,
            "MessageSid": taken.sid,
            "AccountSid": self.account_sid,
            "From": taken.sender,
            "ApiVersion": VERSION,
        }
        return report | ({"ErrorCode": str(taken.error_code)} if taken.error_code else {})

    # What both share -----------------------------------------------------------------------------

    async def post(self, url: str, form: Mapping[str, str]) -> str:
        """Post a signed webhook; returns the bot's answer in words."""
        assert self._session is not None
        signature = RequestValidator(self.auth_token).compute_signature(url, form)
        headers = {"X-Twilio-Signature": signature, "User-Agent": "TwilioProxy/1.1"}
        try:
            async with self._session.post(url, data=form, headers=headers) as response:
                await response.read()
                said = "taken" if response.status < 300 else "refused"
                return f"{said} ({response.status})"
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            log.warning("the bot at %s gives no answer: %s", url, type(error).__name__)
            return "no answer from the bot"

    def _later(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def changed(self) -> None:
        self.revision += 1
        async with self._news:
            self._news.notify_all()

    async def news(self, revision: int, seconds: float) -> None:
        """Wait until there is something newer than `revision`, or the time is up."""
        with contextlib.suppress(asyncio.TimeoutError):
            async with self._news:
                await asyncio.wait_for(
                    self._news.wait_for(lambda: self.revision != revision or self.closing.is_set()),
                    seconds,
                )

    def media_uri(self, text: Text, picture: Picture) -> str:
        return f"{self._uri(text)}/Media/{picture.sid}"

    def _uri(self, text: Text) -> str:
        return f"/{VERSION}/Accounts/{self.account_sid}/Messages/{text.sid}"

    def resource(self, text: Text) -> dict[str, Any]:
        """A message as the API shows it."""
        return {
            "account_sid": self.account_sid,
            "api_version": VERSION,
            "body": text.body,
            "date_created": format_datetime(text.created_at),
            "date_sent": format_datetime(text.sent_at) if text.sent_at else None,
            "date_updated": format_datetime(text.sent_at or text.created_at),
            "direction": text.direction,
            "error_code": text.error_code,
            "error_message": None,
            "from": text.sender,
            "messaging_service_sid": text.service,
            "num_media": str(len(text.pictures)),
            "num_segments": str(size(text.body).segments),
            "price": None,
            "price_unit": "USD",
            "sid": text.sid,
            "status": text.status,
            "subresource_uris": {"media": f"{self._uri(text)}/Media.json"},
            "to": text.to,
            "uri": f"{self._uri(text)}.json",
        }
