"""The bench with 50,000 messages: every question is answered, within bounds wide enough for CI."""

from __future__ import annotations

import pytest

from bench.console import QUERIES, fill, median_of
from bot.console.filters import chosen
from bot.store.engine import Database
from bot.store.talks import TalkLog
from tests.conftest import FakeClock
from tests.console.desk import office_of

ROWS, BOUND = 50_000, 1000.0
FEW = {"word nobody said": 0, "filters that nothing fits": 0}


@pytest.mark.slow
def test_fifty_thousand_messages_are_searched_soon(database: Database, clock: FakeClock) -> None:
    from urllib.parse import parse_qsl

    fill(database, ROWS)
    zone = office_of(database, clock).options.zone
    log = TalkLog(database)
    slow = {}
    for name, query in QUERIES.items():
        picked = chosen(dict(parse_qsl(query)), zone)

        def look(picked=picked) -> int:
            return len(
                database.read_now(lambda c: log.page_now(c, picked.wanted, picked.sort, None, 51))
            )

        assert look() > 0 or name in FEW, name
        took = median_of(look, 3)
        if took > BOUND:
            slow[name] = took
    assert slow == {}
