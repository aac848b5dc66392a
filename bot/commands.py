"""What the commands do. Staff commands call the same functions as the console will."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import secrets
import signal
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.settings import ROOT, Settings, describe, env_example, table

if TYPE_CHECKING:
    from bot.assembly import Road
    from bot.messages import ConversationId
    from bot.store.engine import Database
    from bot.store.journal import Journal

Arguments = argparse.Namespace
ANSWER_SECONDS = 30.0


class Refused(Exception):
    """A command cannot do what was asked; the message says why."""


def say(line: str) -> None:
    print(line, flush=True)


def _database(settings: Settings) -> Database:
    from bot.store.engine import Database

    return Database(settings.database)


# Running -----------------------------------------------------------------------------------------


def serve(arguments: Arguments, settings: Settings) -> int:
    """Prepare and run until a signal comes."""
    from bot import assembly

    database = _database(settings)
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

    from bot.demo import phones

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
    for phone in simulators:
        say(f"phone     {phone.channel} simulator: {phone.address}")
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


def chat(arguments: Arguments, settings: Settings) -> int:
    """A conversation in the terminal."""
    say('Type your message; "quit" ends. A number picks a choice.')
    return asyncio.run(_talk(settings, arguments.lang, None))


def ask(arguments: Arguments, settings: Settings) -> int:
    """One question."""
    return asyncio.run(_talk(settings, arguments.lang, arguments.text))


async def _talk(settings: Settings, language: str, question: str | None) -> int:
    from bot import assembly
    from bot.messages import InvalidMessage

    if language and language not in settings.languages:
        raise Refused(f"--lang must be one of {', '.join(settings.languages)}")
    database = _database(settings)
    assembly.prepare(settings, database, lambda line: None)
    road = assembly.Road(settings, database)
    owner = True
    try:
        road.occupy()
        await road.start()
    except assembly.Occupied:
        owner = False  # a server runs on this database and answers
    try:
        conversation = await _terminal_session(road, language)
        cursor = 0
        while True:
            text = question if question is not None else await _line()
            if text is None or (question is None and text.strip() in ("quit", "exit")):
                return 0
            try:
                cursor = await _exchange(road, conversation, text, cursor)
            except InvalidMessage as error:
                say(str(error))
            if question is not None:
                return 0
    finally:
        if owner:
            await road.stop()
        database.close()


async def _line() -> str | None:
    try:
        return await asyncio.get_running_loop().run_in_executor(None, input, "> ")
    except EOFError:
        return None


async def _terminal_session(road: Road, language: str) -> ConversationId:
    key = secrets.token_hex(32)
    await road.journal.open_session(key, language, timedelta(days=1))
    found = await road.journal.session(key)
    assert found is not None
    return found


async def _exchange(road: Road, conversation: ConversationId, text: str, cursor: int) -> int:
    """Send a line and print what comes back; returns the cursor."""
    from bot.messages import Address, Inbound

    name = road.web.name
    external = f"{conversation}:{secrets.token_hex(8)}"
    if text.strip():
        await road.intake.accept(
            Inbound(name, external, Address(conversation), text.strip(), conversation=conversation)
        )
    deadline = asyncio.get_running_loop().time() + ANSWER_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        watch = road.reader.watch(conversation)
        for entry in await road.reader.entries(conversation, cursor):
            cursor = entry.cursor
            if entry.sender != "citizen":
                _print_entry(entry.body)
                if entry.final and entry.external_id == external:
                    return cursor
        await watch.news(0.3)
    raise Refused("no answer came; is the server busy?")


def _print_entry(body: dict[str, Any]) -> None:
    say(body["text"])
    for n, choice in enumerate(body.get("choices") or (), start=1):
        say(f"  {n}. {choice['label']}")
    if body.get("link"):
        say(f"  {body['link']['label']}: {body['link']['url']}")
    say("")


def parse(arguments: Arguments, settings: Settings) -> int:
    """One JSON object a line of text."""
    from bot.brain import light, training

    light.load_rasa()
    model = training.ensure(settings)
    from bot import topics
    from bot.brain.parsing import Parser
    from bot.reflexes import Reflexes

    names = {
        service.topic: service.names
        for service in topics.load_catalogue(settings.city_dir).services.values()
    }
    names |= {a.topic: a.names for a in topics.load_answers(settings.city_dir).values()}
    reflexes = Reflexes.load(settings.city_dir / "reflexes.yml")
    parser = Parser(model.path, settings.languages, names, reflexes)
    for text in _lines(arguments.file):
        say(json.dumps(parser.parse(text), ensure_ascii=False))
    return 0


def _lines(source: str) -> Iterator[str]:
    if source == "-":
        stream = sys.stdin.buffer
    else:
        try:
            stream = open(source, "rb")  # noqa: SIM115 - closed when the process ends
        except OSError as error:
            raise Refused(f"cannot read {source}: {error.strerror}") from None
    for number, line in enumerate(stream, start=1):
        try:
            yield line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise Refused(f"{source}:{number}: not UTF-8") from None


# Preparing ---------------------------------------------------------------------------------------


def train(arguments: Arguments, settings: Settings) -> int:
    """Train when stale."""
    from bot.brain import light, training

    light.load_rasa()
    if arguments.write_domain:
        from bot.brain import domain

        phrases = settings.city_dir / "phrases" / f"{settings.primary_language}.yml"
        (ROOT / "domain.yml").write_text(domain.text(phrases), "utf-8")
        say("domain    written")
    try:
        model = training.ensure(settings, force=arguments.force)
    except training.TrainingFailed as error:
        raise Refused(str(error)) from None
    took = f"trained in {model.seconds:.0f} s" if model.seconds else "up to date"
    say(f"model     {took} ({model.path})")
    return 0


def migrate(arguments: Arguments, settings: Settings) -> int:
    """Upgrade, or write a new revision."""
    from bot.store import migrate as migrations

    database = _database(settings)
    if arguments.new:
        migrations.new_revision(database, arguments.new)
    say(f"database  {database.engine.dialect.name}, revision {migrations.upgrade(database)}")
    return 0


def load_areas(arguments: Arguments, settings: Settings) -> int:
    """Replace areas, streets and collection days, all or nothing."""
    from bot.store import migrate as migrations
    from bot.store.city import CityRegister, FileRefused

    database = _database(settings)
    migrations.upgrade(database)
    try:
        counts = CityRegister(database).load_folder(Path(arguments.folder))
    except FileNotFoundError as error:
        raise Refused(f"{error.filename} is missing") from None
    except FileRefused as error:
        raise Refused(f"Nothing was loaded:\n{error}") from None
    say(", ".join(f"{count} {name}" for name, count in counts.items()))
    return 0


def settings(arguments: Arguments, chosen: Settings) -> int:
    """Print what is set and what could be."""
    if arguments.markdown:
        say(table())
    elif arguments.env:
        print(env_example(), end="")
    else:
        values = chosen.dict()
        for variable, _, text in describe():
            say(f"{variable}={values[variable.removeprefix('LIKEWISE_').lower()]}  # {text}")
    return 0


# Staff -------------------------------------------------------------------------------------------


def _journal(settings: Settings) -> Journal:
    from bot.assembly import utc_now
    from bot.store.journal import Journal

    return Journal(_database(settings), utc_now)


def flagged(arguments: Arguments, settings: Settings) -> int:
    """Who waits for a person."""
    rows = asyncio.run(_journal(settings).flagged())
    for row in rows:
        at = row["flagged_at"].astimezone(settings.zone).strftime("%Y-%m-%d %H:%M")
        say(f"{row['id']}  {row['channel']:<9} {at}  {row['flag_reason']}  {row['owner']}")
    say(f"{len(rows)} waiting")
    return 0


def transcript(arguments: Arguments, settings: Settings) -> int:
    """Both sides of a conversation."""

    async def show() -> None:
        journal = _journal(settings)
        row = await _known(journal, arguments.conversation)
        cursor = 0
        while entries := await journal.entries(row["id"], cursor):
            for entry in entries:
                cursor = entry.cursor
                at = entry.at.astimezone(settings.zone).strftime("%Y-%m-%d %H:%M")
                said = entry.body.get("text") or entry.body.get("label") or entry.body
                say(f"{at} {entry.sender:<8} {said}  [{entry.state}]")

    asyncio.run(show())
    return 0


async def _known(journal: Journal, conversation: str) -> dict[str, Any]:
    row = await journal.conversation(conversation)
    if row is None:
        raise Refused(f"no single conversation begins with {conversation!r}")
    return row


def reply(arguments: Arguments, settings: Settings) -> int:
    """Say something in person."""
    from bot import assembly
    from bot.messages import Reply
    from bot.staff import say_to

    async def act() -> None:
        database = _database(settings)
        journal = _journal(settings)
        row = await _known(journal, arguments.conversation)
        if arguments.take:
            await journal.set_owner(row["id"], arguments.take)
        if arguments.text:
            connectors = assembly.renderers(settings)
            await say_to(journal, connectors, row, Reply(arguments.text), sender="agent")
        if arguments.give_back:
            await journal.set_owner(row["id"], "bot")
        database.close()

    if not (arguments.text or arguments.take or arguments.give_back):
        raise Refused("give a text, --take NAME or --give-back")
    asyncio.run(act())
    say("done")
    return 0


def ticket(arguments: Arguments, settings: Settings) -> int:
    """List, show, move, annotate."""
    from bot.assembly import utc_now
    from bot.civic.tickets import MoveRefused, State
    from bot.store.registers import TicketRegister, TicketUnknown

    register = TicketRegister(_database(settings), utc_now)
    try:
        if arguments.what == "list":
            for one in register.newest(arguments.state):
                say(f"{one.reference}  {one.state.value:<11} {one.service:<22} {one.place}")
        elif arguments.what == "show":
            _show_ticket(register, arguments.reference, settings)
        elif arguments.what == "note":
            register.note(arguments.reference, arguments.text, "staff")
            say("noted")
        else:
            state = State(arguments.state)
            _move_ticket(register, arguments.reference, state, arguments.text, settings)
    except TicketUnknown:
        raise Refused(f"no ticket {arguments.reference}") from None
    except MoveRefused as error:
        raise Refused(f"{error.phrase}: {error.values}") from None
    except ValueError:
        states = ", ".join(s.value for s in State)
        raise Refused(f"{arguments.state!r} is no state; use one of {states}") from None
    return 0


def _show_ticket(register: Any, reference: str, settings: Settings) -> None:
    one = register.find(reference)
    if one is None:
        raise Refused(f"no ticket {reference}")
    for name in ("reference", "service", "desk", "place", "area_code", "details", "contact"):
        say(f"{name:<10} {getattr(one, name) or '-'}")
    say(f"{'state':<10} {one.state.value}")
    for event in register.history(reference):
        at = event["happened_at"].astimezone(settings.zone).strftime("%Y-%m-%d %H:%M")
        say(f"{at} {event['kind']:<7} {event['state'] or '':<11} {event['by']}: {event['text']}")


def _move_ticket(register: Any, reference: str, state: Any, text: str, settings: Settings) -> None:
    from bot import assembly
    from bot.brain.nlg import phrasebook
    from bot.staff import tell_reporter

    moved, event = register.move(reference, state, "staff", text)
    say(f"{moved.reference} is {moved.state.value} now")
    told = asyncio.run(
        tell_reporter(
            _journal(settings),
            assembly.renderers(settings),
            phrasebook(settings),
            assembly.catalogue(settings),
            moved,
            event,
            text,
        )
    )
    say("the reporter is told" if told else "there is no conversation to tell the reporter in")


def outbox(arguments: Arguments, settings: Settings) -> int:
    """Unclear sends."""
    journal = _journal(settings)
    if arguments.what == "list":
        rows = asyncio.run(journal.unclear())
        for row in rows:
            say(f"{row['id']}  {row['channel']:<9} {row['created_at']:%F %H:%M}  {row['code']}")
        say(f"{len(rows)} unclear")
        return 0
    state = {"sent": "sent", "again": "queued", "drop": "cancelled"}[arguments.decision]
    if not asyncio.run(journal.resolve(arguments.id, state)):  # type: ignore[arg-type]
        raise Refused(f"send {arguments.id} is not unclear")
    say("done")
    return 0
