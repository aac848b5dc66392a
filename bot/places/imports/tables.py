"""Rows of a CSV file, or the properties of GeoJSON points, become rows of our tables.

Each kind of rows has its columns written down once, with what may stand in them. Comma or
semicolon, any order, any further columns: a spreadsheet's export is read as it is.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bot.civic.areas import FIGURES
from bot.places.imports.columns import COLUMNS, KEYS, PLACED, POSITION, SCOPES, Column
from bot.places.imports.faults import Faults, FileRefused
from bot.places.imports.mapping import plain
from bot.places.imports.positions import Misplaced, Positions
from bot.places.imports.spool import Spool

LONGEST_LINE = 8 << 20


class Rows:
    """Reads the rows of one file into a spool. `renamed` are our columns to the file's, by a
    mapping; `constants` are values for the whole file."""

    def __init__(
        self,
        kind: str,
        name: str,
        positions: Positions,
        faults: Faults,
        renamed: Mapping[str, tuple[str, ...]] | None = None,
        constants: Mapping[str, Any] | None = None,
    ) -> None:
        self.kind, self.name = kind, name
        self.positions, self.faults = positions, faults
        self.renamed, self.constants = renamed or {}, constants or {}
        self.columns = COLUMNS[kind]
        self._headers: dict[tuple[str, ...], list[tuple[Column, list[str]]]] = {}

    def headings(self, column: Column) -> set[str]:
        return {plain(n) for n in (column.name, *column.names, *self.renamed.get(column.name, ()))}

    def _found(self, header: tuple[str, ...]) -> list[tuple[Column, list[str]]]:
        """Our columns, each with the headings of this header that hold it."""
        if header not in self._headers:
            self._headers[header] = [
                (column, [name for name in header if plain(str(name)) in self.headings(column)])
                for column in self.columns
            ]
        return self._headers[header]

    def missing(self, header: Iterable[str]) -> list[str]:
        """The needed columns that a header lacks."""
        has = {plain(name) for name in header}
        return [
            column.name
            for column in self.columns
            if (column.needed or (self.kind in PLACED and column in POSITION))
            and column.name not in self.constants
            and not has & self.headings(column)
        ]

    def unknown(self, header: Iterable[str]) -> list[str]:
        """The columns that nothing is made of."""
        ours = {heading for column in self.columns for heading in self.headings(column)}
        return [name for name in header if name and plain(name) not in ours]

    def add(self, where: str, cells: Mapping[str, Any], spool: Spool) -> None:
        """Check one row and keep it, or tell its faults."""
        row: dict[str, Any] = {}
        bad = False
        for column, headings in self._found(tuple(cells)):
            value = self.constants.get(column.name)
            for heading in headings if value is None else ():
                value = cells[heading] if cells[heading] not in (None, "") else value
            said = "" if value is None else str(value).strip()
            try:
                if column.needed and not said:
                    raise ValueError("is empty")
                row[column.name] = column.read(said)
            except ValueError as error:
                reason = str(error) if str(error).startswith("is") else "cannot be read"
                self.faults.add(where, f"{column.name} {said[:40]!r} {reason}")
                bad = True
        if not bad and self._placed(where, row):
            self._finish(row)
            key = tuple(str(row.get(name) or "") for name in KEYS[self.kind])
            scope = str(row.get(SCOPES.get(self.kind, ""), ""))
            if spool.add(key, row, scope, where):
                return
            if self.kind == "lamp_posts":  # all of it is the key: the very same post
                self.faults.warn(where, f"the same lamp-post once more: {row['number']}")
            else:
                self.faults.add(where, f"stands in the files twice: {', '.join(filter(None, key))}")

    def _placed(self, where: str, row: dict[str, Any]) -> bool:
        if "lat" not in row:
            return True
        if (row["lat"] is None) != (row["lon"] is None) or (
            row["lat"] is None and self.kind in PLACED
        ):
            self.faults.add(where, "a position needs lat and lon")
            return False
        if row["lat"] is not None:
            try:
                row["lat"], row["lon"] = self.positions.of_point(row["lon"], row["lat"])
            except Misplaced as error:
                self.faults.add(where, str(error))
                return False
        return True

    def _finish(self, row: dict[str, Any]) -> None:
        """What a row of the table has and a row of the file has not."""
        if self.kind == "areas":
            row["figures"] = {name: row.pop(name) for name in FIGURES if row.get(name) is not None}
            for name in FIGURES:
                row.pop(name, None)
        if self.kind == "facilities" and not row["code"]:
            row["code"] = re.sub(r"\W+", "-", f"{row['kind']}-{row['name']}".lower())[:60]


def read_csv(rows: Rows, lines: Iterator[str], spool: Spool) -> None:
    """All rows of a CSV file. Faults go into `rows.faults`."""
    first = next(lines, "")
    if not first.strip():
        rows.faults.add(rows.name, "the file is empty")
        return
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(_with(first, lines), delimiter=delimiter)
    try:
        header = [name.strip() for name in next(reader)]
        if lacking := rows.missing(header):
            rows.faults.add(f"{rows.name}:1", f"missing columns: {', '.join(lacking)}")
            return
        double = {name for name in header if name and header.count(name) > 1}
        if double:
            rows.faults.add(f"{rows.name}:1", f"double columns: {', '.join(sorted(double))}")
            return
        if unknown := rows.unknown(header):
            told = f"columns that are not known here were left out: {', '.join(unknown)}"
            rows.faults.warn(f"{rows.name}:1", told)
        for cells in reader:
            where = f"{rows.name}:{reader.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(header):
                rows.faults.add(where, f"{len(cells)} values for {len(header)} columns")
                continue
            rows.add(where, dict(zip(header, cells)), spool)
    except csv.Error as error:
        raise FileRefused(f"{rows.name}:{reader.line_num}: {error}") from None


def _with(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def lines_of(name: str, pieces: Iterator[str]) -> Iterator[str]:
    """Lines with their ends, out of pieces that end anywhere. Raises FileRefused."""
    held = ""
    for piece in pieces:
        *whole, held = (held + piece).split("\n")
        for line in whole:
            yield line + "\n"
        if len(held) > LONGEST_LINE:
            raise FileRefused(f"{name}: a line is longer than {LONGEST_LINE >> 20} MB")
    if held:
        yield held
