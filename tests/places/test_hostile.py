"""Files spoilt at random are read or refused; nothing else ever comes out of reading them."""

from __future__ import annotations

import contextlib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.places.imports.faults import FileRefused
from bot.places.imports.reading import Options, no_bar, read
from tests.places.cities import calendar, collection, event, neighbourhood

SOUND = {
    "buurten_2024.geojson": collection([neighbourhood(0), neighbourhood(1)]),
    "streets.csv": 'name;town;area_codes;lat;lon\nA;B;"C;D";52,1;5,1\n"E ""F""";;;;\n',
    "facilities.csv": "kind,name,lat,lon,url\nlibrary,A,52,5,https://a.example\n",
    "collection.csv": "area_code,waste,first_date,every_weeks,sample\nA,paper,2026-01-01,2,true\n",
    "calendar.ics": calendar(
        event("UID:1", "SUMMARY:Rest", "LOCATION:A", "DTSTART;VALUE=DATE:20260302",
              "RRULE:FREQ=WEEKLY;INTERVAL=2", "EXDATE;VALUE=DATE:20260330"),
        event("UID:1", "SUMMARY:Rest", "RECURRENCE-ID;VALUE=DATE:20260427", "DTSTART:20260425T080000Z"),
        event("UID:2", "SUMMARY:Papier", "LOCATION:A", "DTSTART;TZID=Europe/Amsterdam:20260310T070000",
              "RRULE:FREQ=MONTHLY;BYDAY=1TU;COUNT=3", "CATEGORIES:X,Y", "RDATE:20260401T070000Z"),
    ),
}  # fmt: skip
INSERTED = st.sampled_from(
    ["{", "}", "[", "]", '"', ",", ":", "\n", "null", "-1", "1e999", "NaN", "\\u0000", "é", "Z", "20",
     ";", "\r", "\0", "\ufeff", "BEGIN:VEVENT", "RRULE:FREQ=DAILY", "DTSTART:", "true", "{}", "[[]]"]
)  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_spoilt_file_is_read_or_refused(tmp_path: Path, name: str, data: st.DataObject) -> None:
    text = SOUND[name]
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 30))
        text = text[:start] + data.draw(INSERTED | st.just("")) + text[start + length :]
    path = tmp_path / name
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(FileRefused):
        read([path], Options(), no_bar, date(2026, 3, 2)).close()


@pytest.mark.parametrize("name", SOUND)
@given(content=st.binary(max_size=300))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_bytes_are_read_or_refused(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with contextlib.suppress(FileRefused):
        read([path], Options(), no_bar, date(2026, 3, 2)).close()


def test_the_sound_files_are_read(tmp_path: Path) -> None:
    for name, text in SOUND.items():
        (tmp_path / name).write_text(text, "utf-8")
        batch = read([tmp_path / name], Options(), no_bar, date(2026, 3, 2))
        assert any(len(spool) for spool in batch.spools.values()), name
        batch.close()
