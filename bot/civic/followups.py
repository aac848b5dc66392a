"""Short questions that lean on what was said before: "what does that cost?", "and where?".

Read from a closed set of words in four languages: a message of nothing but question words,
pronouns and words such as "cost" has no topic of its own. One word more, and it has.
"""

from __future__ import annotations

from bot.choices import fold

LONGEST = 8
_ASKING = """
    what where when how who which why much long many often
    wat waar wanneer hoe hoeveel wie welke waarom lang vaak
    was wo wann wie wieviel wer welche welchen warum lange viel oft
    hvad hvor hvornar hvordan hvem hvilken hvorfor længe meget tit
"""
_ABOUT = """
    cost costs price pay take takes need bring do does have has get must possible online
    kost kosten prijs betalen duurt duren nodig meenemen mee doen heb moet kan krijgen meebrengen
    kostet kosten preis bezahlen dauert brauche mitbringen tun muss dafur bekomme dabei
    koster pris betale tager tage tid brug bruge medbringe med gøre skal far fa
"""
_SMALL = """
    and but so then that it this these those them there is are i we you my to for of the a an with
    en maar dan dat het dit die deze er is zijn ik wij we je u mijn te om voor van
    de een ervoor daarvoor
    und aber dann das es dies diese da ist sind ich wir sie mein zu um fur von der
    die den ein eine denn
    og men sa det den dette de der er jeg vi du min at for af en et til sammen
    please exactly ok graag precies bitte genau tak praecis also ook auch ogsa long that
"""
_TO_THE_BOT = """
    who what how are do you wie wat hoe kan doen je was tun sie
    hvem hvad hvordan er gør du
    and so but en dus maar und also og men
"""
_ABOUT_THE_BOT = frozenset(_TO_THE_BOT.split())
_BOT = frozenset(("you", "je", "sie", "du"))
_QUESTIONS = frozenset(_ASKING.split())
_KNOWN = _QUESTIONS | frozenset(_ABOUT.split()) | frozenset(_SMALL.split())


def is_follow_up(text: str) -> bool:
    """Does a message ask something without saying about what?"""
    words = fold(text).split()
    if not words or len(words) > LONGEST or not all(word in _KNOWN for word in words):
        return False
    if _BOT.intersection(words) and _ABOUT_THE_BOT.issuperset(words):
        return False  # "who are you?", "hvad kan du?": this one has a topic, the bot itself
    return any(word in _QUESTIONS for word in words)
