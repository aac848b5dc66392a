"""The simulator's HTTP: Twilio's Messages API for the bot, and a page with telephones for people.

It listens on this machine alone unless told otherwise: whoever reaches the page can read and send
every message.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from connectors.sms.parse import e164
from connectors.sms.segments import size
from connectors.sms.simulator.network import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    CITY_NUMBER,
    VERSION,
    Network,
    Refusal,
    Text,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
FOLDER = Path(__file__).resolve().parent
PAGE = {"/": "page.html", "/page.css": "page.css", "/page.js": "page.js"}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; "
    "base-uri 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
WAIT_SECONDS = 20.0
MAX_PICTURE = 5 * 1024 * 1024
"""Twilio's limit for one MMS."""
NETWORK = web.AppKey("network", Network)


def simulator(network: Network) -> web.Application:
    """The application around one network."""
    api = f"/{VERSION}/Accounts/{{account}}"
    server = Server(network)
    app = web.Application(client_max_size=2 * MAX_PICTURE)
    app[NETWORK] = network
    app.cleanup_ctx.append(_opened)
    app.on_shutdown.append(_closing)
    app.add_routes(
        [
            web.post(f"{api}/Messages.json", server.known(server.create)),
            web.get(f"{api}/Messages.json", server.known(server.list)),
            web.get(f"{api}/Messages/{{sid}}.json", server.known(server.fetch)),
            web.get(f"{api}/Messages/{{sid}}/Media.json", server.known(server.media_list)),
            web.get(f"{api}/Messages/{{sid}}/Media/{{media}}", server.known(server.media)),
            web.get(f"{api}.json", server.known(server.account)),
            web.get("/phone/state", server.state),
            web.get("/phone/pictures/{media}", server.picture),
            web.post("/phone/send", server.send),
            web.post("/phone/count", server.count),
            web.post("/phone/switches", server.change),
            *(web.get(path, _file(FOLDER / name)) for path, name in PAGE.items()),
        ]
    )
    return app


