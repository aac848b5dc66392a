"""Names by how people introduce themselves, sign, or are addressed, in four languages.

After a strong introduction ("my name is") a name may be written in small letters; after a weak one
("I am") only words with a capital count, and German, where every noun has one, asks for two of
them. A word that stands in `NO_NAME` ends or prevents a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_STRONG = (
    r"my (?:full |first |last )?name(?:'s| is|:)|the name(?:'s| is)|name[:=]|call me|i am called|"
    r"you(?:'re| are) (?:speaking|talking) (?:to|with)|mijn (?:volledige )?naam is|(?:voor|achter)?naam[:=]|ik heet|"
    r"u spreekt met|je spreekt met|noem mij|noem me|mein (?:voller )?name ist|(?:vor|nach)?name[:=]|"
    r"ich hei(?:ß|ss)e|sie sprechen mit|nennen sie mich|mein name:|mit (?:fulde )?navn er|jeg hedder|(?:for|efter)?navn[:=]|"
    r"du taler med|kald mig|mijn naam:|mit navn:"
)
_SIGNED = (
    r"(?:kind|best|warm|many)? ?regards,?|yours (?:sincerely|faithfully|truly),?|sincerely,|"
    r"(?:met )?(?:vriendelijke|hartelijke) groet(?:en)?,?|groet(?:jes|en)?,|m\.?v\.?g\.?,?|"
    r"(?:mit )?(?:freundlichen|besten|herzlichen) gr(?:ü|ue)(?:ß|ss)en,?|(?:viele|beste|liebe) gr(?:ü|ue)(?:ß|ss)e,?|mfg,?|"
    r"(?:med )?(?:venlig|kærlig|bedste) hilsen,?|(?:de )?bedste hilsner,?|mvh\.?,?|vh\.?,"
)
_TITLE = (
    r"mr\.?|mrs\.?|ms\.?|miss|dr\.?|de heer|dhr\.?|mevrouw|mevr\.?|mw\.?|meneer|herrn?|frau|"
    r"hr\.?|fru|frøken"
)
_WEAK = r"i am|i'm|this is|ik ben|(?:hallo|goedemorgen|goedemiddag|goedenavond|hoi|dag),? met|^met|hier is|jeg er|det er|her er"
_WEAK_GERMAN = r"ich bin|hier ist|hier spricht"
_PARTICLE = (
    r"(?:van|de|der|den|het|ter|ten|te|'t|von|zu|zum|af|la|le|el|al|bin|ben|da|dos|di|du|della|op)"
)
_CAPITAL = r"(?:[A-ZÀ-ÖØ-ÞŁŠŽĆČŞİ][\w'’]*(?:-[A-ZÀ-ÖØ-Þa-z][\w'’]*)*|[A-ZÀ-ÖØ-Þ]\.)"
_SMALL = r"[^\W\d_][\w'’-]*"
_NAME = rf"{_CAPITAL}(?:\s+(?:{_PARTICLE}\s+){{0,3}}{_CAPITAL}){{0,3}}"
_ANY = rf"{_SMALL}(?:\s+{_SMALL}){{0,4}}"

STRONG = re.compile(rf"(?<!\w)(?i:{_STRONG})\s*(?P<name>{_ANY})")
SIGNED = re.compile(rf"(?<!\w)(?i:{_SIGNED})\s+(?P<name>{_NAME})")
TITLED = re.compile(rf"(?<!\w)(?i:{_TITLE})\s+(?P<name>(?:{_PARTICLE}\s+){{0,3}}{_NAME})")
WEAK = re.compile(rf"(?<!\w)(?i:{_WEAK})\s+(?P<name>{_NAME})", re.MULTILINE)
GERMAN = re.compile(
    rf"(?<!\w)(?i:{_WEAK_GERMAN})\s+(?P<name>{_CAPITAL}\s+(?:{_PARTICLE}\s+){{0,3}}{_CAPITAL}(?:\s+{_CAPITAL})?)"
)

_PARTICLES = frozenset(
    [
        "van",
        "de",
        "der",
        "den",
        "het",
        "ter",
        "ten",
        "te",
        "'t",
        "von",
        "zu",
        "zum",
        "af",
        "la",
        "le",
        "el",
        "al",
        "bin",
        "ben",
        "da",
        "dos",
        "di",
        "du",
        "della",
        "op",
    ]
)
NO_NAME = (
    frozenset(
        # what follows a name, or shows that none was meant
        [
            "and",
            "but",
            "i",
            "im",
            "i'm",
            "my",
            "me",
            "we",
            "you",
            "he",
            "she",
            "it",
            "they",
            "the",
            "a",
            "an",
            "is",
            "am",
            "are",
            "was",
            "in",
            "on",
            "at",
            "from",
            "to",
            "of",
            "for",
            "with",
            "not",
            "so",
            "or",
            "because",
            "there",
            "here",
            "please",
            "thanks",
            "thank",
            "sorry",
            "very",
            "just",
            "still",
            "also",
            "living",
            "who",
            "what",
            "when",
            "where",
            "why",
            "how",
            "can",
            "could",
            "would",
            "have",
            "has",
            "had",
            "want",
            "need",
            "looking",
            "calling",
            "writing",
            "en",
            "maar",
            "ik",
            "mijn",
            "me",
            "wij",
            "we",
            "u",
            "jij",
            "hij",
            "zij",
            "een",
            "is",
            "ben",
            "zijn",
            "was",
            "in",
            "op",
            "aan",
            "uit",
            "naar",
            "voor",
            "met",
            "niet",
            "dus",
            "of",
            "want",
            "er",
            "hier",
            "graag",
            "bedankt",
            "dank",
            "sorry",
            "heel",
            "nog",
            "ook",
            "wie",
            "wat",
            "wanneer",
            "waar",
            "waarom",
            "hoe",
            "kan",
            "kunt",
            "wil",
            "heb",
            "heeft",
            "had",
            "woon",
            "bel",
            "en/of",
            "geen",
            "onbekend",
            "und",
            "aber",
            "ich",
            "mein",
            "mich",
            "wir",
            "sie",
            "er",
            "ein",
            "eine",
            "ist",
            "bin",
            "sind",
            "war",
            "in",
            "an",
            "aus",
            "nach",
            "für",
            "mit",
            "nicht",
            "also",
            "oder",
            "weil",
            "da",
            "hier",
            "bitte",
            "danke",
            "sehr",
            "noch",
            "auch",
            "wer",
            "was",
            "wann",
            "wo",
            "warum",
            "wie",
            "kann",
            "können",
            "will",
            "habe",
            "hat",
            "hatte",
            "wohne",
            "rufe",
            "kein",
            "keine",
            "og",
            "men",
            "jeg",
            "min",
            "mit",
            "mig",
            "vi",
            "du",
            "han",
            "hun",
            "en",
            "et",
            "er",
            "var",
            "i",
            "på",
            "fra",
            "til",
            "for",
            "med",
            "ikke",
            "så",
            "eller",
            "fordi",
            "der",
            "her",
            "tak",
            "meget",
            "stadig",
            "også",
            "hvem",
            "hvad",
            "hvornår",
            "hvor",
            "hvorfor",
            "hvordan",
            "kan",
            "vil",
            "har",
            "havde",
            "bor",
            "ringer",
            "ingen",
            "the",
            "resident",
            "bewoner",
            "anwohner",
            "beboer",
            "citizen",
            "unknown",
        ]
    )
    - _PARTICLES
)
PLACES_AND_KIN = frozenset(
    [
        "dutch",
        "english",
        "german",
        "danish",
        "groningen",
        "gemeente",
        "municipality",
        "stadt",
        "kommune",
        "city",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "maandag",
        "dinsdag",
        "woensdag",
        "donderdag",
        "vrijdag",
        "zaterdag",
        "zondag",
        "montag",
        "dienstag",
        "mittwoch",
        "donnerstag",
        "freitag",
        "samstag",
        "sonntag",
        "mandag",
        "tirsdag",
        "onsdag",
        "torsdag",
        "fredag",
        "lørdag",
        "søndag",
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "januari",
        "februari",
        "maart",
        "mei",
        "juni",
        "juli",
        "augustus",
        "oktober",
        "januar",
        "februar",
        "märz",
        "mai",
        "dezember",
        "marts",
        "maj",
        "urgent",
        "spoed",
        "dringend",
    ]
)


def introduced(text: str) -> Iterator[tuple[int, int]]:
    """Spans of names that are introduced, signed or addressed."""
    for pattern in (STRONG, SIGNED, TITLED, WEAK, GERMAN):
        for match in pattern.finditer(text):
            start, end = match.span("name")
            kept = _kept(text[start:end], weak=pattern in (WEAK, GERMAN))
            if kept:
                yield start, start + kept


def _kept(words: str, weak: bool) -> int:
    """How much of the words, in characters, is a name; 0 for none."""
    end, last = 0, 0
    for count, match in enumerate(re.finditer(r"\S+", words)):
        bare = match[0].strip(".,;:!?'’").casefold()
        if bare in _PARTICLES and not (count == 0 and weak):
            last = match.end()
            continue  # kept only when a name follows
        if bare in NO_NAME or (weak and bare in PLACES_AND_KIN):
            break
        end = last = match.end()
        if match[0][-1] in ",;!?" or (match[0][-1] == "." and len(bare) > 3):
            end -= 1
            break
    return end if last else 0


def answer(text: str) -> tuple[int, int] | None:
    """The span of a name in an answer to "what is your name?": all of a short answer of words."""
    stripped = text.strip()
    words = stripped.split()
    if not 0 < len(words) <= 5 or any(ch.isdigit() for ch in stripped) or "?" in stripped:
        return None
    if any(word.strip(".,!").casefold() in NO_NAME for word in words):
        return None
    start = text.index(stripped)
    return start, start + len(stripped)
