"""Files and folders become a batch of checked rows, or a list of what is wrong with them.

What a file holds is told by the command, its mapping, its name or its columns, in this order.
Nothing here touches a database; `bot.store.loading` takes the batch from here.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from bot.places.imports import mapping as maps
from bot.places.imports.area_features import AreaFeatures, Sums
from bot.places.imports.calendar import Calendar
from bot.places.imports.columns import COLUMNS, kind_of
from bot.places.imports.faults import Faults, FileRefused
from bot.places.imports.features import FeatureReader
from bot.places.imports.positions import Misplaced, Positions, declared_crs
from bot.places.imports.spool import Spool
from bot.places.imports.tables import Rows, lines_of, read_csv
from bot.places.imports.texts import Progress, pieces, sha256

KINDS = ("areas", "outlines", *(kind for kind in COLUMNS if kind != "areas"))
"""In the order in which they are loaded: what others point at comes first."""
NAMED = {"collection": "collections"}
"""File names that are not the kind's own name."""
ENDINGS = (".csv", ".csv.gz", ".geojson", ".ics")
Bar = Callable[[str, int], AbstractContextManager[Progress]]
"""A progress bar for a file of this name and size."""


@contextlib.contextmanager
def no_bar(name: str, size: int) -> Iterator[Progress]:
    """No progress bar."""
    yield lambda count: None


@dataclass(frozen=True)
class Options:
    """What the command was told beside the files."""

    kind: str = ""
    mapping: Path | None = None
    crs: str = ""
    encoding: str = "utf-8"
    year: int | None = None
    only: str = ""
    area: str = ""


@dataclass
class Batch:
    """The rows of all files by kind, and what there is to tell."""

    spools: dict[str, Spool] = field(default_factory=dict)
    files: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    notes: list[str] = field(default_factory=list)
    sums: dict[str, list[Sums]] = field(default_factory=dict)
    weak: set[str] = field(default_factory=set)
    """Codes of cities that are only the sum of neighbourhoods: a city that is there is better."""

    def spool(self, kind: str) -> Spool:
        return self.spools.setdefault(kind, Spool(kind))

    def came_from(self, kind: str, path: Path, digest: str) -> None:
        self.files.setdefault(kind, []).append((path.name, digest))

    def close(self) -> None:
        for spool in self.spools.values():
            spool.close()


