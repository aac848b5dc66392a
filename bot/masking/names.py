"""Names by how people introduce themselves, sign, or are addressed, in four languages.

After a strong introduction ("my name is") a name may be written in small letters; after a weak one
("I am") only words with a capital count, and German, where every noun has one, asks for two of
them. A word that stands in `no_names.txt` ends or prevents a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

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
_WEAK = r"i am|i'm|it's|it is|this is|ik ben|(?:hallo|goedemorgen|goedemiddag|goedenavond|hoi|dag),? met|^met|hier is|jeg er|det er|her er"
_WEAK_GERMAN = r"ich bin|hier ist|hier spricht"
_GREETING = (
    r"hi|hello|good (?:morning|afternoon|evening)|hoi|hallo|dag|goede(?:morgen|middag|navond)|"
    r"guten (?:morgen|tag|abend)|moin|hej|god(?:morgen|dag|aften)"
)
_KIN = (
    r"(?:my|our) (?:wife|husband|partner|son|daughter|mother|father|mum|dad|brother|sister|neighbour|friend)|"
    r"(?:mijn|onze) (?:vrouw|man|partner|zoon|dochter|moeder|vader|broer|zus|buurman|buurvrouw|vriend|vriendin)|"
    r"(?:meine?|unsere?) (?:frau|mann|partner|sohn|tochter|mutter|vater|bruder|schwester|nachbar|nachbarin|freund|freundin)|"
    r"(?:min|mit|vores) (?:kone|mand|partner|søn|datter|mor|far|bror|søster|nabo|ven|veninde)|"
    r"ring til|spørg efter|ask for|vraag naar|fragen sie nach"
)
_PARTICLE = (
    r"(?:van|de|der|den|het|ter|ten|te|'t|von|zu|zum|af|la|le|el|al|bin|ben|da|dos|di|du|della|op)"
)
_CAPITAL = (
    r"(?:(?:[A-ZÀ-ÖØ-Þ]\.)+|[A-ZÀ-ÖØ-ÞŁŠŽĆČŞİ][\w'’]*(?:-[A-ZÀ-ÖØ-Þa-z][\w'’]*)*|[A-ZÀ-ÖØ-Þ]\.)"
)
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

HERE = re.compile(
    rf"(?<!\w)(?i:{_GREETING}),?\s+(?P<name>{_NAME})\s+(?i:here|hier|her|from|uit|van|aus|fra)\b"
)
THANKED = re.compile(
    rf"(?<!\w)(?i:(?:many )?thanks(?: a lot| very much)?|thank you(?: very much)?|(?:alvast )?bedankt|dank u(?: wel)?|"
    rf"(?:vielen |herzlichen )?dank|danke(?: schön)?|(?:mange |på forhånd )?tak|gru(?:ß|ss)|hilsen),?\s+(?P<name>{_NAME})[.!]?\s*$"
)
FIRST = re.compile(
    rf"^\s*(?:(?i:{_GREETING}),?\s+(?i:hier|her|here)?\s*)?(?P<name>{_CAPITAL}\s+(?:{_PARTICLE}\s+){{0,3}}{_CAPITAL})"
    rf"(?=\.\s|,[^,]*\d)|(?<!\w)(?P<self>{_NAME})\s+(?i:is (?:de|mijn|the|my) na(?:am|me)|ist mein name|er mit navn)\b"
)
BESIDE = re.compile(
    rf"(?<!\w)(?i:{_KIN})\s+(?P<name>{_NAME})|(?<!\w)(?:I|Ik|Ich|Jeg), (?P<self>{_NAME}),"
)

PARTICLES = frozenset(_PARTICLE.strip("(?:)").split("|"))


def _words(of: str) -> frozenset[str]:
    """The words of one paragraph of `no_names.txt`."""
    text = (Path(__file__).resolve().parent / "no_names.txt").read_text("utf-8")
    for paragraph in text.split("\n\n"):
        title, _, words = paragraph.partition("\n")
        if title.startswith(f"# {of}:"):
            return frozenset(words.split())
    raise ValueError(of)


NO_NAME = _words("no-name") - PARTICLES
NO_NAME_AFTER_WEAK = _words("weak")
_CAREFUL = (WEAK, GERMAN, FIRST)


def introduced(text: str) -> Iterator[tuple[int, int]]:
    """Spans of names that are introduced, signed or addressed."""
    for pattern in (STRONG, SIGNED, TITLED, HERE, BESIDE, THANKED, FIRST, WEAK, GERMAN):
        at = 0
        while match := pattern.search(text, at):
            own = pattern in (BESIDE, FIRST) and match["self"]
            start, end = match.span("self" if own else "name")
            kept = _kept(text[start:end], weak=pattern in _CAREFUL)
            if kept:
                yield start, start + kept
            # What the pattern took and the name did not may introduce the next one.
            at = max(start + kept, match.start() + 1)


def _kept(words: str, weak: bool) -> int:
    """How much of the words, in characters, is a name; 0 for none."""
    end, last = 0, 0
    for count, match in enumerate(re.finditer(r"\S+", words)):
        bare = match[0].strip(".,;:!?'’").casefold()
        if bare in PARTICLES and not (count == 0 and weak):
            last = match.end()
            continue  # kept only when a name follows
        if bare in NO_NAME or (weak and bare in NO_NAME_AFTER_WEAK):
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
