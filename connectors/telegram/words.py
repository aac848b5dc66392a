"""The few words that belong to Telegram itself: command descriptions and the position button.

Everything else that a citizen reads comes from the phrases. Command names are the same in every
language; Telegram shows the descriptions in the language of the citizen's app.
"""

from __future__ import annotations

COMMANDS: dict[str, dict[str, str]] = {
    "en": {
        "help": "What I can do for you",
        "report": "Report a problem in the street",
        "status": "See what became of your report",
        "language": "Choose another language",
        "privacy": "What we keep, and how to delete it",
        "stop": "Stop what we are doing",
    },
    "nl": {
        "help": "Wat ik voor u kan doen",
        "report": "Een probleem op straat melden",
        "status": "Kijken hoe het met uw melding gaat",
        "language": "Een andere taal kiezen",
        "privacy": "Wat wij bewaren en hoe u het wist",
        "stop": "Stoppen met waar we mee bezig zijn",
    },
    "de": {
        "help": "Was ich für Sie tun kann",
        "report": "Ein Problem auf der Straße melden",
        "status": "Sehen, was aus Ihrer Meldung wurde",
        "language": "Eine andere Sprache wählen",
        "privacy": "Was wir speichern und wie Sie es löschen",
        "stop": "Beenden, was wir gerade tun",
    },
    "da": {
        "help": "Hvad jeg kan gøre for dig",
        "report": "Meld et problem på gaden",
        "status": "Se, hvad der er sket med din melding",
        "language": "Vælg et andet sprog",
        "privacy": "Hvad vi gemmer, og hvordan du sletter det",
        "stop": "Stop det, vi er i gang med",
    },
}
SHARE_PLACE = {
    "en": "Share my position",
    "nl": "Mijn locatie delen",
    "de": "Meinen Standort senden",
    "da": "Del min placering",
}
CHOOSE = {
    "en": "Please choose:",
    "nl": "Kies uit:",
    "de": "Bitte wählen Sie:",
    "da": "Vælg venligst:",
}


def word(table: dict[str, str], language: str) -> str:
    """The word in this language, or else in English."""
    return table.get(language, table["en"])
