"""The GeoReport v2 server under `/open311/v2`: services, requests, posts, tokens, discovery.

A post is answered after its ticket is committed. Every answer, errors included, comes in the format
that the address ends with. Who may read what is said in `publishing`.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from aiohttp import web

from bot.civic.areas import Area, AreaHit, Street
from bot.civic.tickets import CLOSED, NewTicket, State, find_reference
from bot.open311.documents import JSON, MEDIA_TYPES, XML, error, moment, read_moment, written
from bot.open311.posting import Fields, Invalid, Post, read_post
from bot.open311.publishing import SOURCE, Publisher
from bot.store.open311 import Open311Register, OtherContent, Sought

log = logging.getLogger(__name__)
BASE = "/open311/v2"
SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
CHANGESET = "2026-11-24T00:00:00Z"
SPAN = timedelta(days=90)
MOST = 1000
"""Days and requests of one answer: the standard's default query limit."""
MAX_IDS = 100
MAX_BODY = 64 * 1024
FORMAT = "{format:xml|json}"
Handler = Callable[[web.Request], Awaitable[web.Response]]


class Limit(Protocol):
    def hit(self, key: str) -> float:
        """Count an event; 0, or the seconds to wait."""
        ...


class Finder(Protocol):
    """Where a position is."""

    def area(self, code: str) -> Area | None: ...
    def area_at(self, lat: float, lon: float) -> AreaHit | None: ...
    def inside_city(self, lat: float, lon: float) -> bool: ...
    def nearest_street(self, lat: float, lon: float) -> tuple[Street, float] | None: ...


class Fault(Exception):
    """An answer in the standard's form of errors."""

    def __init__(self, status: int, *descriptions: str, retry_after: int = 0) -> None:
        super().__init__("; ".join(descriptions))
        self.status = status
        self.errors = [entry for text in descriptions for entry in error(status, text)]
        self.retry_after = retry_after


@dataclass(frozen=True)
class Open311Options:
    """What a city sets. `region` is its country, for telephone numbers without a prefix."""

    jurisdiction: str
    public_url: str
    contact: str
    region: str = "NL"


