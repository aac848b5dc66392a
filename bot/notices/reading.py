"""Reads a feed: iCalendar, GeoRSS (RSS or Atom), or JSON, whichever the bytes are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo

import icalendar
from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from bot.notices.item import (
    MAX_BYTES,
    MAX_ID,
    MAX_ITEMS,
    MAX_TITLE,
    FeedRefused,
    Item,
    Reading,
    kind_of,
    language_of,
    moment,
    plain,
    position,
    text_of,
    web_address,
)


def read(content: bytes, zone: ZoneInfo, language: str) -> Reading:
    """The items of a feed; `language` is that of texts that do not say theirs.

    Raises FeedRefused when the whole cannot be read: too large, not UTF-8, or of no known kind.
    """
    if len(content) > MAX_BYTES:
        raise FeedRefused(f"larger than {MAX_BYTES // 1024} kB")
    head = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:200]
    if head.startswith(b"BEGIN:VCALENDAR"):
        return _calendar(content, zone, language)
    if head.startswith((b"{", b"[")):
        return _json(content, zone, language)
    if head.startswith(b"<"):
        return _xml(content, zone, language)
    raise FeedRefused("neither iCalendar, nor RSS or Atom, nor JSON")


def _collected(entries: list[Any], make: Any) -> Reading:
    reading = Reading()
    items: list[Item] = []
    for number, entry in enumerate(entries[:MAX_ITEMS], start=1):
        try:
            item = make(entry)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            reading = reading.with_fault(f"entry {number}: {type(error).__name__}: {error}"[:200])
            continue
        if item is not None:
            items.append(item)
    if len(entries) > MAX_ITEMS:
        reading = reading.with_fault(f"only the first {MAX_ITEMS} entries were read")
    return Reading(tuple(items), reading.faults)


# iCalendar (RFC 5545) ----------------------------------------------------------------------------


def _calendar(content: bytes, zone: ZoneInfo, language: str) -> Reading:
    try:
        calendar = icalendar.Calendar.from_ical(content.decode("utf-8"))
        events = list(calendar.walk("VEVENT"))
    except (ValueError, IndexError, KeyError, RecursionError) as error:
        raise FeedRefused(f"no valid iCalendar ({type(error).__name__})") from None
    return _collected(events, lambda event: _event(event, zone, language))


def _event(event: Any, zone: ZoneInfo, language: str) -> Item | None:
    if str(event.get("status") or "").upper() == "CANCELLED":
        return None  # as if it were gone from the feed: the notice is taken back
    summary = event.get("summary")
    spoken = language_of(getattr(summary, "params", {}).get("LANGUAGE"), language)
    geo = event.get("geo")
    points = (position(geo.latitude, geo.longitude),) if geo is not None else ()
    categories = event.get("categories")
    listed = categories if isinstance(categories, list) else [categories] if categories else []
    named = [str(c) for one in listed for c in getattr(one, "cats", [one])]
    ends = event.get("dtend")
    ends_at = moment(ends.dt if ends is not None else None, zone)
    if "rrule" in event:  # a weekly market stands until its rule ends
        until = event["rrule"].get("until")
        ends_at = moment(until[0], zone) if until else None
    return Item(
        guid=plain(event.get("uid"), MAX_ID),
        texts={spoken: text_of(summary, event.get("description"))},
        kind=kind_of(*named, summary),
        begins_at=moment(event["dtstart"].dt if "dtstart" in event else None, zone),
        ends_at=ends_at,
        url=web_address(event.get("url")),
        places=tuple(p for p in (plain(event.get("location"), MAX_TITLE), *named) if p),
        points=points,
    )


# RSS 2.0 and Atom with GeoRSS (https://www.ogc.org/standard/georss/) -----------------------------

_GEO = ("{http://www.georss.org/georss}", "{http://www.w3.org/2003/01/geo/wgs84_pos#}")
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def _xml(content: bytes, zone: ZoneInfo, language: str) -> Reading:
    try:
        root = ElementTree.fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise FeedRefused(f"XML with {type(error).__name__}, which no feed needs") from None
    except (ElementTree.ParseError, ValueError, LookupError, RecursionError) as error:
        raise FeedRefused(f"no valid XML ({str(error)[:80]})") from None
    entries = [e for e in root.iter() if _local(e) in ("item", "entry")]
    if not entries and _local(root) not in ("rss", "feed", "RDF"):
        raise FeedRefused(f"XML, but neither RSS nor Atom ({_local(root)[:40]})")
    said = next((e.text for e in root.iter() if _local(e) == "language"), root.get(_XML_LANG))
    spoken = language_of(said, language)
    return _collected(entries, lambda entry: _entry(entry, zone, spoken))


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _entry(entry: Element, zone: ZoneInfo, language: str) -> Item:
    texts: dict[str, str] = {}
    places: list[str] = []
    points: list[tuple[float, float]] = []
    for part in entry.iter():
        name, value = _local(part), (part.text or "").strip()
        if name in ("category",):
            places.append(part.get("term") or value)
        elif str(part.tag).startswith(_GEO) and name in ("point", "line", "polygon"):
            points += _pairs(value)
        elif str(part.tag).startswith(_GEO) and name == "box":
            corners = _pairs(value)
            points += [(sum(p[0] for p in corners) / 2, sum(p[1] for p in corners) / 2)]
        elif name == "link" and part.get("href") and part.get("rel", "alternate") == "alternate":
            texts.setdefault("link", str(part.get("href")))
        elif value:
            texts.setdefault(name, value)
    if "lat" in texts and ("long" in texts or "lon" in texts):
        points.append(position(texts["lat"], texts.get("long") or texts.get("lon")))
    title = texts.get("title", "")
    body = texts.get("description") or texts.get("summary") or texts.get("content") or ""
    guid = texts.get("guid") or texts.get("id") or texts.get("link") or ""
    begins = texts.get("dtstart") or texts.get("startdate") or texts.get("start")
    ends = texts.get("dtend") or texts.get("enddate") or texts.get("end")
    return Item(
        guid=plain(guid, MAX_ID),
        texts={language_of(entry.get(_XML_LANG), language): text_of(title, body)},
        kind=kind_of(*places, title),
        begins_at=moment(begins, zone),
        ends_at=moment(ends, zone),
        url=web_address(texts.get("link")),
        places=tuple(plain(p, MAX_TITLE) for p in (*places, texts.get("location", "")) if p),
        points=tuple(points[:200]),
    )


def _pairs(text: str) -> list[tuple[float, float]]:
    numbers = text.replace(",", " ").split()
    if not numbers or len(numbers) % 2:
        raise ValueError("a GeoRSS position is pairs of latitude and longitude")
    return [position(numbers[i], numbers[i + 1]) for i in range(0, min(len(numbers), 400), 2)]


# JSON --------------------------------------------------------------------------------------------


def _json(content: bytes, zone: ZoneInfo, language: str) -> Reading:
    try:
        data = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise FeedRefused(f"no valid JSON ({type(error).__name__})") from None
    if isinstance(data, dict) and data.get("type") == "FeatureCollection":
        features = data.get("features") or ()
        entries: Any = [_feature(one) for one in features if isinstance(one, dict)]
    else:
        entries = data.get("notices") if isinstance(data, dict) else data
    if not isinstance(entries, list):
        raise FeedRefused('JSON, but neither {"notices": [...]} nor a GeoJSON FeatureCollection')
    return _collected(entries, lambda entry: _record(entry, zone, language))


def _feature(feature: Mapping[str, Any]) -> dict[str, Any]:
    """A GeoJSON feature as a record of ours: its properties and the corners of its geometry."""
    properties = feature.get("properties")
    record = dict(properties) if isinstance(properties, dict) else {}
    record.setdefault("id", feature.get("id"))
    record["coordinates"] = (feature.get("geometry") or {}).get("coordinates")
    return record


def _record(entry: Any, zone: ZoneInfo, language: str) -> Item | None:
    if not isinstance(entry, dict):
        raise ValueError("not an object")
    if str(entry.get("status") or "").lower() in ("cancelled", "removed"):
        return None
    texts = entry.get("texts")
    if isinstance(texts, dict):
        said = {
            language_of(code, language): text_of(one.get("title"), one.get("text"))
            for code, one in list(texts.items())[:20]
        }
    else:
        body = entry.get("text") or entry.get("description")
        spoken = language_of(entry.get("language"), language)
        said = {spoken: text_of(entry.get("title"), body)}
    areas = entry.get("areas") or []
    listed = [areas] if isinstance(areas, str) else list(areas)
    points = list(_corners(entry.get("coordinates")))
    if entry.get("lat") is not None and entry.get("lon") is not None:
        points.append(position(entry["lat"], entry["lon"]))
    title = next(iter(said.values())).title if said else ""
    return Item(
        guid=plain(entry.get("id") or entry.get("guid"), MAX_ID),
        texts=said,
        kind=kind_of(entry["kind"]) if entry.get("kind") else kind_of(title),
        begins_at=moment(entry.get("begins_at") or entry.get("start"), zone),
        ends_at=moment(entry.get("ends_at") or entry.get("end"), zone),
        url=web_address(entry.get("url")),
        places=tuple(
            plain(p, MAX_TITLE) for p in (*listed[:100], entry.get("location") or "") if p
        ),
        points=tuple(points[:200]),
    )


def _corners(value: Any, depth: int = 0) -> list[tuple[float, float]]:
    """The (lat, lon) of every corner in GeoJSON coordinates, which are (lon, lat)."""
    if not isinstance(value, list) or depth > 5:
        return []
    if len(value) >= 2 and all(isinstance(v, (int, float)) for v in value[:2]):
        return [position(value[1], value[0])]
    return [corner for part in value[:500] for corner in _corners(part, depth + 1)]
