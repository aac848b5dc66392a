"""Passwords: argon2id hashes, made off the event loop, few at a time.

A hash costs 64 MB and a noticeable time on purpose (OWASP's password storage cheat sheet, and the
defaults of argon2-cffi, RFC 9106's low-memory profile). Checking an unknown name costs the same as
checking a known one, so that an answer's time tells nobody which names exist.
"""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 12
LONGEST = 200
AT_ONCE = 2
COMMON = frozenset(
    [
        "password123",
        "password1234",
        "passwordpassword",
        "welcome12345",
        "welkom123456",
        "wachtwoord123",
        "123456789012",
        "1234567890123",
        "qwertyuiop12",
        "qwertyuiopas",
        "administrator",
        "administrator1",
    ]
)


def fault(password: str, name: str) -> str:
    """The key of what is wrong with a new password, or an empty string."""
    if len(password) < SHORTEST:
        return "access.password_short"
    if len(password) > LONGEST:
        return "access.password_long"
    plain = password.casefold()
    if plain in COMMON or len(set(plain)) < 5 or name.casefold() in plain:
        return "access.password_easy"
    return ""


class Passwords:
    """Hashes and checks. `hasher` may be a cheaper one in tests."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self.hasher = hasher or PasswordHasher()
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._nobody = ""

    async def hash(self, password: str) -> str:
        async with self._turn:
            return await asyncio.to_thread(self.hasher.hash, password)

    async def fits(self, password: str, known: str | None) -> bool:
        """Whether the password belongs to the hash; with no hash, as slowly, False."""
        if not self._nobody:
            self._nobody = await self.hash("nobody has this password")
        async with self._turn:
            right = await asyncio.to_thread(self._verify, known or self._nobody, password[:LONGEST])
        return right and known is not None

    def _verify(self, known: str, password: str) -> bool:
        try:
            return self.hasher.verify(known, password)
        except (VerificationError, InvalidHashError):
            return False

    def stale(self, known: str) -> bool:
        """The hash was made with cheaper parameters than today's."""
        return self.hasher.check_needs_rehash(known)
