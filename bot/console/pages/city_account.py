"""Signing in with the city's own account: to the provider, and back."""

from __future__ import annotations

import logging
import secrets

from aiohttp import web

from bot.console import access
from bot.console.office import Office
from bot.console.pages.staff import NAME
from bot.console.provider import Asked, Identity, Provider, ProviderRefused
from bot.console.routes import Route
from bot.console.visit import PREFIX, Visit
from bot.store.people import Member, NameTaken

log = logging.getLogger(__name__)
COOKIE = "likewise_provider"
MINUTES_TO_ANSWER = 10
PATH = "/sign-in/provider"


def routes(office: Office) -> list[Route]:
    """Without a provider in the settings there is nothing here."""
    if "provider" not in office.more:
        return []
    return [Route("GET", PATH, None, _go), Route("GET", f"{PATH}/back", None, _back)]


def _provider(visit: Visit) -> Provider:
    found: Provider = visit.office.more["provider"]
    return found


def _address(visit: Visit) -> str:
    base = visit.office.options.public_url or str(visit.request.url.origin())
    return f"{base}{PREFIX}{PATH}/back"


async def _go(visit: Visit) -> web.StreamResponse:
    asked = Asked.anew(visit.way_back(visit.query("next")))
    try:
        address = await _provider(visit).question(asked, _address(visit))
    except ProviderRefused as error:
        return await _refused(visit, error)
    visit.set_cookie(COOKIE, asked.sealed(visit.office.key), MINUTES_TO_ANSWER * 60)
    return visit.dress(web.Response(status=303, headers={"Location": address}))


async def _back(visit: Visit) -> web.StreamResponse:
    cookie = visit.request.cookies.get(COOKIE, "")
    visit.set_cookie(COOKIE, "", 0)  # an answer is believed once
    query = {name: visit.query(name) for name in ("state", "code", "error", "iss")}
    try:
        asked = Asked.opened(cookie, visit.office.key)
        given = {k: v for k, v in query.items() if v}
        identity = await _provider(visit).identity(asked, given, _address(visit))
        member = await _member(visit, identity)
    except ProviderRefused as error:
        return await _refused(visit, error)
    await access.open_session(visit, member, "city account")
    return await visit.redirect(visit.way_back(asked.after))


async def _member(visit: Visit, identity: Identity) -> Member:
    """The account of this identity, made at the first sign-in; the role follows the provider."""
    staff = visit.office.staff
    member = await staff.by_subject(identity.subject)
    if member is None:
        name = identity.name if NAME.fullmatch(identity.name) else "city account"
        try:
            member = await staff.add(name, identity.role.word, identity.subject)
        except NameTaken:  # never joined to an account that somebody made by hand
            other = f"{name[:50]}-{secrets.token_hex(3)}"
            member = await staff.add(other, identity.role.word, identity.subject)
        await visit.office.audit.add("staff_added", staff_name="city account", subject=member.name)
    if member.disabled_at is not None:
        raise ProviderRefused("the account is disabled here")
    if member.role != identity.role.word:
        await staff.change(member.id, role=identity.role.word)
        changed = await staff.by_id(member.id)
        assert changed is not None
        member = changed
    return member


async def _refused(visit: Visit, error: ProviderRefused) -> web.StreamResponse:
    log.warning("sign-in with the city's account refused: %s", error)
    await visit.office.audit.add("sign_in_refused", address=visit.address, detail={"how": "city"})
    return await visit.render(
        "access/sign_in.html",
        status=403,
        after="/",
        fault="access.provider_refused",
        provider=_provider(visit).options.name,
    )