async def run(
    host: str = "127.0.0.1",
    port: int = 8092,
    bot_url: str = "http://127.0.0.1:8080",
    account_sid: str = ACCOUNT_SID,
    auth_token: str = AUTH_TOKEN,
    number: str = CITY_NUMBER,
    ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve until cancelled; `ready` hears the page's address."""
    network = Network(bot_url.rstrip("/"), account_sid, auth_token, number)
    runner = web.AppRunner(simulator(network), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        bound = runner.addresses[0][1]
        network.api_url = f"http://{host}:{bound}"
        ready(network.api_url)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def environment(api_url: str, bot_url: str) -> dict[str, str]:
    """The settings with which a bot talks to a simulator that runs with its defaults."""
    return {
        "LIKEWISE_PUBLIC_URL": bot_url,
        "LIKEWISE_TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "LIKEWISE_TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "LIKEWISE_TWILIO_FROM": CITY_NUMBER,
        "LIKEWISE_TWILIO_API_URL": api_url,
    }


async def _opened(app: web.Application) -> AsyncIterator[None]:
    await app[NETWORK].open()
    yield
    await app[NETWORK].close()


async def _closing(app: web.Application) -> None:
    """Let go of those who wait for an answer or for news."""
    app[NETWORK].closing.set()
    await app[NETWORK].changed()


class Server:
    """Handlers over one network."""

    def __init__(self, network: Network) -> None:
        self.network = network

    # Twilio's API --------------------------------------------------------------------------------

    def known(self, handler: Handler) -> Handler:
        """Only for the account, with its token."""

        async def checked(request: web.Request) -> web.StreamResponse:
            expected = aiohttp.encode_basic_auth(self.network.account_sid, self.network.auth_token)
            given = request.headers.get("Authorization", "")
            right = hmac.compare_digest(given.encode(), expected.encode())
            try:
                if not right:
                    raise Refusal(401, 20003, "Authenticate")
                if request.match_info["account"] != self.network.account_sid:
                    raise Refusal(404, 20404, "The requested resource was not found")
                return await handler(request)
            except Refusal as refusal:
                return _refused(refusal)

        return checked

    async def create(self, request: web.Request) -> web.StreamResponse:
        form = {key: str(value) for key, value in (await request.post()).items()}
        answer = self.network.switches.answer
        if answer == "throttle":
            raise Refusal(429, 20429, "Too Many Requests", retry_after=2)
        if answer == "stopped":
            raise Refusal(400, 21610, "Attempt to send to unsubscribed recipient")
        if answer == "error503":
            raise Refusal(503, 20503, "Service unavailable")
        if answer == "error500":
            return web.Response(status=500, text="Internal Server Error")
        taken = self.network.take(form)
        response = web.json_response(self.network.resource(taken), status=201)
        self.network.deliver(taken)
        await self.network.changed()
        if answer == "timeout":
            await self.network.closing.wait()  # taken, but the bot never hears of it
        if answer == "error500_taken":
            return web.Response(status=500, text="Internal Server Error")
        return response

    async def list(self, request: web.Request) -> web.StreamResponse:
        found = [text for text in reversed(self.network.texts) if _passes(text, request)]
        length = max(1, min(int(request.query.get("PageSize", "50")), 1000))
        page = int(request.query.get("Page", "0"))
        start = page * length
        following = None
        if start + length < len(found):
            query = {**request.query, "PageSize": str(length), "Page": str(page + 1)}
            following = f"{request.path}?{urlencode(query)}"
        messages = [self.network.resource(text) for text in found[start : start + length]]
        return web.json_response(
            {
                "messages": messages,
                "page": page,
                "page_size": length,
                "start": start,
                "end": start + len(messages) - 1,
                "uri": request.path_qs,
                "first_page_uri": request.path_qs,
                "previous_page_uri": None,
                "next_page_uri": following,
            }
        )

    async def fetch(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self.network.resource(self._text(request)))

    async def media_list(self, request: web.Request) -> web.StreamResponse:
        text = self._text(request)
        listed = [
            {
                "sid": picture.sid,
                "content_type": picture.media_type,
                "uri": f"{self.network.media_uri(text, picture)}.json",
            }
            for picture in text.pictures
        ]
        return web.json_response({"media_list": listed})

    async def media(self, request: web.Request) -> web.StreamResponse:
        return self._picture(request.match_info["media"])

    async def account(self, request: web.Request) -> web.StreamResponse:
        network = self.network
        return web.json_response({"sid": network.account_sid, "status": network.account_status})

    def _text(self, request: web.Request) -> Text:
        for text in self.network.texts:
            if text.sid == request.match_info["sid"]:
                return text
        raise Refusal(404, 20404, "The requested resource was not found")

    def _picture(self, sid: str) -> web.Response:
        for text in self.network.texts:
            for picture in text.pictures:
                if picture.sid == sid:
                    headers = {"X-Content-Type-Options": "nosniff"}
                    return web.Response(
                        body=picture.data, content_type=picture.media_type, headers=headers
                    )
        raise Refusal(404, 20404, "The requested resource was not found")

    # The page ------------------------------------------------------------------------------------

    async def state(self, request: web.Request) -> web.StreamResponse:
        """Everything the page shows; waits for news when the page knows the newest already."""
        seen = request.query.get("revision", "")
        if seen.isdigit():
            await self.network.news(int(seen), WAIT_SECONDS)
        return web.json_response(
            {
                "revision": self.network.revision,
                "city": self.network.number,
                "switches": asdict(self.network.switches),
                "texts": [_shown(text) for text in self.network.texts[-500:]],
            },
            headers={"Cache-Control": "no-store"},
        )

    async def picture(self, request: web.Request) -> web.StreamResponse:
        try:
            return self._picture(request.match_info["media"])
        except Refusal:
            raise web.HTTPNotFound from None

    async def send(self, request: web.Request) -> web.StreamResponse:
        data = await _object(request)
        number = e164(str(data.get("from") or "").replace(" ", ""))
        body, picture = data.get("body") or "", data.get("picture")
        if number is None:
            raise web.HTTPBadRequest(text="That is no telephone number, such as +31600000001.")
        if not isinstance(body, str) or not (body or picture) or len(body) > 1600:
            raise web.HTTPBadRequest(text="A text has 1 to 1600 characters.")
        pictures = [_decoded(picture)] if picture else []
        sent = await self.network.text(number, body, pictures)
        return web.json_response({"sid": sent.sid}, status=201)

    async def count(self, request: web.Request) -> web.StreamResponse:
        body = (await _object(request)).get("body")
        return web.json_response(asdict(size(body if isinstance(body, str) else "")))

    async def change(self, request: web.Request) -> web.StreamResponse:
        try:
            self.network.switches.change(await _object(request))
        except (ValueError, TypeError) as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        await self.network.changed()
        return web.json_response(asdict(self.network.switches))


def _shown(text: Text) -> dict[str, Any]:
    return {
        "sid": text.sid,
        "mine": text.direction == "inbound",
        "number": text.sender if text.direction == "inbound" else text.to,
        "body": text.body,
        "status": text.status,
        "error": text.error_code,
        "at": text.created_at.isoformat(),
        "webhook": text.webhook,
        "size": asdict(size(text.body)),
        "pictures": [f"/phone/pictures/{picture.sid}" for picture in text.pictures],
    }


def _passes(text: Text, request: web.Request) -> bool:
    """The list's filters; a day or a moment, before, on or after."""
    query = request.query
    if query.get("To", text.to) != text.to or query.get("From", text.sender) != text.sender:
        return False
    for name, wanted in query.items():
        if not name.startswith("DateSent"):
            continue
        if text.sent_at is None:
            return False
        moment = datetime.fromisoformat(wanted.replace("Z", "+00:00"))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
        if name == "DateSent>" and text.sent_at < moment:
            return False
        if name == "DateSent<" and text.sent_at > moment:
            return False
        if name == "DateSent" and text.sent_at.date() != moment.date():
            return False
    return True


async def _object(request: web.Request) -> dict[str, Any]:
    """A JSON object. Another site's page cannot post one here without being asked first."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType
    try:
        data = await request.json()
    except ValueError:
        raise web.HTTPBadRequest(text="That is not JSON.") from None
    if not isinstance(data, dict):
        raise web.HTTPBadRequest(text="That is not a JSON object.")
    return data


def _decoded(url: Any) -> tuple[str, bytes]:
    """A picture from a data: address."""
    head, _, rest = str(url).partition(";base64,")
    media_type = head.removeprefix("data:")
    if media_type not in ("image/jpeg", "image/png", "image/gif", "image/webp"):
        raise web.HTTPBadRequest(text="A picture is JPEG, PNG, GIF or WebP.")
    try:
        data = base64.b64decode(rest, validate=True)
    except binascii.Error:
        raise web.HTTPBadRequest(text="The picture cannot be read.") from None
    if len(data) > MAX_PICTURE:
        raise web.HTTPBadRequest(text="The picture is larger than 5 MB.")
    return media_type, data


def _refused(refusal: Refusal) -> web.Response:
    body = {
        "code": refusal.code,
        "message": str(refusal),
        "more_info": f"https://www.twilio.com/docs/errors/{refusal.code}",
        "status": refusal.status,
    }
    headers = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after else {}
    return web.json_response(body, status=refusal.status, headers=headers)


def _file(path: Path) -> Handler:
    async def serve(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(path, headers=HEADERS)

    return serve
