"""Commands that talk to the bot from a terminal, over the same road, or ask what it understood."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.commands.common import Arguments, Refused, database_of, say
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.assembly import Road
    from bot.messages import ConversationId

ANSWER_SECONDS = 30.0


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
    database = database_of(settings)
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