def files_in(path: Path) -> list[Path]:
    """The file itself, or those of a folder that can be read. Raises FileRefused."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise FileRefused(f"{path}: there is no such file or folder")
    found = sorted(p for p in path.iterdir() if p.is_file() and p.name.lower().endswith(ENDINGS))
    if not found:
        raise FileRefused(f"{path}: no file in it ends in {', '.join(ENDINGS)}")
    return found


def read(paths: list[Path], options: Options, bar: Bar, today: date) -> Batch:
    """Read everything. Raises FileRefused with the faults of all files."""
    batch = Batch()
    try:
        for path in paths:
            size = 0 if path.suffix == ".gz" else path.stat().st_size  # unpacked: unknown
            with bar(path.name, size) as progress:
                try:
                    _read_one(path, options, batch, progress, today)
                except (FileRefused, Misplaced) as error:
                    told = str(error)
                    name = "" if told.startswith(path.name) else path.name
                    batch.faults.add(*((name, told) if name else told.split(": ", 1)))
        _cities(batch)
        batch.faults.check()
    except BaseException:
        batch.close()
        raise
    return batch


def _read_one(path: Path, options: Options, batch: Batch, progress: Progress, today: date) -> None:
    beside = path.with_name(path.name.split(".")[0] + ".mapping.yml")
    mapping_file = options.mapping or (beside if beside.is_file() else None)
    given = maps.read_mapping(mapping_file) if mapping_file else None
    text = pieces(path, options.encoding, progress)
    digest = sha256(path)
    if path.name.lower().endswith(".ics"):
        calendar = Calendar(path.name, batch.faults, options.area, today)
        calendar.read(
            "".join(text), batch.spool("collections"), batch.spool("collection_exceptions")
        )
        batch.came_from("collections", path, digest)
    elif path.name.lower().endswith((".geojson", ".json")):
        _geojson(path, digest, text, options, given, batch)
    else:
        _table(path, digest, text, options, given, batch)


def _table(
    path: Path,
    digest: str,
    text: Iterator[str],
    options: Options,
    given: maps.Mapping | None,
    batch: Batch,
) -> None:
    lines = lines_of(path.name, text)
    first = next(lines, "")
    stem = path.name.split(".")[0]
    stem = NAMED.get(stem, stem)
    kind = options.kind or (given.kind if given else "") or (stem if stem in COLUMNS else "")
    kind = kind or kind_of(first.strip().split(max(",;\t", key=first.count)))
    if kind not in COLUMNS:
        if not first.strip():
            raise FileRefused(f"{path.name}: the file is empty")
        raise FileRefused(f"{path.name}:1: what is in it? Say so: --kind {'|'.join(COLUMNS)}")
    spool = batch.spool(kind)
    spool.whole = kind in ("streets", "lamp_posts", "collections", "collection_exceptions")
    read_csv(
        _rows(kind, path.name, Positions(options.crs), given, batch), _back(first, lines), spool
    )
    batch.came_from(kind, path, digest)


def _geojson(
    path: Path,
    digest: str,
    text: Iterator[str],
    options: Options,
    given: maps.Mapping | None,
    batch: Batch,
) -> None:
    reader = FeatureReader(path.name, text)
    features = iter(reader)
    first = next(features, None)
    if first is None:
        raise FileRefused(f"{path.name}: there is no feature in it")
    positions = Positions(options.crs or declared_crs(reader.members))
    properties, geometry = _parts(first[1])
    kind = options.kind or (given.kind if given else "")
    if not kind:
        point = geometry.get("type") == "Point"
        kind = (kind_of([*properties, "lat", "lon"]) or "facilities") if point else "areas"
    everything = _back(first, features)
    if kind == "areas":
        found = AreaFeatures(path.name, positions, batch.faults, given, options.year, options.only)
        found.read(everything, batch.spool("areas"), batch.spool("outlines"))
        for code, sums in found.sums.items():
            batch.sums.setdefault(code, []).append(sums)
        if found.water:
            batch.notes.append(f"{path.name}: {found.water} parts that are water were left out")
        batch.came_from("outlines", path, digest)
    elif kind in COLUMNS:
        _points(_rows(kind, path.name, positions, given, batch), everything, batch.spool(kind))
    else:
        raise FileRefused(f"{path.name}: there is no kind {kind!r}")
    batch.came_from(kind, path, digest)


def _points(rows: Rows, features: Iterator[tuple[int, Any]], spool: Spool) -> None:
    for line, feature in features:
        where = f"{rows.name}:{line}"
        properties, geometry = _parts(feature)
        at = geometry.get("coordinates")
        if geometry.get("type") != "Point" or not isinstance(at, list) or len(at) < 2:
            rows.faults.add(where, "a facility or lamp-post is a Point with two coordinates")
            continue
        cells = {k: v for k, v in properties.items() if not isinstance(v, (dict, list))}
        if lacking := rows.missing([*cells, "lat", "lon"]):
            rows.faults.add(where, f"missing properties: {', '.join(lacking)}")
            continue
        rows.add(where, cells | {"lat": at[1], "lon": at[0]}, spool)


def _rows(
    kind: str, name: str, positions: Positions, given: maps.Mapping | None, batch: Batch
) -> Rows:
    return Rows(
        kind,
        name,
        positions,
        batch.faults,
        given.columns if given else None,
        given.constants if given else None,
    )


def _parts(feature: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    if not isinstance(feature, dict):
        return {}, {}
    properties, geometry = feature.get("properties"), feature.get("geometry")
    return (
        properties if isinstance(properties, dict) else {},
        geometry if isinstance(geometry, dict) else {},
    )


def _back(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    return itertools.chain([first], rest)


def _cities(batch: Batch) -> None:
    """A city that no file describes becomes the sum of its districts, or else neighbourhoods."""
    areas = batch.spool("areas") if batch.sums else None
    for code, found in batch.sums.items():
        assert areas is not None
        if (code,) in areas.keys:
            continue
        sums = min(found, key=lambda s: maps.LEVELS.index(s.level))
        figures = {k: v for k, v in sums.totals.items() if k not in sums.missing}
        row: dict[str, Any] = {"code": code, "kind": "city", "name": sums.name or code}
        row |= {"parent": None, "postcode": None, "figures": figures, "year": sums.year}
        row |= {"source": f"{sums.source} (sum of the published figures of the {sums.level}s)"}
        areas.add((code,), row | {"lat": None, "lon": None}, "city", batch.files["areas"][0][0])
        if sums.level == "neighbourhood":
            batch.weak.add(code)
        missing = f"; not published: {', '.join(sorted(sums.missing))}" if sums.missing else ""
        batch.notes.append(f"{code}: the city is the sum of its {sums.level}s{missing}")
