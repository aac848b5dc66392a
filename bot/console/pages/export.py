"""The log as CSV or XLSX: the same filters, the same veil, and a line in the audit log.

A table program runs a cell that begins with `=`, `+`, `-` or `@`
(https://owasp.org/www-community/attacks/CSV_Injection), so such cells get an apostrophe in front.
An export is bounded; its last row says when there was more.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from aiohttp import web
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from sqlalchemy.engine import Connection

from bot.console import filters
from bot.console.known import veils_over
from bot.console.office import Office
from bot.console.roles import Role
from bot.console.routes import Route
from bot.console.veil import Veil
from bot.console.visit import Visit
from bot.store import transcript
from bot.store.talks import TalkLog

MOST_TALKS = 1000
MOST_MESSAGES = 5000
HEADINGS = (
    "conversation",
    "channel",
    "at",
    "sender",
    "text",
    "language",
    "intent",
    "topic",
    "confidence",
    "outcome",
    "state",
    "rating",
)
KINDS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")
Talk = tuple[dict[str, object], list[transcript.Line]]
Row = tuple[str, ...]


def routes(office: Office) -> list[Route]:
    return [Route("GET", "/log/export/{kind:csv|xlsx}", Role.EDITOR, _export)]


def harmless(text: str) -> str:
    """The text as a cell that no table program takes for a formula, nor refuses to open."""
    plain = ILLEGAL_CHARACTERS_RE.sub(" ", text)
    return f"'{plain}" if plain.lstrip(" ").startswith(_RISKY) else plain


async def _export(visit: Visit) -> web.StreamResponse:
    picked = filters.chosen(visit.request.query, visit.office.options.zone)
    log, kind = TalkLog(visit.office.archive), visit.part("kind")

    def gather(c: Connection) -> tuple[list[Talk], bool]:
        """Talks with their lines, as many as an export takes."""
        found: list[Talk] = []
        room = MOST_MESSAGES
        talks = log.page_now(c, picked.wanted, picked.sort, None, MOST_TALKS + 1)
        for talk in talks[:MOST_TALKS]:
            lines = transcript.lines_of(c, str(talk["conversation_id"]), room)
            found.append((talk, lines))
            room -= len(lines)
            if room <= 0:
                return found, True
        return found, len(talks) > MOST_TALKS

    talks, more = await visit.office.archive.read(gather)
    veils = await veils_over(visit, [str(talk["conversation_id"]) for talk, _ in talks])
    zone = visit.office.options.zone

    def make() -> tuple[bytes, int]:
        rows = [
            row
            for talk, lines in talks
            for row in _rows(talk, lines, veils[str(talk["conversation_id"])], zone)
        ]
        if more:
            rows.append(("…", *("",) * (len(HEADINGS) - 1)))
        return (_csv(rows) if kind == "csv" else _xlsx(rows)), len(rows)

    body, count = await asyncio.to_thread(make)
    used = [name for name, value in picked.values.items() if value]
    await visit.note("exported", subject=kind, rows=count, talks=len(talks), filters=used)
    response = web.Response(body=body, headers={"Content-Type": KINDS[kind]})
    response.headers["Content-Disposition"] = f'attachment; filename="conversations.{kind}"'
    return visit.dress(response)


def _rows(
    talk: dict[str, object], lines: Sequence[transcript.Line], veil: Veil, zone: ZoneInfo
) -> Iterator[Row]:
    expected = veil.learn(lines)
    for line in lines:
        turn = line.turn or {}
        confidence = turn.get("confidence")
        yield tuple(
            harmless(cell)
            for cell in (
                str(talk["conversation_id"]),
                str(talk["channel"]),
                line.at.astimezone(zone).isoformat(timespec="seconds"),
                line.sender,
                veil.words(line.text, expected.get(line.cursor, False)),
                str(turn.get("language") or ""),
                str(turn.get("intent") or ""),
                str(turn.get("topic") or ""),
                f"{confidence:.4f}" if confidence is not None else "",
                str(turn.get("outcome") or ""),
                line.state,
                line.rating,
            )
        )


def _csv(rows: Sequence[Row]) -> bytes:
    """UTF-8 with a byte order mark, or Excel takes it for something else."""
    made = io.StringIO()
    writer = csv.writer(made)
    writer.writerow(HEADINGS)
    writer.writerows(rows)
    return b"\xef\xbb\xbf" + made.getvalue().encode("utf-8", "replace")


def _xlsx(rows: Sequence[Row]) -> bytes:
    """A workbook of texts only: no cell is a formula, whatever stands in it."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Conversations")
    sheet.append(list(HEADINGS))
    for row in rows:
        cells = []
        for text in row:
            cell = WriteOnlyCell(sheet, text[:32_000])
            cell.data_type = "s"
            cells.append(cell)
        sheet.append(cells)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()
