"""Tickets from a CSV or GeoJSON file: everything is checked first, then all are opened or none.

A row is known again by its `external_id`: the same file twice opens nothing twice, and a row that
is there already is left as it is here. Faults are told line by line.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from bot.civic.catalogue import Catalogue
from bot.civic.tickets import NEEDS_TEXT, MoveRefused, NewTicket, State, check_move
from bot.store.registers import TicketRegister
from bot.tickets.files import as_written

COLUMNS = frozenset(
    (
        "external_id", "service", "place", "desk", "area_code", "lat", "lon", "street", "details",
        "contact", "language", "created_at", "state", "text", "planned_for", "passed_to",
    )
)  # fmt: skip
NEEDED = ("external_id", "service", "place")
LIMITS = {"external_id": 60, "place": 500, "details": 4000, "contact": 200, "text": 1000,
          "street": 120, "passed_to": 200}  # fmt: skip
MAX_BYTES = 50 * 1024 * 1024
MAX_FAULTS = 50
BY = "import"


class ImportRefused(ValueError):
    """The file cannot be loaded; `faults` are lines for a person to read."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class Row:
    """One ticket of the file, checked."""

    new: NewTicket
    opened_at: datetime | None
    state: State
    text: str
    facts: Mapping[str, str]


class Importer:
    """Reads files for one city: its services, desks, areas and languages."""

    def __init__(
        self,
        register: TicketRegister,
        catalogue: Catalogue,
        desks: Collection[str],
        areas: Collection[str],
        languages: tuple[str, ...],
    ) -> None:
        self.register = register
        self.catalogue = catalogue
        self.desks, self.areas = desks, areas
        self.languages = languages

    def load(self, path: Path) -> tuple[int, int]:
        """Open the file's tickets; (opened, known before). Raises ImportRefused, having changed
        nothing."""
        rows = self.read(path)

        def work(c: Connection) -> int:
            return sum(
                self.register.import_within(
                    c, row.new, row.opened_at, row.state, row.text, row.facts, BY
                )
                for row in rows
            )

        opened = self.register.database.write_now(work)
        return opened, len(rows) - opened

    def read(self, path: Path) -> list[Row]:
        """The rows of a file, all checked."""
        if path.stat().st_size > MAX_BYTES:
            raise ImportRefused([f"{path.name} is larger than {MAX_BYTES // 1024**2} MB"])
        reader = _geojson if path.suffix.lower() in (".geojson", ".json") else _csv
        rows: list[Row] = []
        faults: list[str] = []
        seen: dict[str, str] = {}
        for where, values in reader(path):
            try:
                row = self._row(values)
                first = seen.setdefault(row.new.request_key, where)
                if first != where:
                    raise ValueError(f"external_id is the same as in {first}")
                rows.append(row)
            except ValueError as error:
                faults.append(f"{where}: {error}")
                if len(faults) >= MAX_FAULTS:
                    faults.append("... and perhaps more")
                    break
        if faults:
            raise ImportRefused(faults)
        return rows

    def _row(self, values: Mapping[str, str]) -> Row:
        unknown = set(values) - COLUMNS
        if unknown:
            raise ValueError(f"unknown column {', '.join(sorted(map(str, unknown)))}")
        for name in NEEDED:
            if not values.get(name):
                raise ValueError(f"{name} is missing")
        for name, most in LIMITS.items():
            if len(values.get(name, "")) > most:
                raise ValueError(f"{name} is longer than {most} characters")
        if any("\x00" in value for value in values.values()):
            raise ValueError("a NUL character")
        service = self.catalogue.get(values["service"])
        if service is None:
            raise ValueError(f"no service {values['service']!r}")
        desk = values.get("desk") or service.desk
        for kind, value, known in (
            ("desk", values.get("desk"), self.desks),
            ("area", values.get("area_code"), self.areas),
            ("language", values.get("language"), self.languages),
        ):
            if value and value not in known:
                raise ValueError(f"no {kind} {value!r}")
        lat, lon = _position(values)
        state, facts = _state(values)
        return Row(
            NewTicket(
                request_key=f"import-{values['external_id']}",
                conversation=None,
                service=service.code,
                desk=desk,
                language=values.get("language") or self.languages[0],
                place=values["place"],
                place_known=lat is not None or bool(values.get("street")),
                details=values.get("details", ""),
                contact=values.get("contact") or None,
                area_code=values.get("area_code") or None,
                lat=lat,
                lon=lon,
                street=values.get("street") or None,
                source="import",
            ),
            _time(values.get("created_at")),
            state,
            values.get("text", ""),
            facts,
        )


