"""Documents of GeoReport v2 in XML and JSON: the same values, in the element names of the standard.

https://wiki.open311.org/GeoReport_v2. A value is a text, a number, a truth, None or a list of such
objects; a list becomes nested elements in XML. What XML cannot carry is taken out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

XML, JSON = "xml", "json"
MEDIA_TYPES = {XML: "text/xml", JSON: "application/json"}
ITEMS = {
    "services": "service",
    "attributes": "attribute",
    "values": "value",
    "service_requests": "request",
    "errors": "error",
    "endpoints": "endpoint",
    "formats": "format",
}
"""What the entries of a list are called in XML."""
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has no place for: https://www.w3.org/TR/xml/#charsets"""


def written(kind: str, root: str, content: Any) -> bytes:
    """A whole document in UTF-8. `content` is a list of objects, or one object under `root`."""
    if kind == JSON:
        return json.dumps(content, ensure_ascii=False, indent=1).encode()
    top = Element(root)
    _fill(top, content)
    return bytes(tostring(top, encoding="UTF-8", xml_declaration=True))


def _fill(element: Element, value: Any) -> None:
    if isinstance(value, Mapping):
        for name, part in value.items():
            _fill(SubElement(element, name), part)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for part in value:
            _fill(SubElement(element, ITEMS[element.tag]), part)
    elif isinstance(value, bool):
        element.text = "true" if value else "false"
    elif value is not None:
        element.text = _ILLEGAL.sub("", str(value))


def error(status: int, description: str) -> list[dict[str, Any]]:
    """The standard's error: a list, so that several can be told at once."""
    return [{"code": status, "description": description}]


def moment(at: datetime) -> str:
    """A time as the standard writes it (W3C's subset of ISO 8601), in UTC."""
    return at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_moment(text: str) -> datetime:
    """A time with its zone. Raises ValueError; a day alone or a time without zone is not enough."""
    match = re.fullmatch(
        r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d)?(?:\.\d{1,6})?(Z|[+ -]\d\d:?\d\d)", text.strip()
    )
    if match is None:
        raise ValueError("not a time with its zone, such as 2026-03-02T09:00:00Z")
    zone = match[3].replace(" ", "+")  # a plus that was not escaped in an address
    if zone != "Z" and ":" not in zone:
        zone = f"{zone[:3]}:{zone[3:]}"
    whole = f"{match[1]}{match[2] or ':00'}{'+00:00' if zone == 'Z' else zone}"
    return datetime.fromisoformat(whole).astimezone(timezone.utc)
