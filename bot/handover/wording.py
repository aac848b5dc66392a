"""What may stand in a standard reply: which names are filled in, and what is wrong with a draft.

Pure: an editor's words in, faults out, each with the language it is about and what to change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

PLACEHOLDERS = (
    "agent",
    "reference",
    "city",
    "desk_phone",
    "desk_email",
    "desk_address",
    "opening_hours",
)
"""Names in braces that are filled in when a reply is chosen: who answers, the number of the
citizen's newest report, and what `data/city.yml` says about the desk."""
LONGEST_NAME, LONGEST_TEXT = 60, 1000
_KNOWN = re.compile("|".join(re.escape(f"{{{name}}}") for name in PLACEHOLDERS))
_BRACED = re.compile(r"\{([^{}\0]*)\}")


@dataclass(frozen=True)
class Fault:
    """`kind` is stable; `language` is empty when it is about the whole reply."""

    kind: str
    language: str = ""
    values: Mapping[str, object] = field(default_factory=dict)


def faults_of(
    names: Mapping[str, str], texts: Mapping[str, str], languages: Sequence[str]
) -> list[Fault]:
    """What is wrong with a reply. The first language must be there; others may be empty."""
    found = []
    for language in languages:
        name, text = names.get(language, ""), texts.get(language, "")
        if not name and not text and language != languages[0]:
            continue
        if not name:
            found.append(Fault("name_missing", language))
        if not text:
            found.append(Fault("text_missing", language))
        if len(name) > LONGEST_NAME:
            found.append(Fault("name_long", language, {"most": LONGEST_NAME}))
        if len(text) > LONGEST_TEXT:
            found.append(Fault("text_long", language, {"most": LONGEST_TEXT}))
        if "{" in name or "}" in name:
            found.append(Fault("name_braces", language))
        found += _braces(text, language)
    return found


def _braces(text: str, language: str) -> list[Fault]:
    """Unknown names in braces, each once, and braces that belong to nothing."""
    rest = _KNOWN.sub("\0", text)
    unknown = list(dict.fromkeys(_BRACED.findall(rest)))
    found = [Fault("unknown", language, {"name": f"{{{name[:40]}}}"}) for name in unknown[:5]]
    if re.search(r"[{}]", _BRACED.sub("", rest)):
        found.append(Fault("braces", language))
    return found


def filled(text: str, values: Mapping[str, object]) -> list[tuple[str, bool]]:
    """The text as pieces to show; True marks what was filled in."""
    pieces: list[tuple[str, bool]] = []
    at = 0
    for match in _KNOWN.finditer(text):
        pieces.append((text[at : match.start()], False))
        pieces.append((str(values.get(match[0][1:-1], match[0])), True))
        at = match.end()
    return [(words, named) for words, named in [*pieces, (text[at:], False)] if words]


def unfilled(text: str) -> bool:
    """Whether a name in braces still stands in words that are about to be sent."""
    return _KNOWN.search(text) is not None
