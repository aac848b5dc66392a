"""Signing in and out: name and password, one-time code, and links that work once."""

from __future__ import annotations

from aiohttp import web

from bot.console import access, passwords
from bot.console.office import Office
from bot.console.routes import Route
from bot.console.visit import SESSION_COOKIE, Visit

PASSWORD_LINK, OPEN_LINK = "password", "open"


def routes(office: Office) -> list[Route]:
    return [
        Route("GET", "/sign-in", None, _form),
        Route("POST", "/sign-in", None, _sign_in),
        Route("GET", "/sign-in/code", None, _code_form),
        Route("POST", "/sign-in/code", None, _code),
        Route("POST", "/sign-out", None, _sign_out),
        Route("GET", "/open/{link}", None, _open_form),
        Route("POST", "/open/{link}", None, _open),
        Route("GET", "/password/{link}", None, _password_form),
        Route("POST", "/password/{link}", None, _password),
    ]


async def _form(visit: Visit) -> web.StreamResponse:
    if visit.signed_in:
        return await visit.redirect(visit.way_back(visit.query("next")))
    return await _sign_in_page(visit, visit.query("next"))


async def _sign_in_page(visit: Visit, after: str, fault: str = "") -> web.StreamResponse:
    return await visit.render(
        "access/sign_in.html",
        status=403 if fault else 200,
        after=visit.way_back(after),
        fault=fault,
        provider=_provider_name(visit),
    )


def _provider_name(visit: Visit) -> str:
    """What the city calls its own accounts; empty when they cannot be used here."""
    provider = visit.office.more.get("provider")
    return str(provider.options.name) if provider else ""


async def _sign_in(visit: Visit) -> web.StreamResponse:
    member = await access.check_password(visit, visit.field("name"), visit.form.get("password", ""))
    after = visit.way_back(visit.field("next"))
    if member is None:
        return await _sign_in_page(visit, after, "access.sign_in_refused")
    if member.totp_secret:
        await access.open_session(visit, member, "password", stage="code")
        visit.set_cookie("likewise_after", after, 600)
        return await visit.redirect("/sign-in/code")
    await access.open_session(visit, member, "password")
    return await visit.redirect(after)


async def _code_form(visit: Visit) -> web.StreamResponse:
    if visit.session is None or visit.session.stage != "code":
        return await visit.redirect("/sign-in")
    return await visit.render("access/code.html", fault="")


async def _code(visit: Visit) -> web.StreamResponse:
    """A one-time code, or a recovery code in its place. The same code is never taken twice."""
    if visit.session is None or visit.session.stage != "code":
        return await visit.redirect("/sign-in")
    member, locks = visit.member, access.lockout(visit)
    key, given = f"code:{member.id}", visit.field("code")
    right = False
    if not await locks.locked(key):
        now = visit.office.clock().timestamp()
        step = access.code_step(member.totp_secret or "", given, now)
        if step is not None:
            right = await visit.office.staff.take_totp_step(member.id, step)
        else:
            plain = given.replace(" ", "").replace("-", "").lower()
            right = await visit.office.staff.use_recovery_code(member.id, plain)
            if right:
                await visit.note("recovery_code_used")
    if not right:
        await locks.failed(key)
        await visit.note("code_refused")
        return await visit.render("access/code.html", status=403, fault="access.code_refused")
    await locks.forgive(key)
    await access.open_session(visit, member, "password and code")
    after = visit.way_back(visit.request.cookies.get("likewise_after", ""))
    visit.set_cookie("likewise_after", "", 0)
    return await visit.redirect(after)


async def _sign_out(visit: Visit) -> web.StreamResponse:
    if visit.session is not None:
        await visit.note("signed_out")
        await visit.office.staff.end(visit.session)
    visit.session = None
    visit.set_cookie(SESSION_COOKIE, "", 0)
    return await visit.redirect("/sign-in")


async def _open_form(visit: Visit) -> web.StreamResponse:
    """A look at the link does not use it up: mail programs and chats look at links."""
    member = await visit.office.staff.look_at_link(visit.part("link"), OPEN_LINK)
    if member is None:
        raise web.HTTPGone
    return await visit.render("access/open.html", name=member.name)


async def _open(visit: Visit) -> web.StreamResponse:
    member = await visit.office.staff.use_link(visit.part("link"), OPEN_LINK)
    if member is None:
        raise web.HTTPGone
    await access.open_session(visit, member, "link")
    return await visit.redirect("/")


async def _password_form(visit: Visit) -> web.StreamResponse:
    member = await visit.office.staff.look_at_link(visit.part("link"), PASSWORD_LINK)
    if member is None:
        raise web.HTTPGone
    return await visit.render("access/password.html", name=member.name, fault="")


async def _password(visit: Visit) -> web.StreamResponse:
    member = await visit.office.staff.look_at_link(visit.part("link"), PASSWORD_LINK)
    if member is None:
        raise web.HTTPGone
    password = visit.form.get("password", "")
    fault = passwords.fault(password, member.name)
    if not fault and password != visit.form.get("again", ""):
        fault = "access.password_differs"
    if fault:
        return await visit.render("access/password.html", status=422, name=member.name, fault=fault)
    hashed = await visit.office.passwords.hash(password)
    used = await visit.office.staff.use_link(visit.part("link"), PASSWORD_LINK)
    if used is None:
        raise web.HTTPGone
    await visit.office.staff.change(used.id, password_hash=hashed)
    visit.session = None
    await visit.office.audit.add(
        "password_set", staff_id=used.id, staff_name=used.name, address=visit.address
    )
    return await visit.redirect("/sign-in")
