"""Dates in running text: "tomorrow", "vorige week dinsdag", "am 3. März", "i går", "3-3-2026".

A pattern over the cues of the city's languages finds where a date stands, and only that span is
read: weekdays and words by a table, everything else by `dateparser`, restricted to our languages.
A message without a cue costs one search. What is ambiguous is left out rather than guessed.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from bot.choices import fold

LANGUAGES = ["en", "nl", "de", "da"]
DAYS = {
    fold(name): number
    for number, names in enumerate(
        (
            "monday mondays maandag montag montags mandag mandags",
            "tuesday tuesdays dinsdag dienstag dienstags tirsdag tirsdags",
            "wednesday wednesdays woensdag mittwoch mittwochs onsdag onsdags",
            "thursday thursdays donderdag donnerstag donnerstags torsdag torsdags",
            "friday fridays vrijdag freitag freitags fredag fredags",
            "saturday saturdays zaterdag samstag samstags sonnabend lørdag lørdags",
            "sunday sundays zondag sonntag sonntags søndag søndags",
        )
    )
    for name in names.split()
}
"""Folded names of weekdays, Monday is 0."""
WORDS = {
    -2: "the day before yesterday|eergisteren|vorgestern|i forgårs",
    -1: "yesterday|gisteren|gisteravond|gisterochtend|gistermiddag|gestern|i går|igår|last night"
    "|i aftes|i går aftes",
    0: "today|tonight|this (?:morning|afternoon|evening)|vandaag|vanavond|vanmorgen|vanochtend"
    "|vanmiddag|vannacht|heute(?: morgen| abend| früh)?|i dag|idag|i morges|i aften|i eftermiddag"
    "|i nat",
    1: "tomorrow|morgen|i morgen|imorgen",
    2: "the day after tomorrow|overmorgen|übermorgen|i overmorgen",
}
_LAST = (
    r"last|vorige[nrsm]?|verleden|afgelopen|laatste|letzte[nrsm]?|vergangene[nrsm]?|sidste|forrige"
)
_NEXT = r"next|volgende|komende|aanstaande|nächste[nrsm]?|kommende[nrsm]?|næste|kommende"
_THIS = r"this|deze|diese[nrsm]?|denne"
_PAST_BEFORE = r"since|sinds|seit|siden"
_WEEK = r"week|woche|uge"
_DAY = (
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?|(?:maan|dins|woens|donder|vrij|zater|zon)dag"
    r"|(?:mon|diens|donners|frei|sams|sonn)tags?|mittwochs?|sonnabend"
    r"|(?:man|tirs|ons|tors|fre|lør|søn)dags?"
)
_MONTH = (
    r"januar[iy]?|februar[iy]?|march|april|june|july|august|september|october|november|december"
    r"|januari|februari|maart|mei|juni|juli|augustus|oktober|jänner|märz|dezember|marts|maj"
)
_NUMBER = (
    r"\d{1,3}|an?|one|two|three|four|five|six|een|één|twee|drie|vier|vijf|zes|eine?[nrm]?|zwei|drei"
    r"|fünf|sechs|en|et|to|tre|fire|fem|seks"
)
_UNIT = (
    r"days?|weeks?|months?|dagen|dag|weken|maand(?:en)?|tage?n?|wochen?|monate?n?|dage|uger?"
    r"|måneder|måned"
)
_ORDINAL = r"(?:st|nd|rd|th|e|de|ste|\.)?"
_CUE = re.compile(
    rf"\b(?:(?P<week>(?P<w1>{_LAST}|{_NEXT}|{_THIS})\s+(?:{_WEEK})\s+(?:on\s+|op\s+|am\s+)?(?P<d1>{_DAY})"
    rf"|(?P<d2>{_DAY})\s+(?:in\s+)?(?P<w2>{_LAST}|{_NEXT}|{_THIS})\s+(?:{_WEEK}))"
    rf"|(?P<aimed>(?P<w3>{_LAST}|{_NEXT}|{_THIS}|{_PAST_BEFORE})\s+(?P<d3>{_DAY}))"
    rf"|(?P<i_dags>i\s+(?P<d4>(?:man|tirs|ons|tors|fre|lør|søn)dags))"
    rf"|(?P<weekday>{_DAY})"
    rf"|(?P<aweek>(?P<w5>{_LAST}|{_NEXT})\s+(?:{_WEEK}))"
    rf"|(?P<ago>(?:(?P<n1>{_NUMBER})\s+(?P<u1>{_UNIT})\s+(?:ago|geleden)"
    rf"|(?:vor|for)\s+(?P<n2>{_NUMBER})\s+(?P<u2>{_UNIT})(?:\s+siden)?))"
    rf"|(?P<iso>20\d\d-\d\d?-\d\d?(?![-\d]))"
    rf"|(?P<numeric>\d\d?(?P<sep>[-/.])\d\d?(?P=sep)(?:20)?\d\d(?![-\d]))"
    rf"|(?P<named>\d\d?{_ORDINAL}\s+(?:of\s+)?(?:{_MONTH}|May|Mai)\b(?:\s+20\d\d)?"
    rf"|(?:{_MONTH}|May)\s+\d\d?(?:st|nd|rd|th)?\b(?:,?\s+20\d\d)?)"
    + "".join(
        f"|(?P<word{n + 2}>{words})"
        for n, words in sorted(WORDS.items(), key=lambda pair: -len(pair[1]))
    )
    + r")\b",
    re.IGNORECASE,
)
_NOT_TOMORROW = re.compile(
    r"\b(?:god|goede|goeie|gute[nrm]?|hver|jede[nrm]?|elke|iedere|am|denne|diese[nrm]?|om|den|guten|i)\s+$",
    re.IGNORECASE,
)
"""Before "morgen": then it is a greeting, or the morning."""
_UNITS = {"d": 1, "t": 1, "w": 7, "u": 7}
_SMALL_NUMBERS = {
    1: "a an one een eine einen einer einem ein en et",
    2: "two twee zwei to",
    3: "three drie drei tre",
    4: "four vier fire",
    5: "five vijf funf fem",
    6: "six zes sechs seks",
}
_VALUES = {word: n for n, words in _SMALL_NUMBERS.items() for word in words.split()}


def find_dates(text: str, today: date) -> Iterator[tuple[date, int, int]]:
    """Dates with their offsets, in the order of the text, as seen from `today`."""
    for match in _CUE.finditer(text):
        day = _read(match, text, today)
        if day is not None:
            yield day, match.start(), match.end()


def _read(match: re.Match[str], text: str, today: date) -> date | None:
    for n in range(-2, 3):
        if match[f"word{n + 2}"]:
            bare = fold(match[0]) == "morgen"
            if bare and _NOT_TOMORROW.search(text[: match.start()]):
                return None
            return today + timedelta(days=n)
    if match["week"]:
        monday = today - timedelta(days=today.weekday()) + _weeks(match["w1"] or match["w2"])
        return monday + timedelta(days=DAYS[fold(match["d1"] or match["d2"])])
    if match["aimed"]:
        aim = match["w3"]
        past = re.fullmatch(f"{_LAST}|{_PAST_BEFORE}", aim, re.IGNORECASE)
        return _weekday(match["d3"], today, past=bool(past))
    if match["i_dags"]:
        return _weekday(match["d4"], today, past=True)
    if match["weekday"]:
        return _weekday(match["weekday"], today, past=False)
    if match["aweek"]:
        return today - timedelta(days=today.weekday()) + _weeks(match["w5"])
    if match["ago"]:
        return _ago(match["n1"] or match["n2"], match["u1"] or match["u2"], today)
    return _parsed(match[0], today)


def _weeks(word: str) -> timedelta:
    if re.fullmatch(_LAST, word, re.IGNORECASE):
        return timedelta(weeks=-1)
    return timedelta(weeks=1 if re.fullmatch(_NEXT, word, re.IGNORECASE) else 0)


def _weekday(name: str, today: date, past: bool) -> date:
    """The nearest such day before today, or from today on."""
    day = DAYS[fold(name)]
    if past:
        return today - timedelta(days=(today.weekday() - day - 1) % 7 + 1)
    return today + timedelta(days=(day - today.weekday()) % 7)


def _ago(number: str, unit: str, today: date) -> date | None:
    count = int(number) if number.isdigit() else _VALUES.get(fold(number), 0)
    days = _UNITS.get(unit[0].lower(), 30)
    return today - timedelta(days=count * days) if count else None


def _parsed(words: str, today: date) -> date | None:
    import dateparser  # its tables load when the first date comes, not with the model

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = dateparser.parse(
            words,
            languages=LANGUAGES,
            settings={
                "DATE_ORDER": "YMD" if words[:4].isdigit() else "DMY",
                "RELATIVE_BASE": datetime(today.year, today.month, today.day),
                "PREFER_DATES_FROM": "current_period",
                "REQUIRE_PARTS": ["day", "month"],
            },
        )
    return found.date() if found else None
