"""Twilio's Messages API over HTTP: create a message, list messages, fetch the account.

The twilio package's own client blocks, and the answer of its asynchronous one does not tell a
connection that never came about from one that broke half way, which decides here whether a message
may be sent again. A call that got no usable answer raises `ApiUnavailable`, except for a send,
which always ends in a receipt.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from bot.channel import FileUnavailable
from bot.messages import Later, Receipt, Refused, Sent, Unclear
from connectors.sms.errors import receipt_of
from connectors.sms.parse import Listed, listed

log = logging.getLogger(__name__)
VERSION = "2010-04-01"
MAX_PAGES = 50
CONNECT_AGAIN_SECONDS = 20.0
MAX_REDIRECTS = 3
MEDIA_HOSTS = (".twilio.com", ".twiliocdn.com", ".amazonaws.com")
"""Where Twilio keeps media: an answer of its own API names the place, signed for a short while."""
_SENT_ON = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class SmsOptions:
    """What a city sets for SMS. `sender` is a number in E.164 or a messaging service (MG...)."""

    account_sid: str
    auth_token: str
    sender: str
    api_url: str = "https://api.twilio.com"
    public_url: str = ""
    timeout_seconds: float = 30.0


class ApiUnavailable(Exception):
    """The provider gave no answer that can be used; `status` is 0 without any."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class TwilioApi:
    """One account."""

    def __init__(self, options: SmsOptions) -> None:
        self.options = options
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                # A kept connection that the other side has just closed would look like a send that
                # broke half way; a new one each time keeps unclear sends rare.
                connector=aiohttp.TCPConnector(force_close=True),
                timeout=aiohttp.ClientTimeout(total=self.options.timeout_seconds, connect=10),
                headers={
                    "Authorization": aiohttp.encode_basic_auth(
                        self.options.account_sid, self.options.auth_token
                    )
                },
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def create(self, to: str, text: str, status_callback: str) -> Receipt:
        """Send a message."""
        form = {"To": to, "Body": text}
        sender = self.options.sender
        form["MessagingServiceSid" if sender.startswith("MG") else "From"] = sender
        if status_callback:
            form["StatusCallback"] = status_callback
        try:
            async with self.session.post(
                self._url("Messages.json"), data=form, allow_redirects=False
            ) as response:
                return await _receipt(response)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            log.warning("the SMS provider cannot be reached: %s", type(error).__name__)
            return Later(CONNECT_AGAIN_SECONDS, "no_connection")  # it never got a word of it
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            return Unclear(type(error).__name__)

    async def messages(self, filters: Mapping[str, str]) -> AsyncIterator[Listed]:
        """Messages that pass the API's filters, newest first, page after page."""
        url: str | None = self._url("Messages.json")
        query: dict[str, str] | None = {"PageSize": "100", **filters}
        for _ in range(MAX_PAGES):
            if not url:
                return
            page = await self._get(url, query)
            for entry in page.get("messages") or ():
                try:
                    found = listed(entry)
                except ValueError as error:
                    log.warning("the list of messages has an entry that cannot be read: %s", error)
                    continue
                yield found
            following = page.get("next_page_uri")
            url, query = (self._within(following) if following else None), None
        log.warning("more messages are listed than %s pages hold", MAX_PAGES)

    async def media(self, uri: str) -> list[tuple[str, str]]:
        """(address, media type) of the media of one message."""
        page = await self._get(self._within(uri), None)
        return [
            (self._within(str(m["uri"]).removesuffix(".json")), str(m.get("content_type") or ""))
            for m in page.get("media_list") or ()
        ]

    async def picture(self, address: str, limit: int) -> bytes:
        """The content of a medium, at most `limit` bytes. Raises FileUnavailable.

        The address must be on the provider's own server, and only that server sees our password. It
        may send us on to where it keeps its media
        (https://www.twilio.com/docs/messaging/api/media-resource), and nowhere else.
        """
        if not address.startswith(f"{self.options.api_url}/{VERSION}/Accounts/"):
            raise FileUnavailable("not_the_provider")
        try:
            async with self.session.get(address, allow_redirects=False) as response:
                if response.status not in _SENT_ON:
                    return await _content(response, limit)
                address = urljoin(address, response.headers.get("Location", ""))
            for _ in range(MAX_REDIRECTS):
                if not _keeps_media(address, self.options.api_url):
                    log.warning("the SMS provider sends us on to a server that it does not have")
                    raise FileUnavailable("not_the_provider")
                async with aiohttp.ClientSession(timeout=self.session.timeout) as stranger:
                    async with stranger.get(address, allow_redirects=False) as response:
                        if response.status not in _SENT_ON:
                            return await _content(response, limit)
                        address = urljoin(address, response.headers.get("Location", ""))
        except (aiohttp.ClientError, asyncio.TimeoutError, ValueError) as error:
            raise FileUnavailable(type(error).__name__, again=True) from error
        raise FileUnavailable("redirects")

    async def account(self) -> Mapping[str, Any]:
        """The account; its `status` is active, suspended or closed."""
        url = f"{self.options.api_url}/{VERSION}/Accounts/{self.options.account_sid}.json"
        return await self._get(url, None)

    async def _get(self, url: str, query: Mapping[str, str] | None) -> Mapping[str, Any]:
        try:
            async with self.session.get(url, params=query, allow_redirects=False) as response:
                if response.status != 200:
                    raise ApiUnavailable(f"HTTP {response.status}", response.status)
                data = await response.json(content_type=None)
        except (aiohttp.ClientError, asyncio.TimeoutError, ValueError) as error:
            raise ApiUnavailable(type(error).__name__) from error
        if not isinstance(data, dict):
            raise ApiUnavailable("not a JSON object")
        return data

    def _url(self, resource: str) -> str:
        return f"{self.options.api_url}/{VERSION}/Accounts/{self.options.account_sid}/{resource}"

    def _within(self, uri: str) -> str:
        """An address on the provider's server; what it lists never leads elsewhere."""
        url = urljoin(f"{self.options.api_url}/", uri)
        if not url.startswith(f"{self.options.api_url}/"):
            raise ApiUnavailable("a listed address is not the provider's")
        return url


