"""Words that steer an action: figures of an area, "no, I meant", what to change."""

from __future__ import annotations

import re

from bot.choices import fold

# First match wins: the narrow figures stand before the general ones.
_FIGURES = (
    ("origin", r"immigra|migrant|migrati|auslander|buitenland|origin|herkomst|afkomst|ethnic|etnisc"
               r"|nationalit|turk|marok|muslim|moslim|religio|geloof|udlaending|indvandr|race\b"
               r"|vandaan|come from|comes? from|were born|stamm|woher|kommer .*fra"
               r"|married|gehuwd|divorced|gescheiden|verheirat|geschieden|u?gifte?\b|skilte?\b|fraskilt"),
    ("household_size", r"household size|persons per household|gemiddelde huishoud|huishoudgrootte"
                       r"|haushaltsgro|husstandsstorrelse|people per house|mensen per huis"),
    ("single_households_pct", r"single|alone|alleen\w*|eenpersoon|alleinstehend|einpersonen|enlige|bor alene"),
    ("households_with_children_pct", r"famil|with children|met kinderen|mit kindern|gezin|med born|bornefamil"),
    ("households", r"household|huishoud|haushalt|husstand|husholdning|homes\b|woningen"),
    ("density_per_km2", r"densit|dichtheid|dicht\b|dichte|taethed|crowded|dichtbevolkt|per km|square k|per vierkante|tat\b"),
    ("age_65_up_pct", r"elder|older|senior|65|ouder|bejaard|altere|rentner|aeldre|pension|old people|oude mensen"),
    ("age_15_24_pct", r"student|young adult|15|24|jongvolw|junge erwachsene|studerende"),
    ("age_0_14_pct", r"child|kids|kinder|born\b|0 14|under 15|young people|jeugd|jugend"),
    ("ages", r"\bage|ages|leeftijd|\balter\b|altersgrupp|alder|how old|hoe oud"),
    ("water_ha", r"water|wasser|\bvand\b"),
    ("area_ha", r"how (big|large)|size|surface|hectare|groot|oppervlak|gross|grosse|flache|areal|stor\b|storrelse"),
    ("inhabitants", r"how many|inwoner|people|population|resident|einwohner|bewohner|leute|mensen"
                    r"|menschen|indbygger|beboere|mennesker|folk|bevolking|wonen|wohnen|live|bor\b|hoeveel"),
)  # fmt: skip


def figure_named(text: str) -> str | None:
    """Which figure of an area a question is about; None asks for all."""
    said = fold(text)
    return next((name for name, pattern in _FIGURES if re.search(pattern, said)), None)


_CORRECTION = re.compile(
    r"^(no|nee|nein|nej|sorry|actually|eigenlijk|eigentlich|egentlig|wait|wacht|warte|vent|i meant"
    r"|ik bedoel\w*|ich meinte|jeg mente|correction|correctie)\b"
)


def is_correction(text: str) -> bool:
    """Does the message begin by taking something back?"""
    return bool(_CORRECTION.match(fold(text)))


_CHANGES = (
    ("contact", r"telefoon|telefon|phone|e ?mail|\bmail|contact|kontakt|bereik|reach me"),
    ("place", r"\bplek|plaats|adres|straat\b|place|address|street\b|\bort\b|strasse\b|stedet|sted\b"),
    ("detail", r"detail|einzelheit|bijzonderhe"),
    ("service", r"proble+m|soort melding|kind of report"),
)  # fmt: skip


def change_named(text: str) -> str | None:
    """Which part of a report a message wants to change or to add."""
    said = fold(text)
    return next((name for name, pattern in _CHANGES if re.search(pattern, said)), None)
