"""How long a turn takes through the whole road, commits included: `make bench-road`.

One process, SQLite, the trained model. A fresh database; a scripted set of conversations, one
message at a time; the time from the call of intake to the committed reply. Prints a table and
writes `results/road.json`. Load time is measured after the imports, memory at its peak.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import resource
import secrets
import statistics
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bot import assembly
from bot.brain import light
from bot.logs import configure
from bot.messages import Address, ConversationId, Inbound
from bot.settings import load
from bot.store.engine import Database

SCRIPT = (
    "hello",
    "how do I get a new passport?",
    "how many people live in Selwerd?",
    "when is the paper collected in the Vismarkt",
    "the street light in front of Oosterstraat 12 is broken",
    "one lamp",
    "can I bring my old paint to the recycling centre?",
    "yes",
    "what became of my report?",
    "bedankt, tot ziens",
)
ROUNDS = 20


async def measure(road: assembly.Road) -> list[float]:
    """Milliseconds of each turn."""
    times = []
    for _ in range(ROUNDS):
        key = secrets.token_hex(32)
        await road.journal.open_session(key, "", timedelta(days=1))
        conversation = await road.journal.session(key)
        assert conversation is not None
        cursor = 0
        for text in SCRIPT:
            started = time.perf_counter()
            cursor = await turn(road, conversation, text, cursor)
            times.append((time.perf_counter() - started) * 1000)
    return times


async def turn(road: assembly.Road, conversation: ConversationId, text: str, cursor: int) -> int:
    """Send one message and wait for the turn's last reply."""
    external = f"{conversation}:{secrets.token_hex(6)}"
    await road.intake.accept(
        Inbound(
            road.web.name, external, Address(conversation), text=text, conversation=conversation
        )
    )
    while True:
        watch = road.reader.watch(conversation)
        for entry in await road.reader.entries(conversation, cursor):
            cursor = entry.cursor
            if entry.final and entry.external_id == external:
                return cursor
        await watch.news(5)


async def main() -> None:
    configure("warning")
    with tempfile.TemporaryDirectory() as folder:
        settings = load(data_dir=Path(folder), chat_messages_per_minute=0)
        database = Database(settings.database)
        assembly.prepare(settings, database, lambda line: None)
        started = time.perf_counter()
        light.load_rasa()
        imported = time.perf_counter() - started
        road = assembly.Road(settings, database)
        before = time.perf_counter()
        await road.start()
        loaded = time.perf_counter() - before
        times = sorted(await measure(road))
        await road.stop()
        database.close()
    figures = {
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores",
        "turns": len(times),
        "median_ms": round(statistics.median(times), 1),
        "p95_ms": round(times[int(len(times) * 0.95)], 1),
        "import_s": round(imported, 2),
        "model_load_s": round(loaded, 2),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    for name, value in figures.items():
        print(f"{name:<16} {value}")
    results = Path("results")
    results.mkdir(exist_ok=True)
    (results / "road.json").write_text(json.dumps(figures, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    asyncio.run(main())
