"""The city's desks (`data/desks.yml`) and its calendar, bound to the rules of tickets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ruamel.yaml import YAML, YAMLError

from bot.civic.catalogue import Catalogue
from bot.civic.desks import Desk, Desks, ParentOf, WorkingWeek
from bot.profile import Profile


class DesksUnreadable(ValueError):
    """`desks.yml` cannot be used; the message names the desk and the fault."""


def load_desks(folder: Path) -> list[Desk]:
    """The desks of `folder/desks.yml`; none when the city has no such file."""
    path = folder / "desks.yml"
    if not path.exists():
        return []
    try:
        data = YAML(typ="safe").load(path.read_text("utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        raise DesksUnreadable(f"desks.yml: {error}") from error
    desks = [_desk(entry) for entry in (data or {}).get("desks") or ()]
    codes = [desk.code for desk in desks]
    if len(set(codes)) < len(codes):
        raise DesksUnreadable("desks.yml: two desks have the same code")
    return desks


def _desk(entry: Mapping[str, Any]) -> Desk:
    code = str(entry.get("code") or "")
    names = entry.get("names")
    if not code or len(code) > 60:
        raise DesksUnreadable(f"desks.yml: {code!r} is no code of a desk")
    if not isinstance(names, Mapping) or not names:
        raise DesksUnreadable(f"desks.yml: {code}: names must give the words by language")
    for key in ("services", "areas"):
        if not isinstance(entry.get(key) or [], list):
            raise DesksUnreadable(f"desks.yml: {code}: {key} is a list of codes")
    return Desk(
        code=code,
        names={str(k): str(v) for k, v in names.items()},
        hours={str(k): str(v) for k, v in (entry.get("hours") or {}).items()},
        email=str(entry.get("email") or ""),
        services=tuple(map(str, entry.get("services") or ())),
        areas=tuple(map(str, entry.get("areas") or ())),
    )


def desks_of(folder: Path, catalogue: Catalogue, zone: ZoneInfo, parent_of: ParentOf) -> Desks:
    """Routing and targets of a city. A working day is one on which the city's desk has hours;
    public holidays (of the country in `city.yml`) are none."""
    hours = Profile.load(folder).opening(zone)
    calendar = WorkingWeek(lambda day: bool(hours.spans(day)))
    return Desks(catalogue, load_desks(folder), calendar, zone, parent_of)
