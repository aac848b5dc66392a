"""One's own account: password, one-time codes, and the browsers that are signed in."""

from __future__ import annotations

import re
import secrets

import pyotp
import segno
from aiohttp import web

from bot.console import access, passwords
from bot.console.office import Office
from bot.console.roles import Role
from bot.console.routes import Route
from bot.console.visit import SESSION_COOKIE, Visit

RECOVERY_CODES = 10
LONGEST_SHOWN = 60
_SECRET = re.compile(r"[A-Z2-7]{32}")


def routes(office: Office) -> list[Route]:
    return [
        Route("GET", "/account", Role.READER, _show),
        Route("POST", "/account/shown", Role.READER, _shown),
        Route("POST", "/account/password", Role.READER, _password),
        Route("POST", "/account/sign-out-everywhere", Role.READER, _everywhere),
        Route("GET", "/account/codes", Role.READER, _codes_form),
        Route("POST", "/account/codes", Role.READER, _codes),
        Route("POST", "/account/codes/off", Role.READER, _codes_off),
    ]


async def _show(visit: Visit, fault: str = "", status: int = 200) -> web.StreamResponse:
    sessions = await visit.office.staff.sessions_of(visit.member.id)
    return await visit.render("access/account.html", status=status, sessions=sessions, fault=fault)


async def _shown(visit: Visit) -> web.StreamResponse:
    """The name that citizens and colleagues read; empty: one made of the account's name."""
    name = " ".join(visit.field("shown").split())
    if len(name) > LONGEST_SHOWN or not all(c.isalpha() or c in " .'-’" for c in name):
        return await _show(visit, "access.shown_refused", 422)
    await visit.office.staff.change(visit.member.id, shown=name)
    await visit.note("name_shown", subject=name)
    return await visit.redirect("/account", "access.shown_changed")


async def _own_password(visit: Visit) -> bool:
    """Whether the present password was given again; counted like a sign-in when it was not."""
    key, locks = f"name:{visit.member.name}", access.lockout(visit)
    if await locks.locked(key):
        return False
    given = visit.form.get("present", "")
    if await visit.office.passwords.fits(given, visit.member.password_hash):
        return True
    await locks.failed(key)
    return False


async def _password(visit: Visit) -> web.StreamResponse:
    """Change the password: every other session ends, this one gets a new token."""
    new = visit.form.get("password", "")
    fault = passwords.fault(new, visit.member.name)
    if not fault and new != visit.form.get("again", ""):
        fault = "access.password_differs"
    if not fault and not await _own_password(visit):
        fault = "access.password_wrong"
    if fault:
        return await _show(visit, fault, 422)
    member = visit.member
    hashed = await visit.office.passwords.hash(new)
    await visit.note("password_changed")
    await visit.office.staff.change(member.id, password_hash=hashed)
    await access.open_session(visit, member, "password changed")
    return await visit.redirect("/account", "access.password_changed")


async def _everywhere(visit: Visit) -> web.StreamResponse:
    await visit.note("signed_out_everywhere")
    await visit.office.staff.end_all(visit.member.id)
    visit.session = None
    visit.set_cookie(SESSION_COOKIE, "", 0)
    return await visit.redirect("/sign-in")


async def _codes_form(visit: Visit) -> web.StreamResponse:
    return await _codes_page(visit, pyotp.random_base32())


async def _codes_page(visit: Visit, secret: str, fault: str = "") -> web.StreamResponse:
    address = pyotp.TOTP(secret).provisioning_uri(
        name=visit.member.name, issuer_name=f"{visit.office.options.city} console"
    )
    picture = segno.make(address, error="m").svg_data_uri(
        scale=5, border=2, dark="#111", light="#fff"
    )
    return await visit.render(
        "access/codes.html",
        status=422 if fault else 200,
        secret=secret,
        picture=picture,
        fault=fault,
        recovery=[],
    )


async def _codes(visit: Visit) -> web.StreamResponse:
    """Switch one-time codes on, once a code proves that the phone has the secret."""
    secret = visit.field("secret")
    if not _SECRET.fullmatch(secret):
        raise web.HTTPBadRequest
    step = access.code_step(secret, visit.field("code"), visit.office.clock().timestamp())
    if step is None:
        return await _codes_page(visit, secret, "access.code_refused")
    if visit.member.password_hash and not await _own_password(visit):
        return await _codes_page(visit, secret, "access.password_wrong")
    recovery = [secrets.token_hex(5) for _ in range(RECOVERY_CODES)]
    await visit.office.staff.change(visit.member.id, totp_secret=secret, totp_step=step)
    await visit.office.staff.set_recovery_codes(visit.member.id, recovery)
    await visit.note("codes_switched_on")
    shown = [f"{code[:5]}-{code[5:]}" for code in recovery]
    return await visit.render("access/codes.html", secret="", picture="", fault="", recovery=shown)


async def _codes_off(visit: Visit) -> web.StreamResponse:
    if not await _own_password(visit):
        return await _show(visit, "access.password_wrong", 422)
    await visit.office.staff.change(visit.member.id, totp_secret=None, totp_step=None)
    await visit.office.staff.set_recovery_codes(visit.member.id, [])
    await visit.note("codes_switched_off")
    return await visit.redirect("/account", "access.codes_are_off")
