"""The command line: what it prints, what it refuses, and that a refusal changes nothing."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.civic.tickets import NewTicket
from bot.settings import ROOT, load
from bot.store import migrate
from bot.store.engine import Database
from bot.store.registers import TicketRegister

AREAS = ROOT / "data" / "areas"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIKEWISE_DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def register(folder: Path) -> TicketRegister:
    database = Database(load().database)
    migrate.upgrade(database)
    return TicketRegister(database, lambda: datetime(2026, 3, 2, tzinfo=timezone.utc))


def test_a_wrong_setting_stops_with_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIKEWISE_PORT", "eighty")
    assert main(["flagged"]) == 2
    assert "LIKEWISE_PORT" in capsys.readouterr().err


def test_staff_list_show_move_and_annotate_a_ticket(
    register: TicketRegister, capsys: pytest.CaptureFixture[str]
) -> None:
    ticket = register.open(new_ticket_without_conversation(register))
    assert main(["ticket", "list"]) == 0
    assert ticket.reference in capsys.readouterr().out
    assert main(["ticket", "note", ticket.reference, "seen on site"]) == 0
    assert main(["ticket", "move", ticket.reference, "fixed"]) == 0
    assert main(["ticket", "show", ticket.reference]) == 0
    shown = capsys.readouterr().out
    assert "seen on site" in shown
    assert "fixed" in shown


def new_ticket_without_conversation(register: TicketRegister) -> NewTicket:
    from bot.store import schema

    with register.database.engine.begin() as c:
        c.execute(
            schema.conversations.insert().values(
                id="c1", channel="web", address="c1", created_at=register.clock()
            )
        )
    return NewTicket("k1", "c1", "pothole", "roads", "en", "Vismarkt", True)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["ticket", "move", "LW-2026-09999", "fixed"], "no ticket"),
        (["ticket", "show", "LW-2026-09999"], "no ticket"),
        (["transcript", "nobody"], "no single conversation"),
        (["reply", "nobody"], "give a text"),
        (["outbox", "resolve", "7", "again"], "not unclear"),
        (["load-areas", "/nowhere"], "no such file"),
        (["telegram", "status"], "LIKEWISE_TELEGRAM_TOKEN"),
    ],
)
def test_a_refusal_says_why(
    register: TicketRegister, capsys: pytest.CaptureFixture[str], arguments: list[str], fault: str
) -> None:
    assert main(arguments) == 1
    assert fault in capsys.readouterr().err


def test_an_impossible_state_is_refused_with_the_possible_ones(
    register: TicketRegister, capsys: pytest.CaptureFixture[str]
) -> None:
    ticket = register.open(new_ticket_without_conversation(register))
    assert main(["ticket", "move", ticket.reference, "gone"]) == 1
    assert "in_progress" in capsys.readouterr().err
    main(["ticket", "move", ticket.reference, "fixed"])
    assert main(["ticket", "move", ticket.reference, "planned"]) == 1


def test_the_first_administrator_gets_a_link_and_no_password(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["staff", "add", "Noor", "--role", "administrator"]) == 0
    told = capsys.readouterr().out
    assert "/console/password/" in told
    assert main(["staff", "add", "noor"]) == 1
    assert main(["staff", "add", "ties", "--role", "king"]) == 1
    assert main(["staff", "add", "ties", "--password"]) == 1  # nobody is at a terminal
    capsys.readouterr()
    assert main(["staff", "list"]) == 0
    assert "noor" in capsys.readouterr().out
    assert main(["staff", "disable", "noor"]) == 0
    assert main(["staff", "reset", "noor"]) == 0
    assert told.split()[-1] not in capsys.readouterr().out
    assert main(["staff", "reset", "nobody"]) == 1


def test_staff_plan_pass_on_route_and_merge_tickets(
    register: TicketRegister, capsys: pytest.CaptureFixture[str]
) -> None:
    first = register.open(new_ticket_without_conversation(register)).reference
    other = register.open(NewTicket("k2", None, "pothole", "roads", "en", "Zonnelaan", True))
    assert main(["ticket", "plan", first, "2026-04-01"]) == 0
    assert main(["ticket", "pass-on", first, "Province"]) == 0
    assert main(["ticket", "route", first, "traffic"]) == 0
    assert main(["ticket", "due", first, "2026-05-01"]) == 0
    assert main(["ticket", "merge", other.reference, first]) == 0
    assert main(["ticket", "note", first, "The crew comes on Monday.", "--public"]) == 0
    capsys.readouterr()
    assert main(["ticket", "show", first]) == 0
    shown = capsys.readouterr().out
    for word in ("planned_for=2026-04-01", "Province", "desk=traffic", "2026-05-01", "merged"):
        assert word in shown
    assert main(["ticket", "list", "--desk", "traffic"]) == 0
    assert capsys.readouterr().out.count("LW-") == 1


def test_the_watchdog_marks_once(
    register: TicketRegister, capsys: pytest.CaptureFixture[str]
) -> None:
    ticket = register.open(new_ticket_without_conversation(register))
    assert main(["ticket", "due", ticket.reference, "2026-03-03"]) == 0
    capsys.readouterr()
    for told in ("1 newly late, 1 told", "0 newly late, 0 told"):
        assert main(["watchdog"]) == 0
        assert told in capsys.readouterr().out
    assert main(["ticket", "list", "--overdue"]) == 0
    assert ticket.reference in capsys.readouterr().out


def test_tickets_leave_as_a_file_and_come_back(
    register: TicketRegister, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register.open(new_ticket_without_conversation(register))
    for kind in ("csv", "geojson"):
        path = tmp_path / f"out.{kind}"
        assert main(["ticket", "export", "--format", kind, "--out", str(path)]) == 0
        assert "Vismarkt" in path.read_text("utf-8")
    assert main(["ticket", "export", "--state", "fixed"]) == 0
    assert "Vismarkt" not in capsys.readouterr().out
    file = tmp_path / "in.csv"
    file.write_text("external_id,service,place\nA1,pothole,Grote Markt\n", "utf-8")
    assert main(["ticket", "import", str(file)]) == 0
    assert main(["ticket", "import", str(file)]) == 0
    assert "0 opened, 1 known already" in capsys.readouterr().out
    file.write_text("external_id,service,place\nA2,gone,Grote Markt\n", "utf-8")
    assert main(["ticket", "import", str(file)]) == 1
    assert "line 2: no service" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["move", "REF", "planned"], "planned_for"),
        (["move", "REF", "cannot_fix"], "needs a text"),
        (["merge", "REF", "REF"], "cannot become part"),
        (["merge", "REF", "LW-2026-09999"], "no ticket LW-2026-09999"),
        (["route", "REF", "no-such-desk"], "no desk"),
        (["import", "/nowhere.csv"], "no file"),
    ],
)
def test_a_change_that_cannot_be_is_refused_in_words(
    register: TicketRegister, capsys: pytest.CaptureFixture[str], arguments: list[str], fault: str
) -> None:
    ref = register.open(new_ticket_without_conversation(register)).reference
    assert main(["ticket", *(ref if a == "REF" else a for a in arguments)]) == 1
    assert fault in capsys.readouterr().err