class Open311Server:
    """See the module."""

    def __init__(
        self,
        register: Open311Register,
        publisher: Publisher,
        finder: Callable[[], Finder],
        options: Open311Options,
        posts: Limit,
        reads: Limit,
    ) -> None:
        self.register = register
        self.publisher = publisher
        self.finder = finder
        self.options = options
        self.posts = posts
        self.reads = reads

    def routes(self) -> list[web.AbstractRouteDef]:
        """The addresses of the standard."""
        reading: dict[str, Handler] = {
            f"/discovery.{FORMAT}": self.discovery,
            f"/services.{FORMAT}": self.services,
            f"/services/{{code:[^/]+}}.{FORMAT}": self.definition,
            f"/requests.{FORMAT}": self.requests,
            f"/requests/{{id:[^/]+}}.{FORMAT}": self.request,
            f"/tokens/{{id:[^/]+}}.{FORMAT}": self.token,
        }
        made: list[web.AbstractRouteDef] = [
            web.get(BASE + path, self._answered(handler, self.reads))
            for path, handler in reading.items()
        ]
        made.append(web.post(f"{BASE}/requests.{FORMAT}", self._answered(self.post, None)))
        return made

    def _answered(self, handler: Handler, limit: Limit | None) -> Handler:
        """The handler's answer, or its fault in the same format."""

        @functools.wraps(handler)
        async def answered(request: web.Request) -> web.Response:
            try:
                wait = limit.hit(request.remote or "") if limit else 0.0
                if wait:
                    raise _too_many(wait)
                self._jurisdiction(request.query.get("jurisdiction_id", ""))
                response = await handler(request)
            except Fault as fault:
                response = _document(request, "errors", fault.errors, fault.status)
                if fault.retry_after:
                    response.headers["Retry-After"] = str(fault.retry_after)
            except Exception:
                log.exception("Open311 %s %s failed", request.method, request.path)
                response = _document(request, "errors", error(500, "Something went wrong."), 500)
            response.headers["Access-Control-Allow-Origin"] = "*"  # public data, no cookies
            response.headers["Cache-Control"] = "no-store"
            return response

        return answered

    def _jurisdiction(self, given: str) -> None:
        if given and self.options.jurisdiction and given != self.options.jurisdiction:
            raise Fault(404, "jurisdiction_id was not found")

    # Reading -------------------------------------------------------------------------------------

    async def discovery(self, request: web.Request) -> web.Response:
        base = self.options.public_url or f"{request.scheme}://{request.host}"
        found = {
            "changeset": CHANGESET,
            "contact": self.options.contact,
            "key_service": self.options.contact,
            "endpoints": [
                {
                    "specification": SPECIFICATION,
                    "url": base + BASE,
                    "changeset": CHANGESET,
                    "type": "production",
                    "formats": list(MEDIA_TYPES.values()),
                }
            ],
        }
        return _document(request, "discovery", found)

    async def services(self, request: web.Request) -> web.Response:
        listed = [self.publisher.service(one) for one in self.publisher.services.values()]
        return _document(request, "services", listed)

    async def definition(self, request: web.Request) -> web.Response:
        service = self.publisher.services.get(request.match_info["code"])
        if service is None:
            raise Fault(404, "service_code was not found")
        return _document(request, "service_definition", self.publisher.definition(service))

    async def requests(self, request: web.Request) -> web.Response:
        services = self.publisher.services
        if wanted := _list(request.query, "service_request_id"):
            if len(wanted) > MAX_IDS:
                raise Fault(400, f"at most {MAX_IDS} service_request_id at once")
            found = await asyncio.to_thread(self.register.by_reference, wanted, services)
        else:
            page = _whole(request.query, "page", 1, 1_000_000)
            size = _whole(request.query, "page_size", MOST, MOST)
            sought = self._sought(request.query)
            found = await asyncio.to_thread(self.register.search, sought, page, size)
        listed = [self.publisher.request(ticket) for ticket in found]
        return _document(request, "service_requests", listed)

    def _sought(self, query: Mapping[str, str]) -> Sought:
        codes = _list(query, "service_code")
        states = _list(query, "status")
        if not set(states) <= {"open", "closed"}:
            raise Fault(400, "status must be open or closed")
        times = {}
        for name in ("start_date", "end_date"):
            if query.get(name):
                try:
                    times[name] = read_moment(query[name])
                except (ValueError, OverflowError):
                    raise Fault(400, f"{name} must be a time such as {moment_now()}") from None
        now = self.register.clock() + timedelta(seconds=1)
        start, end = times.get("start_date"), times.get("end_date")
        try:
            since = start or (end or now) - SPAN
            until = end or min(now, since + SPAN) if start else end or now
        except OverflowError:
            raise Fault(400, "start_date and end_date must be of our time") from None
        if until - since > SPAN:
            raise Fault(400, "start_date and end_date may not span more than 90 days")
        known = self.publisher.services
        wanted = [s.value for s in State if ("closed" if s in CLOSED else "open") in states]
        return Sought([c for c in codes or known if c in known], wanted, since, until)

    async def request(self, request: web.Request) -> web.Response:
        wanted = [request.match_info["id"]]
        found = await asyncio.to_thread(self.register.by_reference, wanted, self.publisher.services)
        if not found:
            raise Fault(404, "service_request_id was not found")
        return _document(request, "service_requests", [self.publisher.request(found[0])])

    async def token(self, request: web.Request) -> web.Response:
        """We make requests at once, so a token is the request's id."""
        token = request.match_info["id"]
        found = await asyncio.to_thread(
            self.register.by_reference, [token], self.publisher.services
        )
        if not found or find_reference(token) != token:
            raise Fault(404, "token_id was not found")
        listed = [{"service_request_id": found[0].reference, "token": token}]
        return _document(request, "service_requests", listed)

    # Posting -------------------------------------------------------------------------------------

    async def post(self, request: web.Request) -> web.Response:
        fields = await _fields(request)
        self._jurisdiction(next(iter(fields.get("jurisdiction_id", ())), ""))
        key = next(iter(fields.get("api_key", ())), "")
        sender = await self.register.sender(key) if 20 <= len(key) <= 200 else None
        if sender is None:
            raise Fault(403, "api_key is missing or not valid")
        wait = self.posts.hit(str(sender))
        if wait:
            raise _too_many(wait)
        once = request.headers.get("Idempotency-Key", "")
        if len(once) > 200:
            raise Fault(400, "Idempotency-Key is longer than 200 characters")
        post = self._read(fields)
        new = await asyncio.to_thread(self._ticket, post)
        try:
            ticket, is_new = await asyncio.to_thread(
                self.register.open, sender, new, post.fingerprint(), once
            )
        except OtherContent:
            raise Fault(400, "Idempotency-Key was used for another request before") from None
        if is_new and post.media_url:
            note = f"media_url: {post.media_url}"
            await asyncio.to_thread(self.register.tickets.note, ticket.reference, note, SOURCE)
        listed = [
            {
                "service_request_id": ticket.reference,
                "service_notice": None,
                "account_id": None,
            }
        ]
        return _document(request, "service_requests", listed, 201)

    def _read(self, fields: Fields) -> Post:
        known = self.publisher
        try:
            return read_post(fields, known.services, known.language, self.options.region)
        except KeyError as unknown:
            service = known.catalogue.get(str(unknown.args[0]))
            if service is not None:
                raise Fault(400, "this cannot wait for a request: tell people to call") from None
            raise Fault(404, "service_code was not found") from None
        except Invalid as invalid:
            raise Fault(400, *invalid.faults) from None

    def _ticket(self, post: Post) -> NewTicket:
        """The request as any other: its street and area by the city's own map."""
        area_code, street = None, None
        if post.lat is not None and post.lon is not None:
            finder = self.finder()
            if not finder.inside_city(post.lat, post.lon):
                raise Fault(400, "lat and long are outside the city")
            hit = finder.area_at(post.lat, post.lon)
            nearest = finder.nearest_street(post.lat, post.lon)
            area_code = hit.area.code if hit else None
            street = nearest[0].name if nearest else None
        return NewTicket(
            request_key="",
            conversation=None,
            service=post.service.code,
            desk=post.service.desk,
            language=self.publisher.language,
            place=post.address or street or "",
            place_known=post.lat is not None,
            details=post.details,
            contact=post.contact or None,
            area_code=area_code,
            lat=post.lat,
            lon=post.lon,
            street=street,
            source=SOURCE,
        )


