"""Commands that run servers: the road itself, a simulated provider, Telegram's webhook."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

from bot.commands.common import Arguments, Refused, database_of, say
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.assembly import Road


def serve(arguments: Arguments, settings: Settings) -> int:
    """Prepare and run until a signal comes."""
    from bot import assembly

    database = database_of(settings)
    if not arguments.no_prepare:
        assembly.prepare(settings, database, say)
    if arguments.demo:
        from bot.demo import with_simulators

        settings = with_simulators(settings)
    road = assembly.Road(settings, database)
    try:
        road.occupy()
    except assembly.Occupied as error:
        raise Refused(f"Likewise already runs on this database ({error}).") from None
    asyncio.run(_serve(road, settings, demo=arguments.demo))
    database.close()
    return 0


async def _serve(road: Road, settings: Settings, demo: bool = False) -> None:
    from aiohttp import web

    from bot.assembly import staff_register
    from bot.commands.people import demo_link
    from bot.demo import LOOPBACK, phones

    simulators = await phones(settings) if demo else []
    await road.open_channels()
    for name, reason in road.refused.items():
        say(f"channel   {name} cannot start: {reason}")
    runner = web.AppRunner(
        road.application({phone.channel: phone.address for phone in simulators}),
        access_log=None,
        shutdown_timeout=3,
    )
    await runner.setup()
    site = web.TCPSite(runner, settings.host, settings.port)
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        raise Refused(f"cannot listen on {settings.host}:{settings.port}: {error}") from None
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stopping.set)
    await road.start()
    port = runner.addresses[0][1]
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    if settings.purge_at and settings.retention_days:
        kept = f"{settings.retention_days} days"
        say(f"purge     daily at {settings.purge_at}; words are kept {kept}")
    for phone in simulators:
        say(f"phone     {phone.channel} simulator: {phone.address}")
    if demo and settings.host in LOOPBACK:
        register = staff_register(settings, road.database)
        link = await demo_link(register, f"http://{host}:{port}")
        say(f"console   {link} (works once)")
    say(f"ready     open http://{host}:{port} (stop with Ctrl-C)")
    await stopping.wait()
    await road.stop()
    await runner.cleanup()
    for phone in simulators:
        await phone.close()


def simulate(arguments: Arguments, settings: Settings) -> int:
    """A provider on this machine, with a page that looks like a phone."""
    from bot import demo

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(demo.simulate(arguments.channel, arguments.host, arguments.port, settings, say))
    return 0


def telegram(arguments: Arguments, settings: Settings) -> int:
    """Tell Telegram where to post, or ask what it knows."""
    from bot.channel import ChannelRefused
    from connectors.telegram import setup

    token = settings.telegram_token.get_secret_value()
    if not token:
        raise Refused("LIKEWISE_TELEGRAM_TOKEN is not set")
    secret = settings.telegram_secret.get_secret_value()
    acts = {
        "set-webhook": lambda: setup.set_webhook(
            token, secret, settings.public_url, settings.telegram_api_url, settings.languages
        ),
        "delete-webhook": lambda: setup.delete_webhook(token, settings.telegram_api_url),
        "status": lambda: setup.status(token, settings.telegram_api_url),
    }
    try:
        say(asyncio.run(acts[arguments.what]()))
    except ChannelRefused as error:
        raise Refused(str(error)) from None
    return 0
