"""Who is there for an area: its desk, councillor or neighbourhood manager, where the city says so.

The smallest area that has somebody counts: the neighbourhood, then its district, then the city.
"""

from __future__ import annotations

import re

from rasa_sdk.events import EventType, SlotSet

from actions.boundary import CivicAction, Said, Speech
from actions.facilities import hours_words
from actions.whereabouts import (
    ask_which,
    asked,
    known_parents,
    may_offer,
    offer_to_remember,
    remember_question,
    smallest,
    speaks_of_home,
)
from bot.choices import fold
from bot.civic.areas import Area, Official
from bot.phrases import PhraseMissing

MANY = 6
_ROLES = (
    ("councillor", r"councill?or|council member|raadslid|gemeenteraad|ratsmitglied|stadtrat"
                   r"|abgeordnet|byradsmedlem|politiker"),
    ("neighbourhood_manager", r"manager|wijkbeheerder|wijkregisseur|buurtregisseur|gebiedsregisseur"
                              r"|stadtteil(leit|koordin)|quartiersmanag|bydelsleder|omradeleder"),
    ("desk", r"\bdesk|office|loket|burgerburo|burgeramt|buro\b|borgerservice"),
)  # fmt: skip


def role_named(text: str) -> str | None:
    """The role that a question asks for; None asks for whoever is there."""
    said = fold(text)
    return next((role for role, pattern in _ROLES if re.search(pattern, said)), None)


class AreaContact(CivicAction):
    label = "action_area_contact"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        pending = said.slots.get("pending") or {}
        role = role_named(said.text) or (
            pending.get("role") if pending.get("kind") == "area_contact" else None
        )
        areas = asked(said, self.city)
        if not areas:
            if said.in_form:
                speech.say("utter_name_the_place")
                return []
            speech.say("utter_ask_area")
            return [SlotSet("pending", {"kind": "area_contact", "role": role})]
        if len(areas) > 1:
            areas = self._merged(areas)
        if len(areas) > 1 and not said.in_form:
            ask_which(speech, "utter_which_area", "area_contact", areas)
            return [SlotSet("pending", {"kind": "area_contact", "role": role})]
        area = areas[0]
        self._tell(area, role, said, speech)
        kept = remember_question(self.city, "area_contact", [area])
        home = smallest([area], self.city)
        if len(home) == 1 and speaks_of_home(said) and may_offer(said, self.city, home[0]):
            return [kept, SlotSet("misses", 0), *offer_to_remember(speech, home[0])]
        return [kept, SlotSet("pending", None), SlotSet("misses", 0)]

    def _merged(self, areas: list[Area]) -> list[Area]:
        """One area, when whoever is there is there for all of them."""
        there = [self._officials(area) for area in areas]
        return areas[:1] if all(found == there[0] for found in there) else areas

    def _officials(self, area: Area) -> list[Official]:
        """Of each role those of the smallest area that has any."""
        found: dict[str, list[Official]] = {}
        for one in (area, *known_parents(area, self.city)):
            here: dict[str, list[Official]] = {}
            for official in self.city.areas.officials(one.code):
                here.setdefault(official.role, []).append(official)
            for role, officials in here.items():
                found.setdefault(role, officials)
        return [official for officials in found.values() for official in officials]

    def _tell(self, area: Area, role: str | None, said: Said, speech: Speech) -> None:
        officials = self._officials(area)
        wanted = [o for o in officials if role is None or o.role == role]
        if not officials:
            speech.say("utter_contact_none", area=area.name)
            return
        if role and not wanted:
            name = self._role(role, said.language)
            speech.say("utter_contact_none_role", area=area.name, role=name)
        listed = (wanted or officials)[:MANY]
        lines = [self._line(one, said.language) for one in listed]
        if any(one.sample for one in listed):
            lines.append(self.city.text("utter_note_sample_people", said.language))
        first = listed[0]
        speech.say(
            "utter_contact_area",
            link=(first.url, first.name) if first.url else None,
            area=area.name,
            list="\n".join(lines),
        )

    def _role(self, role: str, language: str) -> str:
        try:
            return self.city.text(f"utter_role_{role}", language)
        except PhraseMissing:
            return role.replace("_", " ").capitalize()

    def _line(self, one: Official, language: str) -> str:
        hours = hours_words(self.city, one.opening_hours, language)
        details = [d for d in (one.phone, one.email, one.address, hours) if d]
        return self.city.text(
            "utter_contact_line",
            language,
            role=self._role(one.role, language),
            name=one.name,
            details=f" ({', '.join(details)})" if details else "",
        )
