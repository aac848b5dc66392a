"""Names of languages as citizens say them, and the wish to speak another one.

The wish is read from a closed set of words, in any language about any language ("kun je Engels
praten", "auf Deutsch bitte", "skift til dansk"): one word more and it is another matter, such as a
course or an interpreter.
"""

from __future__ import annotations

from bot.choices import fold

NAMES = {"en": "English", "nl": "Nederlands", "de": "Deutsch", "da": "Dansk"}
"""Each language in itself."""
_CALLED = {
    "en": "english engels engelse englisch englische engelsk inglese",
    "nl": "dutch nederlands nederlandse hollands niederlandisch niederlandische hollandisch"
    " hollandsk nederlandsk",
    "de": "german duits duitse deutsch deutsche tysk",
    "da": "danish deens deense danisch danische dansk",
}
_BY_WORD = {word: code for code, words in _CALLED.items() for word in words.split()}
_WISHES = """
    speak talk switch change continue write answer use language please prefer try
    praten praat spreek spreken schakel wissel verander ga verder schrijf antwoord taal graag
    alstublieft alsjeblieft aub svp liever
    sprechen sprich rede reden wechseln wechsle wechsel antworten antworte schreiben sprache
    bitte lieber weiter stell stelle
    tal tale snak snakke skift skifte svar svare skriv skrive sprog tak gerne helst venligst fortsat
    auf op pa in til to into zu naar
"""
_FILLERS = """
    a an the can could may you we i me my it now from on with would like want let s us do instead
    not kan kun kunt kunnen je jij u jullie ik mij het de een nu over is er ook dat wil zou willen
    hier niet kann konnen kannst sie du ich mir das die der ein jetzt mochte will konnten wir um es
    mit ab jeg mig det den en fra vil ville om vi med skal
    and und og or of hi hello hallo hej moin dag hey yes no ja nee nein nej sorry
"""
_WISH = frozenset(_WISHES.split())
"""Words that make a wish of the name of a language; a preposition is enough ("på dansk")."""
_AROUND = frozenset(_FILLERS.split())
LONGEST = 9


def language_named(text: str) -> str | None:
    """The language that a text names, in whatever language it names it."""
    return next((_BY_WORD[w] for w in fold(text).split() if w in _BY_WORD), None)


def wished_language(text: str) -> str | None:
    """The language to speak from now on, when the message wishes that and nothing else."""
    words = fold(text).split()
    named = [_BY_WORD[word] for word in words if word in _BY_WORD]
    rest = [word for word in words if word not in _BY_WORD]
    if not named or len(words) > LONGEST or not all(w in _WISH or w in _AROUND for w in rest):
        return None
    wishes = not rest or any(word in _WISH for word in rest)
    # "not in Dutch but in English": the last one is meant.
    return named[-1] if wishes else None
