"""A Telegram of one's own: a small server that speaks the Bot API, with a phone in the browser.

A city tries the Telegram channel with it before it has an account, and the tests run against it.
Everything lives in memory and is gone when it stops.
"""

from connectors.telegram.simulator.server import TOKEN, WORLD, run, simulator
from connectors.telegram.simulator.world import BLOCKED_CHAT, Faults, World

__all__ = ["BLOCKED_CHAT", "TOKEN", "WORLD", "Faults", "World", "run", "simulator"]
