"""How quickly the console answers with a million messages: search, every filter, the log page.

Makes conversations with bulk inserts, takes them into the log as a migration would, and asks each
question several times. `make bench-console` runs a million on SQLite and on PostgreSQL (the server
inside the `pgserver` wheel); `--rows 50000` is quick. Exits with 1 when a bound is broken.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import sqlalchemy as sa
from tqdm import tqdm

from bot.console.filters import chosen
from bot.store import log_filling, log_triggers, migrate, schema, transcript
from bot.store.engine import Database
from bot.store.talks import TalkLog
from tests.console.desk import Counter, office_of

MESSAGES_EACH = 8
BATCH = 2000
LIST_BOUND, PAGE_BOUND = 300.0, 200.0
BEGAN = datetime(2025, 1, 1, tzinfo=timezone.utc)
LANGUAGES = ("nl",) * 6 + ("en",) * 2 + ("de", "da")
CHANNELS = ("web",) * 5 + ("telegram",) * 2 + ("sms",)
INTENTS = (
    ("ask",) * 5
    + ("report",) * 3
    + ("ticket_status", "waste_day", "area_facts", "person", "greet", "thanks")
)
WORDS = [
    "de",
    "het",
    "een",
    "straat",
    "container",
    "paspoort",
    "melding",
    "lantaarn",
    "kapot",
    "afval",
    "ophalen",
    "wanneer",
    "waar",
    "hoe",
    "kan",
    "ik",
    "mijn",
    "vraag",
    "over",
    "parkeren",
    "vergunning",
    "verhuizen",
    "bewijs",
    "rijbewijs",
    "buurt",
    "park",
    "boom",
    "takken",
    "stoep",
    "tegel",
    "the",
    "street",
    "light",
    "bin",
    "broken",
    "passport",
    "permit",
    "parking",
    "neighbourhood",
    "tree",
    "pavement",
    "please",
    "when",
    "where",
    "die",
    "strasse",
    "laterne",
    "tonne",
    "ausweis",
    "wann",
    "wo",
    "bitte",
    "lampen",
    "skrald",
    "hvornår",
    "hvor",
    "vejen",
    "hul",
]
RARE = [f"zeldzaam{n}" for n in range(2000)]
QUERIES = {
    "no filter": "",
    "common word": "q=straat",
    "two common words": "q=straat+lantaarn",
    "rare word": "q=zeldzaam17",
    "beginning of a word": "q=zeldzaam1",
    "phrase": "q=%22kapot+afval%22",
    "word nobody said": "q=nergens",
    "channel": "channel=sms",
    "language": "language=da",
    "date": "from=2025-03-01&to=2025-03-02",
    "intent": "intent=person",
    "topic": "topic=topic-77",
    "low confidence": "low=1",
    "clarified": "clarified=1",
    "fell back": "fell_back=1",
    "handed over": "handed_over=1",
    "with ticket": "ticket=yes",
    "area": "area=BU0014001",
    "label": "label=rare+label",
    "only tests": "test=yes",
    "rare flag": "keep=1",
    "rated low": "rated_low=1",
    "rated low, with words": "rated_low=1&q=straat",
    "sort: least sure": "sort=unsure",
    "sort: longest": "sort=longest",
    "sort: oldest": "sort=oldest",
    "common word and filters": "q=straat&language=da&low=1&channel=sms",
    "rare word and filters": "q=zeldzaam17&language=nl",
    "filters that nothing fits": "language=da&topic=topic-77&ticket=yes&fell_back=1&label=rare+label",
}


def sentence(chance: random.Random) -> str:
    words = chance.choices(WORDS, k=chance.randint(4, 14))
    if chance.random() < 0.1:
        words.append(chance.choice(RARE))
    return " ".join(words)


def fill(database: Database, rows: int) -> int:
    """Make `rows` messages; returns the number of conversations."""
    chance = random.Random(42)
    talks = rows // MESSAGES_EACH
    database.write_now(log_triggers.remove)
    with tqdm(total=rows, unit="msg", unit_scale=True, desc="messages") as bar:
        for start in range(0, talks, BATCH):
            made = [
                _conversation(chance, n, talks) for n in range(start, min(start + BATCH, talks))
            ]
            database.write_now(lambda c, made=made: _insert(c, made))
            bar.update(sum(len(m["inbox"]) + len(m["outbox"]) for m in made))

    def take_in(c: sa.engine.Connection) -> None:
        log_triggers.install(c)
        log_filling.take_in(c)
        c.execute(sa.text("UPDATE talks SET test = :yes WHERE number % 50 = 0"), {"yes": True})
        c.execute(sa.text("UPDATE talks SET keep = :yes WHERE number % 5000 = 7"), {"yes": True})
        rated = "UPDATE talks SET rated_low = :yes WHERE number % 200 = 3"
        c.execute(sa.text(rated), {"yes": True})
        c.execute(
            sa.text(
                "INSERT INTO talk_facets (facet, value, number) "
                "SELECT 'label', CASE WHEN number % 1000 = 7 THEN 'rare label' ELSE 'label' END, "
                "number FROM talks WHERE number % 10 = 7"  # every fiftieth is a test
            )
        )

    started = time.perf_counter()
    database.write_now(take_in)
    print(f"taken into the log in {time.perf_counter() - started:.0f} s", flush=True)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as c:
        c.exec_driver_sql("ANALYZE")
    return talks


def _conversation(chance: random.Random, n: int, talks: int) -> dict[str, Any]:
    at = BEGAN + timedelta(minutes=525_600 * n / max(talks, 1))
    language, channel = chance.choice(LANGUAGES), chance.choice(CHANNELS)
    name = f"{n:024x}"
    inbox, turns, outbox = [], [], []
    for k in range(MESSAGES_EACH // 2):
        at += timedelta(seconds=chance.randint(5, 90))
        number = n * (MESSAGES_EACH // 2) + k + 1
        unclear = chance.random() < 0.03
        confidence = chance.uniform(0.1, 0.5) if unclear else chance.uniform(0.5, 1)
        inbox.append(
            {
                "id": number, "conversation_id": name, "channel": channel, "external_id": f"e{number}",
                "fingerprint": "f", "body": {"text": sentence(chance)}, "cursor": 2 * k + 1, "state": "done",
                "received_at": at,
            }
        )  # fmt: skip
        turns.append(
            {
                "inbox_id": number, "conversation_id": name, "outcome": "failed" if chance.random() < 0.002 else "answered",
                "language": language, "intent": chance.choice(INTENTS), "confidence": confidence,
                "topic": f"topic-{chance.randint(1, 180)}", "milliseconds": 20.0, "answered_at": at,
                "understanding": {
                    "actions": ["action_unclear"] if unclear else ["action_answer"],
                    "candidates": [{"intent": "ask"}] if chance.random() < 0.7 else [],
                },
            }
        )  # fmt: skip
        outbox.append(
            {
                "conversation_id": name, "inbox_id": number, "cursor": 2 * k + 2, "state": "sent",
                "reply": {"text": sentence(chance)}, "payload": {}, "created_at": at,
            }
        )  # fmt: skip
    conversation = {
        "id": name, "channel": channel, "address": name, "language": language, "last_cursor": MESSAGES_EACH,
        "created_at": at, "owner": "noor" if chance.random() < 0.02 else "bot",
    }  # fmt: skip
    ticket = None
    if chance.random() < 0.1:
        ticket = {
            "reference": f"LW-2025-{n:05d}", "request_key": f"k{n}", "conversation_id": name, "service": "pothole",
            "state": "received", "language": language, "area_code": f"BU00140{chance.randint(0, 40):02d}",
            "created_at": at, "changed_at": at,
        }  # fmt: skip
    return {
        "conversation": conversation,
        "inbox": inbox,
        "turns": turns,
        "outbox": outbox,
        "ticket": ticket,
    }


def _insert(c: sa.engine.Connection, made: list[dict[str, Any]]) -> None:
    c.execute(schema.conversations.insert(), [m["conversation"] for m in made])
    for name in ("inbox", "turns", "outbox"):
        c.execute(schema.metadata.tables[name].insert(), [row for m in made for row in m[name]])
    tickets = [m["ticket"] for m in made if m["ticket"]]
    if tickets:
        c.execute(schema.tickets.insert(), tickets)


def median_of(work: Callable[[], Any], runs: int) -> float:
    """Milliseconds, the median of so many runs after one that warms up."""
    work()
    took = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        took.append((time.perf_counter() - started) * 1000)
    return statistics.median(took)


def measure(database: Database, runs: int) -> Iterator[tuple[str, float, float, int]]:
    """Name, milliseconds, bound and rows found of every question, then of the page over HTTP."""
    office = office_of(database, lambda: datetime.now(timezone.utc))  # type: ignore[arg-type]
    log = TalkLog(database)
    for name, query in QUERIES.items():
        picked = chosen(dict(parse_qsl(query)), office.options.zone)

        def look(c: sa.engine.Connection, picked: Any = picked) -> int:
            rows = log.page_now(c, picked.wanted, picked.sort, None, 51)
            transcript.openings(c, [row["conversation_id"] for row in rows])
            return len(rows)

        found = database.read_now(look)
        yield name, median_of(lambda: database.read_now(look), runs), LIST_BOUND, found
    yield "log page over HTTP", asyncio.run(_page(office, runs)), PAGE_BOUND, 50


async def _page(office: Any, runs: int) -> float:
    counter = Counter(office)
    await counter.open()
    browser = await counter.signed_in("bench", "reader")
    took = []
    for _ in range(runs + 1):
        started = time.perf_counter()
        await browser.get("/log")
        took.append((time.perf_counter() - started) * 1000)
        assert browser.status == 200
    await counter.close()
    return statistics.median(took[1:])


def run(url: str, rows: int, runs: int) -> list[tuple[str, float, float, int]]:
    """Fill an empty database and measure."""
    database = Database(url)
    migrate.upgrade(database)
    fill(database, rows)
    found = list(measure(database, runs))
    database.close()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    arguments = parser.parse_args()
    results: dict[str, list[tuple[str, float, float, int]]] = {}
    with tempfile.TemporaryDirectory(prefix="likewise-bench-") as folder:
        if arguments.database in ("sqlite", "both"):
            results["SQLite"] = run(f"sqlite:///{folder}/bench.db", arguments.rows, arguments.runs)
    if arguments.database in ("postgres", "both"):
        import pgserver

        server = pgserver.get_server(tempfile.mkdtemp(prefix="likewise-pg-"), cleanup_mode="delete")
        results["PostgreSQL"] = run(server.get_uri(), arguments.rows, arguments.runs)
        server.cleanup()
    print(
        f"\n{arguments.rows:,} messages; median of {arguments.runs} in milliseconds (rows found)\n"
    )
    print("| question | " + " | ".join(results) + " |")
    print("| --- |" + " ---: |" * len(results))
    for lines in zip(*results.values()):
        cells = [f"{took:.0f} ({found})" for _, took, _, found in lines]
        print(f"| {lines[0][0]} | " + " | ".join(cells) + " |")
    broken = [
        (kind, n) for kind, lines in results.items() for n, took, bound, _ in lines if took > bound
    ]
    print("\nevery bound is kept" if not broken else f"\nover the bound: {broken}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
