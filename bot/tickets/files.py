"""Tickets as CSV and GeoJSON: what leaves, and how a cell is made harmless.

Nothing personal leaves unless it is asked for: no contact, no words of a citizen, and no place that
somebody typed in their own words. A spreadsheet runs a cell that begins like a formula; such a cell
gets an apostrophe in front (https://owasp.org/www-community/attacks/CSV_Injection).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from typing import IO, Any

from bot.civic.tickets import Ticket
from bot.store.registers import TicketFilter, TicketRegister

COLUMNS = (
    "reference", "service", "desk", "state", "place", "area_code", "lat", "lon", "created_at",
    "changed_at", "due_on", "planned_for", "passed_to", "duplicate_of", "reopened_count",
    "language", "source",
)  # fmt: skip
PERSONAL = ("details", "contact")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
AT_ONCE = 500


def every(register: TicketRegister, wanted: TicketFilter) -> Iterator[Ticket]:
    """All tickets of a filter, oldest first, a page at a time."""
    after: str | None = None
    while True:
        page = register.search(wanted, "oldest", after, limit=AT_ONCE)
        yield from page.tickets
        after = page.after
        if after is None:
            return


def record(ticket: Ticket, personal: bool) -> dict[str, Any]:
    """What leaves of a ticket; dates and times in ISO 8601, times in UTC."""
    found: dict[str, Any] = {}
    for name in COLUMNS + (PERSONAL if personal else ()):
        value = getattr(ticket, name)
        if name == "place" and not ticket.place_known and not personal:
            value = ticket.street or ""
        if hasattr(value, "isoformat"):
            value = value.isoformat()
        found[name] = getattr(value, "value", value)
    return found


def harmless(value: Any) -> Any:
    """A cell that no spreadsheet runs; numbers stay numbers."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value


def as_written(cell: str) -> str:
    """The cell as it was before `harmless`."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell


def write_csv(tickets: Iterable[Ticket], out: IO[str], personal: bool) -> int:
    """Comma-separated with a header line; returns the number of tickets."""
    names = COLUMNS + (PERSONAL if personal else ())
    writer = csv.DictWriter(out, names, lineterminator="\r\n")  # RFC 4180
    writer.writeheader()
    count = 0
    for ticket in tickets:
        cells = record(ticket, personal)
        writer.writerow({k: "" if v is None else harmless(v) for k, v in cells.items()})
        count += 1
    return count


def write_geojson(tickets: Iterable[Ticket], out: IO[str], personal: bool) -> int:
    """A FeatureCollection (RFC 7946); a ticket without a position has a null geometry."""
    out.write('{"type": "FeatureCollection", "features": [')
    count = 0
    for count, ticket in enumerate(tickets, 1):
        values = record(ticket, personal)
        lat, lon = values.pop("lat"), values.pop("lon")
        here = lat is not None and lon is not None
        feature = {
            "type": "Feature",
            "id": ticket.reference,
            "geometry": {"type": "Point", "coordinates": [lon, lat]} if here else None,
            "properties": values,
        }
        out.write(("," if count > 1 else "") + "\n" + json.dumps(feature, ensure_ascii=False))
    out.write("\n]}\n")
    return count
