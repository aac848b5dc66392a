"""Numbers that name a person: telephone, e-mail, bank account, citizen number, plate, postcode.

What looks like a number but is a ticket reference, a date, a time or an amount is protected first.
Check digits decide where there are any (`python-stdnum`); the word before a number ("my BSN is")
decides where someone mistyped one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers
from stdnum import iban
from stdnum.de import idnr
from stdnum.dk import cpr
from stdnum.nl import bsn

REGIONS = ("NL", "DE", "DK", "GB")
PROTECTED = re.compile(
    r"(?i)\bLW\s?[-–]?\s?\d{4}\s?[-–]?\s?\d{1,6}\b"  # ticket references
    r"|\b\d{4}[-./]\d{1,2}[-./]\d{1,2}\b"
    r"|\b\d{1,2}[-./]\s?\d{1,2}[-./]\s?(?:19|20)\d{2}\b|\b\d{1,2}[-./]\d{1,2}[-./]\d{2}\b(?![-./ ]?\d)"
    r"|\b\d{1,2}[:.]\d{2}\s?(?:-|–|to|tot|bis|til)\s?\d{1,2}[:.]\d{2}\b"
    r"|(?<![\w-])(?:€|eur|euro|kr\.?|dkk|\$|£)\s?\d[\d.,\s]{0,14}\d?|\d[\d.,\s]{0,14}\s?(?:€|euro|eur\b|kr\b|kroner\b|cent)"
    r"|\b(?:ISBN|KVK|CVR)[:\s-]*[\d\s-]{8,17}"
    r"|\b(?:reference|referentie|referenz|kenmerk|zaak|sag(?:s)?|melding(?:s)?|ticket|vorgang(?:s)?|aktenzeichen|case|report)"
    r"[- ]?(?:number|nummer|nr\.?|no\.?)?[:\s]{0,3}(?:is|er|ist)?\s?\d[\d/-]{5,14}"
)
EMAIL = re.compile(
    r"(?i)[\w.+'-]+\s?(?:@|\(at\)|\[at\]|\(apenstaartje\))\s?[\w-]+(?:\.[\w-]+)*\.[a-z]{2,24}"
)
IBAN = re.compile(r"(?i)\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?\b")
NINE = re.compile(
    r"(?<![\d.,-])\d{3}[ .-]?\d{2,3}[ .-]?\d{2}[ .-]?\d{1,2}(?![\d-])|(?<![\d.,-])\d{4}[ .]\d{2}[ .]\d{3}(?![\d-])"
)
ELEVEN = re.compile(r"(?<![\d.,-])\d{2}[ .]?\d{3}[ .]?\d{3}[ .]?\d{3}(?![\d-])")
CPR = re.compile(r"(?<![\d.,-])\d{6}[ -]?\d{4}(?![\d-])")
NAMED = re.compile(
    r"(?i)\b(?:bsn|burgerservicenummer|sofi(?:-?nummer)?|citizen(?: service)? number|steuer-?id(?:nr)?\.?|"
    r"(?:steuer)?identifikationsnummer|cpr(?:-?(?:nummer|nr\.?))?|personnummer|tax (?:id|number)|sozialversicherungsnummer|"
    r"paspoortnummer|passport (?:number|no\.?)|reisepassnummer|pasnummer|ausweisnummer)"
    r"\W{0,3}(?:is|er|ist|lautet|nummer|number|nr\.?|no\.?)?\W{0,3}(?P<number>(?=[A-Z]{0,5}\d)[A-Z0-9][A-Z0-9.-]{1,16}(?: ?[\d.-]{2,6}){0,4}[A-Z0-9])"
)
PLATE_NL = re.compile(
    r"(?i)(?<![\w-])(?:[a-z]{2}-\d{2}-\d{2}|\d{2}-\d{2}-[a-z]{2}|\d{2}-[a-z]{2}-\d{2}|[a-z]{2}-\d{2}-[a-z]{2}|"
    r"[a-z]{2}-[a-z]{2}-\d{2}|\d{2}-[a-z]{2}-[a-z]{2}|\d{2}-[a-z]{3}-\d|\d-[a-z]{3}-\d{2}|[a-z]{2}-\d{3}-[a-z]|"
    r"[a-z]-\d{3}-[a-z]{2}|[a-z]{3}-\d{2}-[a-z]|[a-z]-\d{2}-[a-z]{3}|\d-[a-z]{2}-\d{3}|\d{3}-[a-z]{2}-\d)(?![\w-])"
)
PLATE_DE = re.compile(r"(?<![\w-])[A-ZÄÖÜ]{1,3}[- ][A-Z]{1,2}[- ]?[1-9]\d{0,3}[EH]?(?![\w-])")
PLATE_DK = re.compile(r"(?<![\w-])[A-Z]{2} ?\d{2} ?\d{3}(?![\w-])")
PLATE_NAMED = re.compile(
    r"(?i)\b(?:kenteken(?:plaat)?|kennzeichen|nummerplade|registreringsnummer|(?:licen[cs]e|number) plate|registration(?: number)?|plate)"
    r"\W{0,3}(?:is|er|ist|lautet|was|number|:)?\W{0,3}(?P<number>(?=[A-Z0-9ÄÖÜ -]*\d)[A-ZÄÖÜ0-9]{1,3}[ -]?[A-Z0-9]{1,3}[ -]?[A-Z0-9]{1,4})\b"
)
NO_PLATE = re.compile(r"(?i)^(?:DIN|ISO|EN|A|N|E|B|BU|WK|GM|TV|UV|DK|NL|DE|LW|KM|NR)[- ]")


def digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def protect(text: str) -> str:
    """The text with blanks where references, dates, times and amounts stand; as long as before."""
    return PROTECTED.sub(lambda m: " " * len(m[0]), text)


def emails(text: str) -> Iterator[tuple[int, int]]:
    yield from (m.span() for m in EMAIL.finditer(text))


def ibans(text: str) -> Iterator[tuple[int, int]]:
    for match in IBAN.finditer(text):
        found, (start, end) = match[0], match.span()
        while len(found) > 14 and not iban.is_valid(re.sub(r"[ -]", "", found)):
            found = found[:-1]  # words that follow may look like part of it
        if len(found) > 14:
            yield start, start + len(found.rstrip(" -"))
        elif (
            re.match(r"(?i)(?:NL|DE|DK)\d{2}[ -]?[A-Z]{0,4}", match[0])
            and len(digits(match[0])) > 9
        ):
            yield start, end  # mistyped, and still an account


def citizen_numbers(text: str) -> Iterator[tuple[int, int]]:
    for match in NAMED.finditer(text):
        if len(digits(match["number"])) >= 4:
            yield match.span("number")
    for pattern, size, right in (
        (NINE, 9, bsn.is_valid),
        (ELEVEN, 11, idnr.is_valid),
    ):
        for match in pattern.finditer(text):
            if len(digits(match[0])) == size and right(digits(match[0])):
                yield match.span()
    for match in CPR.finditer(text):
        plain = digits(match[0])
        # Since 2007 numbers are given out that fail the check (cpr.dk); then the date decides.
        dated = "-" in match[0] and 0 < int(plain[:2]) <= 31 and 0 < int(plain[2:4]) <= 12
        if dated or cpr.is_valid(plain):
            yield match.span()


def phones(text: str) -> Iterator[tuple[int, int]]:
    if len(digits(text)) < 8:
        return  # most texts: looking for telephone numbers is slow
    for region in REGIONS:
        for match in phonenumbers.PhoneNumberMatcher(
            text, region, leniency=phonenumbers.Leniency.VALID
        ):
            if len(digits(match.raw_string)) >= 8:
                yield match.start, match.end


def plates(text: str) -> Iterator[tuple[int, int]]:
    for match in PLATE_NAMED.finditer(text):
        if len(match["number"]) >= 4:
            yield match.span("number")
    for pattern in (PLATE_NL, PLATE_DK):
        yield from (match.span() for match in pattern.finditer(text))
    for match in PLATE_DE.finditer(text):
        if not NO_PLATE.match(match[0]):
            yield match.span()