def _keeps_media(address: str, api_url: str) -> bool:
    """Whether media may lie there: the provider's servers over TLS, or the configured one."""
    try:
        url = URL(address)  # read as the client reads it, so that both see the same host
    except ValueError:
        return False
    if url.user is not None or url.password is not None or "\\" in address:
        return False
    if url.is_absolute() and url.origin() == URL(api_url).origin():
        return True
    return url.scheme == "https" and url.port == 443 and (url.host or "").endswith(MEDIA_HOSTS)


async def _content(response: aiohttp.ClientResponse, limit: int) -> bytes:
    if response.status != 200:
        again = response.status >= 500 or response.status in (408, 425, 429)
        gone = response.status in (404, 410)
        raise FileUnavailable("gone" if gone else f"status {response.status}", again)
    content = bytearray()
    async for chunk in response.content.iter_chunked(64 * 1024):
        content += chunk
        if len(content) > limit:  # whatever length was announced
            raise FileUnavailable("too_large")
    return bytes(content)


async def _receipt(response: aiohttp.ClientResponse) -> Receipt:
    try:
        data = await response.json(content_type=None)
    except ValueError:
        data = None
    fields: Mapping[str, Any] = data if isinstance(data, dict) else {}
    if response.status in (200, 201):
        if fields.get("status") == "failed":
            return Refused(f"twilio_{fields.get('error_code')}")
        return Sent(str(fields.get("sid") or ""))
    code = fields.get("code")
    return receipt_of(
        response.status,
        code if isinstance(code, int) else None,
        _seconds(response.headers.get("Retry-After", "")),
    )


def _seconds(value: str) -> float | None:
    return float(value) if value.isascii() and value.isdigit() and len(value) < 6 else None