def _position(values: Mapping[str, str]) -> tuple[float | None, float | None]:
    lat, lon = values.get("lat"), values.get("lon")
    if not lat and not lon:
        return None, None
    if not lat or not lon:
        raise ValueError("lat and lon belong together")
    try:
        here = float(lat), float(lon)
    except ValueError:
        raise ValueError("lat and lon are degrees such as 53.2192") from None
    if not (-90 <= here[0] <= 90 and -180 <= here[1] <= 180):
        raise ValueError("lat must be within ±90 and lon within ±180 degrees")
    return here


def _state(values: Mapping[str, str]) -> tuple[State, dict[str, str]]:
    named = values.get("state") or State.RECEIVED.value
    try:
        state = State(named)
    except ValueError:
        raise ValueError(f"no state {named!r}") from None
    facts = {name: values[name] for name in ("planned_for", "passed_to") if values.get(name)}
    if "planned_for" in facts:
        facts["planned_for"] = date.fromisoformat(facts["planned_for"]).isoformat()
    if state is State.DUPLICATE:
        raise ValueError("a duplicate cannot be imported; merge it afterwards")
    if state is not State.RECEIVED:
        try:
            check_move(State.RECEIVED, state, values.get("text", ""), facts)
        except MoveRefused as error:
            needed = error.values.get("needed") or ("text" if state in NEEDS_TEXT else "")
            wants = f"needs {needed}" if needed else "is none that a ticket can begin with"
            raise ValueError(f"state {named} {wants}") from None
    return state, facts


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise ValueError("created_at is a time such as 2026-03-02T09:00:00+01:00") from None
    if at.tzinfo is None:
        raise ValueError("created_at needs its offset from UTC, such as +01:00")
    return at


def _csv(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            for row in reader:
                where = f"line {reader.line_num}"
                if None in row or None in row.values():
                    raise ImportRefused([f"{where}: not as many cells as the header has"])
                yield where, {k.strip(): as_written(v.strip()) for k, v in row.items()}
    except UnicodeDecodeError:
        raise ImportRefused([f"{path.name} is not UTF-8"]) from None
    except csv.Error as error:
        raise ImportRefused([f"line {reader.line_num + 1}: {error}"]) from None


def _geojson(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    try:
        data = json.loads(path.read_text("utf-8-sig"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ImportRefused([f"{path.name}: {error}"]) from None
    features = data.get("features") if isinstance(data, dict) else None
    if not isinstance(features, list) or data.get("type") != "FeatureCollection":
        raise ImportRefused([f"{path.name} is no FeatureCollection"])
    for number, feature in enumerate(features, 1):
        where = f"feature {number}"
        properties = feature.get("properties") if isinstance(feature, dict) else None
        if not isinstance(properties, dict):
            raise ImportRefused([f"{where}: no properties"])
        values = {}
        for key, value in properties.items():
            if isinstance(value, (dict, list)):
                raise ImportRefused([f"{where}: {key} is no single value"])
            values[key] = "" if value is None else str(value).strip()
        yield where, values | _point(feature.get("geometry"), where)


def _point(geometry: Any, where: str) -> dict[str, str]:
    if geometry is None:
        return {}
    at = geometry.get("coordinates") if isinstance(geometry, dict) else None
    point = isinstance(geometry, dict) and geometry.get("type") == "Point"
    if not point or not isinstance(at, list) or len(at) < 2:
        raise ImportRefused([f"{where}: the geometry is no point"])
    if not all(isinstance(degree, (int, float)) for degree in at[:2]):
        raise ImportRefused([f"{where}: the coordinates are no numbers"])
    return {"lon": str(at[0]), "lat": str(at[1])}


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")
