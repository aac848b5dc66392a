"""When waste is collected: the next day of every kind, with holidays moved, and a calendar."""

from __future__ import annotations

from rasa_sdk.events import EventType, SlotSet

from actions.boundary import CivicAction, Said, Speech
from actions.places import areas_in
from actions.whereabouts import (
    ask_which,
    asked,
    may_offer,
    offer_to_remember,
    remember_question,
    smallest,
)
from bot.civic.areas import Area
from bot.civic.reporting import PLACE
from bot.civic.waste import Pickup, next_pickups
from bot.dates import spoken_date
from bot.waste_calendar import address, waste_name

MANY = 4
WHAT_GOES_WHERE = "answer/recycling-what-goes-where"


class WasteDay(CivicAction):
    label = "action_waste_day"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        found = asked(said, self.city)
        areas = smallest(found, self.city)
        if said.in_form:
            return self._in_form(areas, said, speech)
        if not areas:
            pending = said.slots.get("pending") or {}
            asked_before = pending.get("kind") == "waste_day" and said.guess != "waste_day"
            speech.say("utter_waste_unknown" if asked_before else "utter_ask_address")
            return [SlotSet("pending", {"kind": "waste_day"})]
        if len(areas) > 1:
            ask_which(speech, "utter_which_area", "waste_day", areas)
            return [SlotSet("pending", {"kind": "waste_day"})]
        area = areas[0]
        kept = remember_question(self.city, "waste_day", [area])
        offers = may_offer(said, self.city, area)
        known = self._tell(area, said, speech, choices=not offers)
        if known and offers:
            return [kept, SlotSet("misses", 0), *offer_to_remember(speech, area)]
        return [kept, SlotSet("pending", None), SlotSet("misses", 0)]

    def _in_form(self, areas: list[Area], said: Said, speech: Speech) -> list[EventType]:
        """While a report is open no second question is asked: the report's own place will do."""
        areas = areas or smallest(areas_in(said.slots.get(PLACE), self.city), self.city)
        for area in areas[:MANY]:
            self._tell(area, said, speech, choices=False)
        if not areas:
            speech.say("utter_name_the_place")
        return []

    def _tell(self, area: Area, said: Said, speech: Speech, choices: bool) -> bool:
        """Say the days of an area; False when none are known."""
        plan, shifts = self.city.areas.collections(area.code), self.city.areas.shifts(area.code)
        days = next_pickups(plan, shifts, self.city.today())
        if not days:
            speech.say("utter_waste_unknown")
            return False
        listed = []
        if choices and self.city.answers.get(WHAT_GOES_WHERE.removeprefix("answer/")):
            label = self.city.text("utter_label_what_where", said.language)
            listed.append((label, f'/ask{{"topic": "{WHAT_GOES_WHERE}"}}'))
        sample = any(day.sample for day in days)
        speech.say(
            "utter_waste_dates_sample" if sample else "utter_waste_dates",
            choices=listed,
            link=(
                address(area.code, said.language),
                self.city.text("utter_label_ics", said.language),
            ),
            area=area.name,
            dates="\n".join(self._line(day, said.language) for day in days),
        )
        return True

    def _line(self, day: Pickup, language: str) -> str:
        waste = waste_name(day.waste, language, self.city.phrasebook)
        on = spoken_date(day.on, language)
        if day.planned_on is None:
            return self.city.text("utter_waste_line", language, waste=waste, date=on)
        return self.city.text(
            "utter_waste_moved",
            language,
            waste=waste,
            date=on,
            usual=spoken_date(day.planned_on, language),
            reason=day.reason or self.city.text("utter_waste_holiday", language),
        )
