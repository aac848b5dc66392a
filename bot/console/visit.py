"""One request to the console: who asks, in which language, and how to answer.

A page gets a visit and nothing else. What came with the request is read here, once, without the
bytes that no form of ours sends; what goes out carries the headers that every page has.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import aiohttp_jinja2
from aiohttp import web

from bot.console.forms import read_multipart
from bot.console.roles import Role
from bot.console.words import LANGUAGES, preferred
from bot.store.people import Member, Session

if TYPE_CHECKING:
    from bot.console.office import Office
    from bot.console.routes import Route

PREFIX = "/console"
SESSION_COOKIE = "likewise_console"
VISITOR_COOKIE = "likewise_visitor"
LANGUAGE_COOKIE = "likewise_language"
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), camera=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
LONGEST_FIELD = 20_000


def clean(text: str) -> str:
    """Without NUL and lone surrogates, which no database keeps, and of bearable length."""
    plain = text[:LONGEST_FIELD].replace("\x00", "")
    return plain.encode("utf-8", "replace").decode("utf-8")


class Visit:
    """A request with its session; pages call its methods to answer."""

    def __init__(
        self, office: Office, request: web.Request, route: Route | None, session: Session | None
    ) -> None:
        self.office = office
        self.request = request
        self.route = route
        self.session = session
        self.form: Mapping[str, str] = {}
        self.files: dict[str, web.FileField] = {}
        self.too_large: set[str] = set()
        self._lists: dict[str, list[str]] = {}
        self._cookies: dict[str, tuple[str, int | None]] = {}
        self.visitor = request.cookies.get(VISITOR_COOKIE, "")

    # Who and how ---------------------------------------------------------------------------------

    @property
    def member(self) -> Member:
        """Who is signed in; pages that ask for a role can rely on it."""
        if self.session is None:
            raise RuntimeError("nobody is signed in")
        return self.session.member

    @property
    def signed_in(self) -> bool:
        return self.session is not None and self.session.stage == "full"

    @property
    def role(self) -> Role | None:
        return Role.of(self.member.role) if self.signed_in else None

    def may(self, role: Role) -> bool:
        """Whether this person's role is enough."""
        return self.role is not None and self.role >= role

    @property
    def language(self) -> str:
        chosen = self.request.cookies.get(LANGUAGE_COOKIE, "")
        if chosen in LANGUAGES:
            return chosen
        return preferred(self.request.headers.get("Accept-Language", ""))

    @property
    def city_languages(self) -> list[str]:
        """The languages that the city speaks, the primary one first."""
        return list(self.office.phrasebook.languages)

    @property
    def address(self) -> str:
        return self.request.remote or ""

    @property
    def secure(self) -> bool:
        return self.office.options.secure or self.request.secure

    def say(self, key: str, **values: object) -> str:
        """A sentence in this person's language."""
        return self.office.words.say(self.language, key, **values)

    def named(self, theme: str, code: str) -> str:
        """The word for a code of ours, or of data; the code itself when there is none."""
        return self.office.words.name(self.language, theme, code)

    @property
    def here(self) -> str:
        """This page's path below the console, with its query."""
        return self.request.rel_url.raw_path_qs.removeprefix(PREFIX) or "/"

    def query_with(self, **changes: str) -> str:
        """The query of this address with some values changed; an empty value leaves one out."""
        pairs = [(k, v) for k, v in self.request.query.items() if k not in changes and v]
        pairs += [(k, v) for k, v in changes.items() if v]
        return urlencode(pairs)

    # What came with it ---------------------------------------------------------------------------

    def query(self, name: str) -> str:
        """One value of the address, cleaned; empty when it is not there."""
        return clean(self.request.query.get(name, "")).strip()

    def field(self, name: str) -> str:
        """One value of the form, cleaned and without spaces around."""
        return self.form.get(name, "").strip()

    def fields(self, name: str) -> list[str]:
        """All values of the form under one name (ticked boxes)."""
        return self._lists.get(name, [])

    def version(self) -> int:
        """The version of what the form was made from. Raises HTTPBadRequest when it names none."""
        version = self.field("version")
        if not version.isascii() or not version.isdigit() or len(version) > 9:
            raise web.HTTPBadRequest
        return int(version)

    def part(self, name: str) -> str:
        """A part of the path, e.g. an id."""
        return clean(self.request.match_info.get(name, ""))

    async def read_form(self) -> None:
        """Read the posted form; files go to `files`, texts to `form`."""
        most = self.route.most_bytes if self.route else 0
        if most and self.request.content_type == "multipart/form-data":
            posted = await read_multipart(self.request, most)
            self.files, self.too_large = posted.files, posted.too_large
            given = posted.texts
        else:
            fields = await self.request.post()
            given = [(name, value) for name, value in fields.items() if isinstance(value, str)]
        texts: dict[str, str] = {}
        for name, value in given:
            texts[name] = clean(value)
            self._lists.setdefault(name, []).append(texts[name])
        self.form = texts

    # Form tokens ---------------------------------------------------------------------------------

    @property
    def token(self) -> str:
        """The token that every form of this session carries."""
        if self.session is not None:
            owner = self.session.token_hash
        else:
            if not self.visitor:
                self.visitor = secrets.token_urlsafe(24)
                self._cookies[VISITOR_COOKIE] = (self.visitor, None)
            owner = f"visitor:{self.visitor}"
        return hmac.new(self.office.key, owner.encode(), hashlib.sha256).hexdigest()

    def token_fits(self) -> bool:
        """Whether the posted token is this session's; compared in constant time."""
        if self.session is None and not self.visitor:
            return False
        given = self.form.get("token", "") or self.request.headers.get("X-Form-Token", "")
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode())

    # How to answer -------------------------------------------------------------------------------

    async def render(self, template: str, status: int = 200, **values: Any) -> web.Response:
        """A page. `values` go to the template beside what all pages have (see `application`)."""
        flash: list[list[str]] = []
        if self.session is not None and self.session.flash:
            flash = self.session.flash
            await self.office.staff.keep(self.session, flash=None)
        context = {"visit": self, "flash": flash, **values}
        response = aiohttp_jinja2.render_template(template, self.request, context, status=status)
        return self.dress(response)

    async def redirect(self, path: str, flash: str = "", **values: object) -> web.Response:
        """Go to another page of the console after a form; `flash` is the key of what it says."""
        if flash and self.session is not None:
            said = [*self.session.flash, [flash, self.say(flash, **values)]]
            await self.office.staff.keep(self.session, flash=said)
        response = web.Response(status=303, headers={"Location": PREFIX + path})
        return self.dress(response)

    def dress(self, response: web.Response) -> web.Response:
        """Headers and cookies of every answer."""
        response.headers.update({k: v for k, v in HEADERS.items() if k not in response.headers})
        for name, (value, seconds) in self._cookies.items():
            response.set_cookie(
                name,
                value,
                path=PREFIX,
                max_age=seconds,
                httponly=True,
                samesite="Lax",
                secure=self.secure,
            )
        return response

    def set_cookie(self, name: str, value: str, seconds: int | None = None) -> None:
        """Send a cookie with the answer; an empty value with 0 seconds takes it away."""
        self._cookies[name] = (value, seconds)

    def way_back(self, given: str, otherwise: str = "/") -> str:
        """A path within the console that was handed in from outside, or `otherwise`."""
        parts = urlsplit(given)
        inside = given.startswith("/") and not given.startswith(("//", "/\\"))
        if not inside or parts.scheme or parts.netloc or "\\" in given or len(given) > 1500:
            return otherwise
        return given if given.isprintable() else otherwise

    async def note(
        self,
        action: str,
        conversation: str | None = None,
        subject: str = "",
        **detail: object,
    ) -> None:
        """Write into the audit log what this person did."""
        member = self.session.member if self.session else None
        await self.office.audit.add(
            action,
            staff_id=member.id if member else None,
            staff_name=member.name if member else "",
            session=self.session.short if self.session else "",
            address=self.address,
            conversation=conversation,
            subject=subject,
            detail=detail,
        )
