"""The city's profile (`data/city.yml`): name, telephone, address and opening hours of its desk.

Every phrase and answer may use these as `{city}`, `{desk_phone}`, `{desk_email}`, `{desk_address}`
and `{opening_hours}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bot.civic.catalogue import in_language


@dataclass(frozen=True)
class Profile:
    """Values by name; those that differ by language are tables of languages."""

    data: Mapping[str, Any]

    @classmethod
    def load(cls, folder: Path) -> Profile:
        return cls(YAML(typ="safe").load((folder / "city.yml").read_text("utf-8")))

    @property
    def sample(self) -> bool:
        """True as long as the profile is the invented one of the demo city."""
        return bool(self.data.get("sample"))

    def values(self, language: str) -> dict[str, str]:
        """What phrases may name, in one language."""
        found = {}
        for key, value in self.data.items():
            if isinstance(value, Mapping):
                found[key] = in_language(value, language)
            elif isinstance(value, str):
                found["city" if key == "name" else key] = value
        return found
