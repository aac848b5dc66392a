"""Which column of a file is which of ours: built in for CBS, written down for other countries.

A mapping is a small YAML file (an example is in docs/places.md). It cannot name a figure that we do
not keep, and the columns of CBS on origin and marital status are refused even under another name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bot.civic.areas import FIGURES
from bot.places.imports.faults import FileRefused

LEVELS = ("city", "district", "neighbourhood")
NOT_PUBLISHED: tuple[Any, ...] = (-99999999, -99997, -99995, "", ".", "x", "-")
"""What stands in files where a figure is not published; CBS: -99999999 and, later, -99997."""
_SENSITIVE = re.compile(
    r"^(p(ongehuwd|gehuwd|gescheid|verweduw|westal|nwal|marokko|antaru|surinam|turkije|overnw)"
    r"|.*(herkomst|migrat|allochto|nationalit|ethni|religio|gehuwd|verweduwd|gescheiden).*)$"
)


def plain(column: str) -> str:
    """How columns are compared: "AANT_INW", "aantInw" and "aant inw" are one."""
    return re.sub(r"[^a-z0-9]", "", column.lower())


@dataclass(frozen=True)
class Figure:
    """Where a figure stands: the first of these columns that the file has, times a factor."""

    columns: tuple[str, ...]
    times: float = 1.0


@dataclass(frozen=True)
class Mapping:
    """`columns` are ours to the candidates in the file; `constants` hold for the whole file."""

    kind: str = "areas"
    level: str = ""
    columns: Map[str, tuple[str, ...]] = field(default_factory=dict)
    figures: Map[str, Figure] = field(default_factory=dict)
    constants: Map[str, Any] = field(default_factory=dict)
    not_published: frozenset[Any] = frozenset(NOT_PUBLISHED)


CBS_FIGURES = {
    "inhabitants": ("AANT_INW", "aantal_inwoners"),
    "households": ("AANTAL_HH", "aantal_huishoudens"),
    "density_per_km2": ("BEV_DICHTH", "bevolkingsdichtheid_inwoners_per_km2"),
    "age_0_14_pct": ("P_00_14_JR", "percentage_personen_0_tot_15_jaar"),
    "age_15_24_pct": ("P_15_24_JR", "percentage_personen_15_tot_25_jaar"),
    "age_25_44_pct": ("P_25_44_JR", "percentage_personen_25_tot_45_jaar"),
    "age_45_64_pct": ("P_45_64_JR", "percentage_personen_45_tot_65_jaar"),
    "age_65_up_pct": ("P_65_EO_JR", "percentage_personen_65_jaar_en_ouder"),
    "single_households_pct": ("P_EENP_HH", "percentage_eenpersoonshuishoudens"),
    "households_without_children_pct": ("P_HH_Z_K", "percentage_huishoudens_zonder_kinderen"),
    "households_with_children_pct": ("P_HH_M_K", "percentage_huishoudens_met_kinderen"),
    "household_size": ("GEM_HH_GR", "gemiddelde_huishoudsgrootte", "gemiddelde_huishoudgrootte"),
    "area_ha": ("OPP_TOT", "oppervlakte_totaal_in_ha"),
    "land_ha": ("OPP_LAND", "oppervlakte_land_in_ha"),
    "water_ha": ("OPP_WATER", "oppervlakte_water_in_ha"),
}
"""CBS Wijk- en Buurtkaart: the short column names until 2019 and the long ones since."""
CBS_CODES = {
    "neighbourhood": (("BU_CODE", "buurtcode"), ("BU_NAAM", "buurtnaam"), ("WK_CODE", "wijkcode")),
    "district": (("WK_CODE", "wijkcode"), ("WK_NAAM", "wijknaam"), ("GM_CODE", "gemeentecode")),
    "city": (("GM_CODE", "gemeentecode"), ("GM_NAAM", "gemeentenaam"), ()),
}


def cbs(columns: frozenset[str]) -> Mapping | None:
    """The mapping for a CBS file with these (plain) columns; None for another file."""
    for level in ("neighbourhood", "district", "city"):
        code, name, parent = CBS_CODES[level]
        # The finest code decides: without its name it is a faulty file and not one of cities.
        if any(plain(c) in columns for c in code):
            return Mapping(
                level=level,
                columns={
                    "code": code,
                    "name": name,
                    "parent": parent,
                    "postcode": ("POSTCODE", "meest_voorkomende_postcode"),
                    "water": ("WATER",),
                    "year": ("jaar",),
                    "city_code": ("GM_CODE", "gemeentecode"),
                    "city_name": ("GM_NAAM", "gemeentenaam"),
                },
                figures={ours: Figure(theirs) for ours, theirs in CBS_FIGURES.items()},
                constants={"source": "CBS / Kadaster, Wijk- en Buurtkaart {year}"},
            )
    return None


def read_mapping(path: Path) -> Mapping:
    """A mapping from its file. Raises FileRefused with everything that is wrong in it."""
    try:
        found = YAML(typ="safe", pure=True).load(path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, YAMLError, RecursionError) as error:
        raise FileRefused(f"{path.name}: cannot be read: {str(error).splitlines()[0]}") from None
    if not isinstance(found, dict):
        raise FileRefused(f"{path.name}: a mapping is a YAML file of names and values")
    faults = [
        f"{path.name}: {key!r} is not known here"
        for key in found.keys()
        - {"kind", "level", "columns", "figures", "constants", "not_published"}
    ]
    for part in ("columns", "figures", "constants"):
        if not isinstance(found.get(part) or {}, dict):
            raise FileRefused(f"{path.name}: {part} must be names with values")
    hidden = found.get("not_published") or list(NOT_PUBLISHED)
    if not isinstance(hidden, list) or any(isinstance(v, (list, dict)) for v in hidden):
        raise FileRefused(f"{path.name}: not_published must be a list of numbers or texts")
    kind, level = found.get("kind", "areas"), found.get("level", "")
    if kind == "areas" and level not in LEVELS:
        faults.append(f"{path.name}: level must be one of {', '.join(LEVELS)}")
    columns = {str(k): (str(v),) for k, v in dict(found.get("columns") or {}).items()}
    figures: dict[str, Figure] = {}
    for name, where in dict(found.get("figures") or {}).items():
        column = where.get("column") if isinstance(where, dict) else where
        times = where.get("times", 1) if isinstance(where, dict) else 1
        if name not in FIGURES:
            faults.append(
                f"{path.name}: {name!r} is no figure we keep; they are {', '.join(FIGURES)}"
            )
        elif not isinstance(column, str) or not isinstance(times, (int, float)):
            faults.append(f"{path.name}: {name} needs the name of a column")
        elif _SENSITIVE.match(plain(column)):
            faults.append(
                f"{path.name}: {column} is about origin, belief or marital status: never imported"
            )
        else:
            figures[name] = Figure((column,), float(times))
    if faults:
        raise FileRefused("\n".join(faults))
    return Mapping(
        kind=str(kind),
        level=str(level),
        columns=columns,
        figures=figures,
        constants=dict(found.get("constants") or {}),
        not_published=frozenset(hidden),
    )
