"""Webhook delivery: waiting updates are posted to the bot, one after the other, until it says 2xx.

The faults of the moment bring an update late, again and again at once, or before earlier ones.
"""

from __future__ import annotations

import asyncio
import logging
import time

import aiohttp

from connectors.telegram.simulator.world import Pending, World

log = logging.getLogger(__name__)
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the name of a header
FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0
COLLECT_SECONDS = 0.4
"""How long updates gather when they are to be shuffled."""


async def deliver(world: World) -> None:
    """Post until cancelled."""
    wait = FIRST_WAIT
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as session:
        while True:
            due = world.next_due() if world.webhook["url"] else None
            if due is None or due > 0:
                await world.wait(1.0 if due is None else due)
                continue
            if world.faults.shuffle:
                await asyncio.sleep(COLLECT_SECONDS)
            one = _next(world)
            if one is None:
                continue
            if await _posted(session, world, one):
                wait = FIRST_WAIT
                if one in world.pending:
                    world.pending.remove(one)
            else:
                await asyncio.sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT)


def _next(world: World) -> Pending | None:
    ready = [one for one in world.pending if one.due <= time.monotonic()]
    if not ready:
        return None
    return ready[-1] if world.faults.shuffle else ready[0]


async def _posted(session: aiohttp.ClientSession, world: World, one: Pending) -> bool:
    """Post an update and its redeliveries at once; True when all were taken."""
    results = await asyncio.gather(*(_post(session, world, one) for _ in range(1 + one.again)))
    trouble = next((result for result in results if result), "")
    if trouble:
        world.webhook |= {"error": trouble, "error_at": int(time.time())}
    return not trouble


async def _post(session: aiohttp.ClientSession, world: World, one: Pending) -> str:
    """One post; returns what was wrong, or ""."""
    headers = {SECRET_HEADER: world.webhook["secret"]} if world.webhook["secret"] else {}
    try:
        async with session.post(
            world.webhook["url"], json=one.update, headers=headers, allow_redirects=False
        ) as answer:
            await answer.read()
            if answer.status < 300:
                return ""
            return f"Wrong response from the webhook: {answer.status} {answer.reason}"
    except (aiohttp.ClientError, asyncio.TimeoutError, ValueError) as error:
        return f"Connection failed: {type(error).__name__}"
