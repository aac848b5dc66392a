"""The web hook: tells another system of the city that somebody waits for a person.

What is posted carries no words of the citizen and no address, and is signed. A failing hook is
tried again with growing pauses, a few times; citizens never wait for it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from datetime import timedelta
from typing import Any

import aiohttp

from bot.store.handovers import Handovers

log = logging.getLogger(__name__)
TIMEOUT_SECONDS = 10.0
MAX_ATTEMPTS = 6
FIRST_PAUSE = timedelta(seconds=15)
SIGNATURE, TIMESTAMP = "X-Likewise-Signature", "X-Likewise-Timestamp"


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over `<timestamp>.<body>`, in hexadecimal; the receiver makes the same."""
    message = timestamp.encode() + b"." + body
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


class Hook:
    """Posts requests that are due, one after the other."""

    def __init__(self, handovers: Handovers, url: str, secret: str, console_url: str) -> None:
        self.handovers = handovers
        self.url = url
        self.secret = secret
        self.console_url = console_url

    async def step(self) -> int:
        """Tell of what is due; how many were told."""
        due = await self.handovers.to_announce()
        if not due:
            return 0
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        told = 0
        async with aiohttp.ClientSession(timeout=timeout) as session:
            for row in due:
                told += await self._tell(session, row)
        return told

    async def _tell(self, session: aiohttp.ClientSession, row: dict[str, Any]) -> bool:
        problem = await self._post(session, row)
        attempts = row["announce_attempts"] + 1
        if not problem:
            await self.handovers.announced(row["id"], None, "announced")
            return True
        log.warning("the handover web hook failed (attempt %s): %s", attempts, problem)
        if attempts >= MAX_ATTEMPTS:
            await self.handovers.announced(row["id"], None, "announce_failed")
        else:
            pause = FIRST_PAUSE * 2 ** (attempts - 1)
            await self.handovers.announced(row["id"], self.handovers.clock() + pause, "")
        return False

    async def _post(self, session: aiohttp.ClientSession, row: dict[str, Any]) -> str:
        """Post one; returns what went wrong, or an empty string."""
        body = json.dumps(self._told(row)).encode()
        timestamp = str(int(self.handovers.clock().timestamp()))
        headers = {"Content-Type": "application/json", TIMESTAMP: timestamp}
        if self.secret:
            headers[SIGNATURE] = f"sha256={signature(self.secret, timestamp, body)}"
        try:
            async with session.post(
                self.url, data=body, headers=headers, allow_redirects=False
            ) as response:
                return "" if response.status < 300 else f"status {response.status}"
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError) as error:
            return type(error).__name__

    def _told(self, row: dict[str, Any]) -> dict[str, Any]:
        return {
            "event": "handover.left" if row["state"] == "left" else "handover.waiting",
            "handover": row["id"],
            "state": row["state"],
            "reason": row["reason"],
            "channel": row["channel"],
            "language": row["language"],
            "waiting_since": row["waiting_since"].isoformat(),
            "link": f"{self.console_url}/console/handover/{row['id']}",
        }
