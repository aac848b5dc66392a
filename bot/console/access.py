"""Signing in, step by step: password, one-time code, and what every step writes down.

An answer says the same whether the name is unknown, the password wrong, the account disabled or
locked, and takes as long. A session gets a new token whenever it gains rights.
"""

from __future__ import annotations

import time

import pyotp

from bot.console.visit import SESSION_COOKIE, Visit
from bot.store.lockout import Lockout
from bot.store.people import Member, plain_name

CODE_SECONDS = 30
DRIFT = 1
"""A code of the step before or after the clock's is taken too: phones go wrong."""


def lockout(visit: Visit) -> Lockout:
    return Lockout(visit.office.database, visit.office.clock)


async def check_password(visit: Visit, name: str, password: str) -> Member | None:
    """Whose name and password these are; None for every other case alike."""
    office, locks = visit.office, lockout(visit)
    keys = (f"name:{plain_name(name)}", f"address:{visit.address}")
    locked = await locks.locked(*keys)
    member = await office.staff.named(name)
    known = member.password_hash if member is not None and member.disabled_at is None else None
    right = await office.passwords.fits(password, known)
    if locked or not right or member is None:
        if not locked:
            await locks.failed(*keys)
        await office.audit.add(
            "sign_in_refused",
            staff_id=member.id if member else None,
            staff_name=member.name if member else "",
            address=visit.address,
            detail={"locked": locked},
        )
        return None
    await locks.forgive(keys[0])
    if known and office.passwords.stale(known):
        # Not through `change`: a fresh hash of the same password ends no session.
        fresh = await office.passwords.hash(password)
        await office.staff.refresh_hash(member.id, fresh)
    return member


async def open_session(visit: Visit, member: Member, how: str, stage: str = "full") -> None:
    """Begin a session in this browser under a new token; an old one of it ends."""
    office = visit.office
    if visit.session is not None:
        await office.staff.end(visit.session)
    browser = visit.request.headers.get("User-Agent", "")
    token = await office.staff.begin(member, stage, visit.address, browser)
    visit.session = await office.staff.session(token)
    visit.set_cookie(SESSION_COOKIE, token)
    if stage == "full":
        await visit.note("signed_in", how=how)


def code_step(secret: str, code: str, now: float | None = None) -> int | None:
    """The time step that a one-time code belongs to (RFC 6238), or None."""
    plain = code.replace(" ", "")
    if len(plain) != 6 or not plain.isdecimal():
        return None
    totp = pyotp.TOTP(secret, interval=CODE_SECONDS)
    step = int((time.time() if now is None else now) // CODE_SECONDS)
    for each in range(step - DRIFT, step + DRIFT + 1):
        if pyotp.utils.strings_equal(totp.generate_otp(each), plain):
            return each
    return None
