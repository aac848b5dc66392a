"""A client of one GeoReport v2 endpoint. What it does not understand it does not believe.

A post ends in an outcome: made, with an id or a token; refused; not sent at all; or unclear, when
nobody can say whether they have it. Answers are read up to a limit, XML without entities.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote
from xml.etree.ElementTree import Element, ParseError

import aiohttp
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from bot.open311.documents import JSON, moment
from bot.open311.endpoints import Endpoint, Target

log = logging.getLogger(__name__)
MAX_ANSWER = 2 * 1024 * 1024
SECONDS = 20.0
Verdict = Literal["id", "token", "refused", "later", "unclear"]
_ID = re.compile(r"[A-Za-z0-9_:-][A-Za-z0-9_.:-]{0,199}")


@dataclass(frozen=True)
class Outcome:
    """What became of a post. `code` says why; `after` seconds they asked us to wait."""

    verdict: Verdict
    value: str = ""
    code: str = ""
    after: float = 0.0


@dataclass(frozen=True)
class Remote:
    """A request as they show it."""

    id: str
    status: str
    notes: str
    description: str


class Unreadable(Exception):
    """No answer, or one that cannot be used."""


class GeoReportClient:
    """See the module. `seconds` for one whole call."""

    def __init__(self, endpoint: Endpoint, seconds: float = SECONDS) -> None:
        self.endpoint = endpoint
        self.seconds = seconds
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                # A kept connection that just closed would look like a post that broke half way.
                connector=aiohttp.TCPConnector(force_close=True),
                timeout=aiohttp.ClientTimeout(total=self.seconds, connect=min(5.0, self.seconds)),
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _url(self, path: str) -> str:
        return f"{self.endpoint.url}/{path}.{self.endpoint.format}"

    async def post(self, fields: Mapping[str, str], target: Target, once: str) -> Outcome:
        """Send a request; `once` is the same in every try."""
        form = {
            **fields,
            **{f"attribute[{code}]": value for code, value in target.attributes.items()},
            "service_code": target.code,
            "api_key": self.endpoint.api_key.get_secret_value(),
        }
        if self.endpoint.jurisdiction:
            form["jurisdiction_id"] = self.endpoint.jurisdiction
        headers = {"Idempotency-Key": once}
        try:
            async with self.session.post(
                self._url("requests"), data=form, headers=headers, allow_redirects=False
            ) as response:
                return await self._outcome(response)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return Outcome("later", code=type(error).__name__)  # they never got a word of it
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            return Outcome("unclear", code=type(error).__name__)

    async def _outcome(self, response: aiohttp.ClientResponse) -> Outcome:
        status = response.status
        if status == 429:
            wait = response.headers.get("Retry-After", "")
            return Outcome("later", code="429", after=float(wait) if wait.isdigit() else 60.0)
        if 400 <= status < 500 and status != 408:
            return Outcome("refused", code=f"{status} {await self._complaint(response)}".strip())
        if status not in (200, 201, 202):
            return Outcome("unclear", code=str(status))
        try:
            found = self._objects(await _read(response), "service_requests", "request")
        except Unreadable as error:
            return Outcome("unclear", code=str(error))
        first = found[0] if found else {}
        for name, verdict in (("service_request_id", "id"), ("token", "token")):
            value = str(first.get(name) or "").strip()
            if value and _ID.fullmatch(value):
                return Outcome("id" if verdict == "id" else "token", value)
        return Outcome("unclear", code="neither id nor token")

    async def _complaint(self, response: aiohttp.ClientResponse) -> str:
        try:
            found = self._objects(await _read(response), "errors", "error")
        except Unreadable:
            return ""
        return " ".join(str(e.get("description") or "") for e in found)[:70]

    async def resolve(self, token: str) -> str | None:
        """The id that a token has become; None when there is none yet. Raises Unreadable."""
        found = await self._get(f"tokens/{quote(token, safe='')}", {})
        for entry in found:
            value = str(entry.get("service_request_id") or "").strip()
            if str(entry.get("token") or token) == token and _ID.fullmatch(value):
                return value
        return None

    async def show(self, remote_id: str) -> Remote | None:
        """The request with this id; None when they show no such request. Raises Unreadable."""
        found = await self._get(f"requests/{quote(remote_id, safe='')}", {})
        return next((r for r in map(_remote, found) if r.id == remote_id), None)

    async def look_up(self, mark: str, code: str, since: datetime, until: datetime) -> str | None:
        """The id of a request of theirs whose description holds `mark`. Raises Unreadable."""
        query = {
            "service_code": code,
            "start_date": moment(since),
            "end_date": moment(until),
        }
        found = await self._get("requests", query)
        word = re.compile(rf"(?<!\w){re.escape(mark)}(?!\w)")
        ids = {r.id for r in map(_remote, found) if word.search(r.description) and r.id}
        return ids.pop() if len(ids) == 1 else None

    async def _get(self, path: str, query: dict[str, str]) -> list[dict[str, Any]]:
        if self.endpoint.jurisdiction:
            query = {**query, "jurisdiction_id": self.endpoint.jurisdiction}
        try:
            async with self.session.get(
                self._url(path), params=query, allow_redirects=False
            ) as response:
                if response.status == 404:
                    return []
                if response.status != 200:
                    raise Unreadable(str(response.status))
                return self._objects(await _read(response), "service_requests", "request")
        except (aiohttp.ClientError, asyncio.TimeoutError, ValueError) as error:
            raise Unreadable(type(error).__name__) from None

    def _objects(self, body: bytes, root: str, item: str) -> list[dict[str, Any]]:
        """The objects of a document. Raises Unreadable."""
        if self.endpoint.format != JSON:
            return _of_xml(body, root, item)
        try:
            data = json.loads(body.decode("utf-8"))
        except (ValueError, RecursionError):
            raise Unreadable("not JSON") from None
        if isinstance(data, dict):
            data = data.get(root, data)
        data = data if isinstance(data, list) else [data]
        if not all(isinstance(entry, dict) for entry in data):
            raise Unreadable("not a list of objects")
        return data


def _of_xml(body: bytes, root: str, item: str) -> list[dict[str, Any]]:
    try:
        top: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise Unreadable("not XML") from None
    if top.tag != root:
        raise Unreadable("another document")
    return [{child.tag: child.text or "" for child in entry} for entry in top.findall(item)]


def _remote(entry: Mapping[str, Any]) -> Remote:
    return Remote(
        str(entry.get("service_request_id") or "").strip(),
        str(entry.get("status") or "").strip().lower()[:20],
        str(entry.get("status_notes") or "").strip()[:1000],
        str(entry.get("description") or ""),
    )


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(64 * 1024):
        body += chunk
        if len(body) > MAX_ANSWER:
            raise Unreadable("too long")
    return bytes(body)
