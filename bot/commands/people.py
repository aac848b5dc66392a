"""Accounts of staff from the command line: the first administrator is made here."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.commands.common import Arguments, Refused, database_of, say
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.store.people import Member, StaffRegister

LINK_LIFETIME = timedelta(days=2)
DEMO_LIFETIME = timedelta(days=1)
DEMO_NAME = "demo"
Act = Callable[["StaffRegister"], Awaitable[None]]


def members(arguments: Arguments, settings: Settings) -> int:
    """List, add, disable, enable, reset. No account ever has a password that we chose."""
    acts: dict[str, Act] = {
        "list": lambda register: _list(register, settings),
        "add": lambda register: _add(register, arguments, settings),
        "disable": lambda register: _disable(register, arguments.name, True),
        "enable": lambda register: _disable(register, arguments.name, False),
        "reset": lambda register: _reset(register, arguments.name, settings),
    }
    _run(settings, acts[arguments.what])
    return 0


def _run(settings: Settings, act: Act) -> None:
    from bot import assembly
    from bot.store import migrate

    database = database_of(settings)
    migrate.upgrade(database)

    async def work() -> None:
        await act(assembly.staff_register(settings, database))

    try:
        asyncio.run(work())
    finally:
        database.close()


def _address(settings: Settings, path: str) -> str:
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    return f"{settings.public_url or f'http://{host}:{settings.port}'}/console{path}"


async def _note(register: StaffRegister, action: str, name: str, **detail: str) -> None:
    from bot.store.audit import AuditLog

    audit = AuditLog(register.database, register.clock)
    await audit.add(action, staff_name="command line", subject=name, detail=detail)


async def _list(register: StaffRegister, settings: Settings) -> None:
    everyone = await register.everyone()
    for one in everyone:
        seen = one.signed_in_at
        at = seen.astimezone(settings.zone).strftime("%Y-%m-%d %H:%M") if seen else "-"
        marks = [
            word
            for word, there in (
                ("disabled", one.disabled_at),
                ("codes", one.totp_secret),
                ("city account", one.subject),
            )
            if there
        ]
        say(f"{one.name:<30} {one.role:<14} {at:<17} {', '.join(marks)}".rstrip())
    say(f"{len(everyone)} accounts")


async def _add(register: StaffRegister, arguments: Arguments, settings: Settings) -> None:
    from bot.console import passwords, roles
    from bot.console.pages.staff import NAME
    from bot.store.people import NameTaken

    if arguments.role not in roles.WORDS:
        raise Refused(f"--role must be one of {', '.join(roles.WORDS)}")
    if not NAME.fullmatch(arguments.name):
        raise Refused("a name has 3 to 60 letters, digits, dots or hyphens")
    password = _ask(arguments.name) if arguments.password else ""
    try:
        made = await register.add(arguments.name, arguments.role)
    except NameTaken:
        raise Refused(f"there is an account {arguments.name}; see `staff reset`") from None
    await _note(register, "staff_added", made.name, role=made.role)
    if password:
        await register.change(made.id, password_hash=await passwords.Passwords().hash(password))
        say(f"{made.name} ({made.role}) can sign in at {_address(settings, '/')}")
    else:
        await _print_link(register, made, settings)


def _ask(name: str) -> str:
    """A new password, typed twice on a terminal; never from an argument or a pipe."""
    from bot.console import passwords
    from bot.console.words import Words

    if not sys.stdin.isatty():
        raise Refused("--password asks on a terminal; without it you get a link")
    password = getpass.getpass("New password (at least 12 characters): ")
    if password != getpass.getpass("Again: "):
        raise Refused("the two are not the same")
    fault = passwords.fault(password, name)
    if fault:
        raise Refused(Words.load().say("en", fault))
    return password


async def _print_link(register: StaffRegister, member: Member, settings: Settings) -> None:
    from bot.console.pages.sign_in import PASSWORD_LINK

    token = await register.make_link(member.id, PASSWORD_LINK, LINK_LIFETIME)
    say(f"{member.name} ({member.role}) chooses a password here, once, within two days:")
    say(_address(settings, f"/password/{token}"))


async def _known(register: StaffRegister, name: str) -> Member:
    member = await register.named(name)
    if member is None:
        raise Refused(f"there is no account {name}")
    return member


async def _disable(register: StaffRegister, name: str, off: bool) -> None:
    member = await _known(register, name)
    await register.change(member.id, disabled_at=register.clock() if off else None)
    await _note(register, "staff_disabled" if off else "staff_enabled", member.name)
    say(f"{member.name} {'can no longer' if off else 'can'} sign in")


async def _reset(register: StaffRegister, name: str, settings: Settings) -> None:
    member = await _known(register, name)
    await register.change(member.id, password_hash=None, totp_secret=None, totp_step=None)
    await register.set_recovery_codes(member.id, [])
    await _note(register, "staff_reset", member.name)
    await _print_link(register, member, settings)


async def demo_link(register: StaffRegister, base: str) -> str:
    """A console link for the demonstration: works once, for an account without a password.

    Only for servers on loopback (see `bot.demo.LOOPBACK`); the caller checks.
    """
    from bot.console.pages.sign_in import OPEN_LINK
    from bot.console.roles import Role

    member = await register.named(DEMO_NAME)
    if member is None:
        member = await register.add(DEMO_NAME, Role.ADMINISTRATOR.word)
    token = await register.make_link(member.id, OPEN_LINK, DEMO_LIFETIME)
    return f"{base}/console/open/{token}"
