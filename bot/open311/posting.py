"""A request that someone posts, read once into a checked value; every fault is told at once.

What it must hold is the standard's (https://wiki.open311.org/GeoReport_v2#post-service-request) and
the service's own definition. Nothing is fetched: a picture's address is noted for staff as a text.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import phonenumbers

from bot.civic.catalogue import Question, Service, in_language

MAX_DESCRIPTION = 4000
MAX_ADDRESS, MAX_NAME, MAX_EMAIL, MAX_ADDRESS_OF_PICTURE = 250, 100, 254, 1000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
_EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]+\.[^@\s,;<>\".]{2,}")
_ATTRIBUTE = re.compile(r"attribute\[([\w-]{1,60})\](\[\])?")
Fields = Mapping[str, Sequence[str]]


class Invalid(Exception):
    """The post cannot be taken; `faults` are sentences for its developer."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = list(faults)


@dataclass(frozen=True)
class Post:
    """A request to be made into a ticket; degrees in WGS84."""

    service: Service
    description: str
    answers: tuple[str, ...]
    address: str
    lat: float | None
    lon: float | None
    contact: str
    media_url: str

    @property
    def details(self) -> str:
        return "\n".join(part for part in (self.description, *self.answers) if part)

    def fingerprint(self) -> str:
        """SHA-256 of the content: tells a retry from another request."""
        said = [
            self.service.code, self.details, self.address, self.lat, self.lon,
            self.contact, self.media_url,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def read_post(fields: Fields, services: Mapping[str, Service], language: str, region: str) -> Post:
    """The post in `fields` (all values of a name, in order). Raises Invalid, or KeyError with the
    code of a service that there is not."""
    faults: list[str] = []
    code = _text(fields, "service_code", 60, faults)
    if not code:
        raise Invalid(["service_code was not provided", *faults])
    if code not in services:
        raise KeyError(code)
    service = services[code]
    lat, lon = _position(fields, faults)
    address = _text(fields, "address_string", MAX_ADDRESS, faults)
    if lat is None and not address and not faults:
        faults.append("lat and long, or address_string, must be provided")
    post = Post(
        service=service,
        description=_text(fields, "description", MAX_DESCRIPTION, faults, lines=True),
        answers=_answers(fields, service, language, faults),
        address=address,
        lat=lat,
        lon=lon,
        contact=_contact(fields, region, faults),
        media_url=_picture(fields, faults),
    )
    if not post.description and not post.answers:
        faults.append("description must be provided")
    if faults:
        raise Invalid(faults)
    return post


def _text(fields: Fields, name: str, longest: int, faults: list[str], lines: bool = False) -> str:
    values = [value for value in fields.get(name, ()) if value.strip()]
    if not values:
        return ""
    if len(values) > 1:
        faults.append(f"{name} was provided more than once")
    text = _CONTROL.sub("", values[0]).strip()
    if not lines:
        text = " ".join(text.split())
    if len(text) > longest:
        faults.append(f"{name} is longer than {longest} characters")
        return text[:longest]
    return text


def _position(fields: Fields, faults: list[str]) -> tuple[float | None, float | None]:
    given = {name: _text(fields, name, 40, faults) for name in ("lat", "long")}
    if not any(given.values()):
        return None, None
    numbers = []
    for name, limit in (("lat", 90), ("long", 180)):
        try:
            number = float(given[name])
        except ValueError:
            number = math.nan
        if not abs(number) <= limit or not re.fullmatch(r"[-+]?[0-9.eE+-]+", given[name]):
            faults.append(f"{name} must be a number within ±{limit}")
        numbers.append(number)
    return (None, None) if faults else (numbers[0], numbers[1])


def _answers(fields: Fields, service: Service, language: str, faults: list[str]) -> tuple[str, ...]:
    """The answers to the service's questions, in the city's words."""
    given: dict[str, list[str]] = {}
    for name, values in fields.items():
        match = _ATTRIBUTE.fullmatch(name)
        said = [value for value in values if value.strip()]
        if match and said:
            given.setdefault(match[1], []).extend(said)
    known = {question.key: question for question in service.questions}
    faults += [f"attribute[{code}] is not known" for code in sorted(given.keys() - known.keys())]
    lines = []
    for question in service.questions:
        values = given.get(question.key) or []
        if len(values) > 1:
            faults.append(f"attribute[{question.key}] takes one value")
        elif not values:
            if question.options:
                faults.append(f"attribute[{question.key}] is required")
        else:
            lines.append(_answer(question, values[0], language, faults))
    return tuple(line for line in lines if line)


def _answer(question: Question, value: str, language: str, faults: list[str]) -> str:
    if not question.options:
        return _text({question.key: [value]}, question.key, 500, faults)
    for option in question.options:
        if option.id == value.strip():
            return in_language(option.labels, language)
    allowed = ", ".join(option.id for option in question.options)
    faults.append(f"attribute[{question.key}] must be one of {allowed}")
    return ""


def _contact(fields: Fields, region: str, faults: list[str]) -> str:
    """Name, e-mail and telephone of the sender, for the desk alone."""
    names = [_text(fields, n, MAX_NAME, faults) for n in ("first_name", "last_name")]
    email = _text(fields, "email", MAX_EMAIL, faults)
    if email and not _EMAIL.fullmatch(email):
        faults.append("email is not an e-mail address")
    phone = _text(fields, "phone", 40, faults)
    if phone:
        try:
            number = phonenumbers.parse(phone, region)
            if not phonenumbers.is_possible_number(number):
                raise ValueError
            phone = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        except (phonenumbers.NumberParseException, ValueError):
            faults.append("phone is not a telephone number")
    return ", ".join(part for part in (" ".join(n for n in names if n), email, phone) if part)


def _picture(fields: Fields, faults: list[str]) -> str:
    address = _text(fields, "media_url", MAX_ADDRESS_OF_PICTURE, faults)
    try:
        parts = urlsplit(address)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if address and not good:
        faults.append("media_url is not the address of a picture")
    return address
