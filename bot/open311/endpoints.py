"""Where tickets go on to: `data/forwarding.yml`, with keys from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr
from ruamel.yaml import YAML, YAMLError

from bot.open311.documents import JSON, XML
from bot.settings import SettingsError

KEY_PREFIX = "LIKEWISE_FORWARD_"
_KNOWN = frozenset(
    (
        "url", "organisation", "jurisdiction", "api_key_env", "format", "shows_descriptions",
        "send_contact", "services",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """A service of theirs, and the attributes that it always gets."""

    code: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Endpoint:
    """One organisation's GeoReport v2 endpoint; `services` by our own code."""

    name: str
    url: str
    organisation: str
    services: Mapping[str, Target]
    api_key: SecretStr
    jurisdiction: str = ""
    format: str = JSON
    shows_descriptions: bool = False
    send_contact: bool = False


def load_endpoints(city_dir: Path) -> dict[str, Endpoint]:
    """Endpoints by name. Raises SettingsError that names the place in the file."""
    path = city_dir / "forwarding.yml"
    if not path.exists():
        return {}
    try:
        data = YAML(typ="safe").load(path.read_text("utf-8")) or {}
        listed = data.get("endpoints") or {}
        found = {str(name): _endpoint(str(name), given) for name, given in listed.items()}
    except (YAMLError, AttributeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path.name}: cannot be read ({type(error).__name__})") from None
    taken: dict[str, str] = {}
    for name, endpoint in found.items():
        for service in endpoint.services:
            if service in taken:
                raise SettingsError(f"{path.name}: {service} goes to {taken[service]} and {name}")
            taken[service] = name
    return found


def _endpoint(name: str, given: Any) -> Endpoint:
    where = f"forwarding.yml, {name}"
    if not isinstance(given, Mapping):
        raise SettingsError(f"{where}: is not a table")
    unknown = sorted(str(key) for key in set(given) - _KNOWN)
    if unknown:
        raise SettingsError(f"{where}: does not know {', '.join(unknown)}")
    url = str(given.get("url") or "").rstrip("/")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise SettingsError(f"{where}: url begins with https:// (or http://)")
    variable = str(given.get("api_key_env") or "")
    if not variable.startswith(KEY_PREFIX):
        raise SettingsError(f"{where}: api_key_env names a variable that begins with {KEY_PREFIX}")
    if not os.environ.get(variable):
        raise SettingsError(f"{variable}: needed for the endpoint {name} in forwarding.yml")
    if given.get("format", JSON) not in (JSON, XML):
        raise SettingsError(f"{where}: format is json or xml")
    services = given.get("services")
    if not isinstance(services, Mapping) or not services or len(name) > 60:
        raise SettingsError(f"{where}: names no services, or has a name over 60 characters")
    return Endpoint(
        name=name,
        url=url,
        organisation=str(given.get("organisation") or name),
        services={str(ours): _target(theirs) for ours, theirs in services.items()},
        api_key=SecretStr(os.environ[variable]),
        jurisdiction=str(given.get("jurisdiction") or ""),
        format=str(given.get("format", JSON)),
        shows_descriptions=given.get("shows_descriptions") is True,
        send_contact=given.get("send_contact") is True,
    )


def _target(given: Any) -> Target:
    if isinstance(given, Mapping):
        attributes = {str(k): str(v) for k, v in (given.get("attributes") or {}).items()}
        return Target(str(given.get("code") or ""), attributes)
    return Target(str(given))