def moment_now() -> str:
    """An example of a time."""
    return moment(read_moment(CHANGESET))


def _document(request: web.Request, root: str, content: Any, status: int = 200) -> web.Response:
    kind = XML if request.match_info.get("format") == XML else JSON
    return web.Response(
        body=written(kind, root, content),
        status=status,
        content_type=MEDIA_TYPES[kind],
        charset="utf-8",
    )


def _too_many(wait: float) -> Fault:
    return Fault(429, "too many requests", retry_after=math.ceil(wait))


def _list(query: Mapping[str, str], name: str) -> list[str]:
    return [part.strip() for part in query.get(name, "").split(",") if part.strip()]


def _whole(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,7}", text) or not 1 <= int(text) <= most:
        raise Fault(400, f"{name} must be a whole number from 1 to {most}")
    return int(text)


async def _fields(request: web.Request) -> dict[str, list[str]]:
    """All values by name, of the address and of the form. Raises Fault."""
    if (request.content_length or 0) > MAX_BODY:
        raise Fault(400, "the body is too large")
    if request.content_type not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        raise Fault(400, "the body must be a form (application/x-www-form-urlencoded)")
    if (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise Fault(400, "the body must be in UTF-8")
    fields: dict[str, list[str]] = {name: [value] for name, value in request.query.items()}
    try:
        form = await request.post()
    except web.HTTPRequestEntityTooLarge:
        raise Fault(400, "the body is too large") from None
    except (ValueError, LookupError, AssertionError):
        raise Fault(400, "the body is not a form in UTF-8") from None
    for name in form:
        fields[name] = [value for value in form.getall(name) if isinstance(value, str)]
    return fields
