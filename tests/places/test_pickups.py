"""Days of collection: rhythm, moved, left out and added days; each day told once."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.civic.waste import Collection, Shift, next_pickups, pickups

PAPER = Collection("A", "paper", date(2026, 1, 5), 4, sample=True)
DAYS = st.dates(date(2026, 1, 1), date(2027, 12, 31))


def test_a_moved_day_says_which_day_it_usually_is() -> None:
    moved = Shift("A", "paper", date(2026, 2, 2), date(2026, 2, 7), "Holiday")
    found = pickups([PAPER], [moved], date(2026, 2, 1), date(2026, 3, 2))
    assert [(p.on, p.planned_on, p.reason) for p in found] == [
        (date(2026, 2, 7), date(2026, 2, 2), "Holiday"),
        (date(2026, 3, 2), None, ""),
    ]


def test_a_day_moved_into_the_span_from_before_it_is_found() -> None:
    moved = Shift("A", "paper", date(2026, 2, 2), date(2026, 2, 7))
    assert [p.on for p in pickups([PAPER], [moved], date(2026, 2, 5), date(2026, 2, 10))] == [
        date(2026, 2, 7)
    ]


def test_a_cancelled_day_is_left_out_and_an_extra_one_added() -> None:
    shifts = [
        Shift("A", "paper", date(2026, 2, 2), None),
        Shift("A", "residual", None, date(2026, 2, 3), "Extra", sample=False),
        Shift("B", "paper", date(2026, 3, 2), None),  # another area's
    ]
    found = pickups([PAPER], shifts, date(2026, 2, 1), date(2026, 3, 2))
    assert [(p.waste, p.on, p.sample) for p in found] == [
        ("residual", date(2026, 2, 3), False),
        ("paper", date(2026, 3, 2), True),
    ]


def test_next_is_one_of_every_kind_soonest_first() -> None:
    plan = [PAPER, Collection("A", "residual", date(2026, 1, 6), 2, sample=True)]
    found = next_pickups(plan, [], date(2026, 1, 6))
    assert [(p.waste, p.on) for p in found] == [
        ("residual", date(2026, 1, 6)),
        ("paper", date(2026, 2, 2)),
    ]


@given(
    first=DAYS, weeks=st.integers(1, 8), start=DAYS, length=st.integers(0, 120),
    moved=st.dictionaries(st.integers(0, 30), st.none() | st.integers(-14, 14), max_size=6),
)  # fmt: skip
def test_every_planned_day_is_kept_moved_or_left_out_and_nothing_is_invented(
    first: date, weeks: int, start: date, length: int, moved: dict[int, int | None]
) -> None:
    plan = Collection("A", "paper", first, weeks, sample=False)
    planned = [first + timedelta(weeks=weeks * n) for n in range(400)]
    shifts = [
        Shift("A", "paper", planned[n], None if by is None else planned[n] + timedelta(days=by))
        for n, by in moved.items()
    ]
    until = start + timedelta(days=length)
    to = {s.planned_on: s.collected_on for s in shifts}
    wanted = {to.get(day, day) for day in planned} - {None}
    found = [p.on for p in pickups([plan], shifts, start, until)]
    assert found == sorted(day for day in wanted if day and start <= day <= until)
