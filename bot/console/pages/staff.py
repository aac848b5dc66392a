"""Accounts, for administrators: add, change the role, disable, and send a link for a password."""

from __future__ import annotations

import re
from datetime import timedelta

from aiohttp import web

from bot.console import roles
from bot.console.office import Office
from bot.console.pages.sign_in import PASSWORD_LINK
from bot.console.roles import Role
from bot.console.routes import Route
from bot.console.visit import PREFIX, Visit
from bot.store.people import Member, NameTaken, plain_name

LINK_LIFETIME = timedelta(days=2)
NAME = re.compile(r"[^\W_][\w .@+'-]{1,58}[\w.]")
"""A name that can be typed: letters and digits first, no blanks at either end."""


def routes(office: Office) -> list[Route]:
    return [
        Route("GET", "/staff", Role.ADMINISTRATOR, _list, nav="nav.staff", order=90),
        Route("POST", "/staff", Role.ADMINISTRATOR, _add),
        Route("POST", "/staff/{id:[0-9]{1,9}}/role", Role.ADMINISTRATOR, _role),
        Route("POST", "/staff/{id:[0-9]{1,9}}/disable", Role.ADMINISTRATOR, _disable),
        Route("POST", "/staff/{id:[0-9]{1,9}}/enable", Role.ADMINISTRATOR, _enable),
        Route("POST", "/staff/{id:[0-9]{1,9}}/reset", Role.ADMINISTRATOR, _reset),
    ]


async def _list(
    visit: Visit, fault: str = "", link: str = "", name: str = ""
) -> web.StreamResponse:
    return await visit.render(
        "access/staff.html",
        status=422 if fault else 200,
        everyone=await visit.office.staff.everyone(),
        roles=roles.WORDS,
        fault=fault,
        link=link,
        name=name,
    )


async def _link_for(visit: Visit, member: Member) -> str:
    token = await visit.office.staff.make_link(member.id, PASSWORD_LINK, LINK_LIFETIME)
    return f"{visit.request.url.origin()}{PREFIX}/password/{token}"


async def _add(visit: Visit) -> web.StreamResponse:
    name, word = visit.field("name"), visit.field("role")
    if not NAME.fullmatch(name) or word not in roles.WORDS:
        return await _list(visit, "access.name_refused", name=name)
    try:
        member = await visit.office.staff.add(name, word)
    except NameTaken:
        return await _list(visit, "access.name_taken", name=name)
    await visit.note("staff_added", subject=plain_name(name), role=word)
    return await _list(visit, link=await _link_for(visit, member), name=member.name)


async def _chosen(visit: Visit) -> Member:
    member = await visit.office.staff.by_id(int(visit.part("id")))
    if member is None:
        raise web.HTTPNotFound
    return member


async def _last_administrator(visit: Visit, member: Member) -> bool:
    """Whether without this account nobody could manage accounts any more."""
    others = [
        m
        for m in await visit.office.staff.everyone()
        if m.role == Role.ADMINISTRATOR.word and m.disabled_at is None and m.id != member.id
    ]
    return member.role == Role.ADMINISTRATOR.word and not others


async def _role(visit: Visit) -> web.StreamResponse:
    member, word = await _chosen(visit), visit.field("role")
    if word not in roles.WORDS:
        raise web.HTTPBadRequest
    if word != Role.ADMINISTRATOR.word and await _last_administrator(visit, member):
        return await _list(visit, "access.last_administrator")
    if word != member.role:
        await visit.note("staff_role", subject=member.name, role=word, before=member.role)
        await visit.office.staff.change(member.id, role=word)
    return await visit.redirect("/staff", "access.role_changed", name=member.name)


async def _disable(visit: Visit) -> web.StreamResponse:
    member = await _chosen(visit)
    if await _last_administrator(visit, member):
        return await _list(visit, "access.last_administrator")
    await visit.note("staff_disabled", subject=member.name)
    await visit.office.staff.change(member.id, disabled_at=visit.office.clock())
    return await visit.redirect("/staff", "access.disabled_now", name=member.name)


async def _enable(visit: Visit) -> web.StreamResponse:
    member = await _chosen(visit)
    await visit.note("staff_enabled", subject=member.name)
    await visit.office.staff.change(member.id, disabled_at=None)
    return await visit.redirect("/staff", "access.enabled_now", name=member.name)


async def _reset(visit: Visit) -> web.StreamResponse:
    """A link for a new password. One-time codes are switched off, or a lost phone locks out."""
    member = await _chosen(visit)
    await visit.note("staff_reset", subject=member.name)
    await visit.office.staff.change(member.id, password_hash=None, totp_secret=None, totp_step=None)
    await visit.office.staff.set_recovery_codes(member.id, [])
    return await _list(visit, link=await _link_for(visit, member), name=member.name)
