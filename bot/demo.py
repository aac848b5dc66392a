"""The demonstration: simulated phones beside the demo city, so that no account is needed.

`make run` starts them in the same process on loopback; `python -m bot simulate CHANNEL` runs one
alone and prints the settings that a bot needs to talk to it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from bot.settings import Settings, load
from connectors.sms.simulator import server as sms
from connectors.sms.simulator.network import ACCOUNT_SID, AUTH_TOKEN, CITY_NUMBER, Network
from connectors.telegram.simulator import server as telegram

HOST = "127.0.0.1"
TELEGRAM_PORT, SMS_PORT = 8081, 8082
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Phone:
    """A simulator that runs, with the address of its page."""

    channel: str
    address: str
    runner: web.AppRunner

    async def close(self) -> None:
        await self.runner.cleanup()


def with_simulators(settings: Settings) -> Settings:
    """Settings that reach simulated providers, for channels without an account of their own.

    Only on loopback: simulated phones must never be open to others.
    """
    if settings.host not in LOOPBACK:
        return settings
    changes: dict[str, object] = {}
    own = f"http://{HOST}:{settings.port}"
    if not settings.telegram_token.get_secret_value():
        changes |= {
            "telegram_token": telegram.TOKEN,
            "telegram_mode": "polling",
            "telegram_api_url": f"http://{HOST}:{_port(TELEGRAM_PORT)}",
        }
    if not settings.twilio_account_sid and settings.port:
        changes |= {
            "public_url": settings.public_url or own,
            "twilio_account_sid": ACCOUNT_SID,
            "twilio_auth_token": AUTH_TOKEN,
            "twilio_from": CITY_NUMBER,
            "twilio_api_url": f"http://{HOST}:{_port(SMS_PORT)}",
        }
    return load(**{**_given(settings), **changes})


def _given(settings: Settings) -> dict[str, object]:
    return {name: getattr(settings, name) for name in settings.__fields__}


def _port(wished: int) -> int:
    """The wished port, or any free one when it is taken."""
    with socket.socket() as probe:
        try:
            probe.bind((HOST, wished))
        except OSError:
            probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


async def phones(settings: Settings) -> list[Phone]:
    """Start the simulators that these settings talk to."""
    started = []
    if settings.telegram_token.get_secret_value() == telegram.TOKEN:
        app = telegram.simulator()
        started.append(await _start("Telegram", app, settings.telegram_api_url))
    if settings.twilio_account_sid == ACCOUNT_SID:
        network = Network(settings.public_url, ACCOUNT_SID, AUTH_TOKEN, CITY_NUMBER)
        started.append(await _start("SMS", sms.simulator(network), settings.twilio_api_url))
    return started


async def _start(channel: str, app: web.Application, address: str) -> Phone:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=3)
    await runner.setup()
    await web.TCPSite(runner, HOST, int(address.rpartition(":")[2])).start()
    return Phone(channel, address, runner)


async def simulate(
    channel: str, host: str, port: int, settings: Settings, say: Callable[[str], None]
) -> None:
    """Run one simulator until cancelled."""
    if channel == "telegram":
        await telegram.run(host, port or TELEGRAM_PORT, tell=say)
        return
    bot_url = settings.public_url or f"http://{HOST}:{settings.port}"

    def ready(address: str) -> None:
        say(f"phone     open {address} (stop with Ctrl-C)")
        say("bot       start it with these settings:")
        for name, value in sms.environment(address, bot_url).items():
            say(f"          {name}={value}")

    await sms.run(host, port or SMS_PORT, bot_url, ready=ready)
