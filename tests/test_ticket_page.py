"""The page about tickets says what the code does."""

from __future__ import annotations

from bot.civic.tickets import CLOSED, NEEDS_FACT, NEEDS_TEXT, TRANSITIONS, State
from bot.settings import ROOT

PAGE = ROOT / "docs" / "tickets.md"


def table() -> str:
    """The transitions as the page shows them."""
    lines = ["| from | to |", "| --- | --- |"]
    for state in State:
        to = ", ".join(f"`{s.value}`" for s in State if s in TRANSITIONS[state])
        closed = " (closed)" if state in CLOSED else ""
        lines.append(f"| `{state.value}`{closed} | {to} |")
    return "\n".join(lines)


def test_the_page_shows_the_table_of_transitions() -> None:
    page = PAGE.read_text("utf-8")
    shown = page.split("<!-- transitions -->\n")[1].split("\n<!-- /transitions -->")[0]
    assert shown == table()


def test_the_page_names_what_each_state_needs() -> None:
    page = PAGE.read_text("utf-8")
    for state in {*NEEDS_FACT, *NEEDS_TEXT}:
        assert f"`{state.value}`" in page
