"""Facts of a neighbourhood and the days on which waste is collected, with source and year."""

from __future__ import annotations

from datetime import date

from babel.dates import format_date
from babel.numbers import format_decimal
from rasa_sdk.events import EventType, SlotSet

from actions.boundary import CivicAction, Said, Speech, offered
from actions.places import areas_in, areas_of, spot_of
from actions.words import figure_named
from bot.civic.areas import Area
from bot.civic.reporting import PLACE
from bot.civic.waste import upcoming

OVERVIEW = ("inhabitants", "households", "density_per_km2", "area_ha")
AGES = ("age_0_14_pct", "age_15_24_pct", "age_25_44_pct", "age_45_64_pct", "age_65_up_pct")
ADDITIVE = frozenset({"inhabitants", "households", "area_ha", "land_ha", "water_ha"})
MANY = 4


def number(value: float, language: str) -> str:
    return str(format_decimal(value, locale=language))


class AreaFacts(CivicAction):
    label = "action_area_facts"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        figure = said.value("figure") or figure_named(said.text)
        pending = said.slots.get("pending") or {}
        if pending.get("kind") == "area_facts" and said.guess != "area_facts":
            figure = pending.get("figure")
        if figure == "origin":
            speech.say("utter_area_not_kept")
            return [SlotSet("pending", None)]
        areas = areas_of(said, self.city)
        if not areas and said.in_form:
            areas = areas_in(said.slots.get(PLACE), self.city)
            if not areas:
                speech.say("utter_name_the_place")
                return []
        if not areas:
            asked_before = pending.get("kind") == "area_facts" and said.guess != "area_facts"
            speech.say("utter_area_unknown" if asked_before else "utter_ask_area")
            return [SlotSet("pending", {"kind": "area_facts", "figure": figure})]
        wanted = AGES if figure == "ages" else ((figure,) if figure else OVERVIEW)
        for area in areas[:MANY]:
            self._tell(area, wanted, said, speech)
        return [SlotSet("pending", None), SlotSet("misses", 0)]

    def _tell(self, area: Area, wanted: tuple[str, ...], said: Said, speech: Speech) -> None:
        known = [(name, area.figure(name)) for name in wanted]
        published = [(name, value) for name, value in known if value is not None]
        if not published:
            speech.say("utter_area_missing", area=area.name, year=area.year)
            return
        lines = [
            self.phrase(name, said.language, number(value, said.language))
            for name, value in published
        ]
        speech.say(
            "utter_area_facts",
            area=area.name,
            facts="\n".join(lines),
            year=area.year,
            source=area.source,
        )

    def phrase(self, figure: str, language: str, value: str) -> str:
        """One fact in words, without the area's name."""
        return self.city.text(f"utter_figure_{figure}", language, value=value)


class WasteDay(CivicAction):
    label = "action_waste_day"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        areas = [a for a in areas_of(said, self.city) if a.kind == "neighbourhood"]
        if said.in_form:
            return self._in_form(areas, said, speech)
        if not areas:
            pending = said.slots.get("pending") or {}
            asked_before = pending.get("kind") == "waste_day" and said.guess != "waste_day"
            speech.say("utter_waste_unknown" if asked_before else "utter_ask_address")
            return [SlotSet("pending", {"kind": "waste_day"})]
        if len(areas) > 1:
            speech.say(
                "utter_which_area",
                choices=[
                    (area.name, f'/waste_day{{"area_code": "{area.code}"}}') for area in areas[:6]
                ],
            )
            return [SlotSet("pending", {"kind": "waste_day"})]
        self._tell(areas[0], said, speech)
        return [SlotSet("pending", None), SlotSet("misses", 0)]

    def _in_form(self, areas: list[Area], said: Said, speech: Speech) -> list[EventType]:
        """While a report is open no second question is asked: the report's own place will do."""
        areas = areas or [
            a for a in areas_in(said.slots.get(PLACE), self.city) if a.kind == "neighbourhood"
        ]
        for area in areas[:MANY]:
            self._tell(area, said, speech)
        if not areas:
            speech.say("utter_name_the_place")
        return []

    def _tell(self, area: Area, said: Said, speech: Speech) -> None:
        dates = upcoming(self.city.areas.collections(area.code), self.city.today())
        if not dates:
            speech.say("utter_waste_unknown")
            return
        lines = [
            "• "
            + self.city.text(
                f"utter_waste_{plan.waste}", said.language, date=spoken_date(day, said.language)
            )
            for day, plan in dates
        ]
        sample = any(plan.sample for _, plan in dates)
        speech.say(
            "utter_waste_dates_sample" if sample else "utter_waste_dates",
            area=area.name,
            dates="\n".join(lines),
        )


def spoken_date(day: date, language: str) -> str:
    """A date with its weekday, as people say it: "Tuesday 24 November"."""
    patterns = {
        "en": "EEEE d MMMM",
        "nl": "EEEE d MMMM",
        "de": "EEEE, d. MMMM",
        "da": "EEEE d. MMMM",
    }
    return str(format_date(day, patterns.get(language, "EEEE d MMMM"), locale=language))


class Inform(CivicAction):
    """A fragment without a form: the answer to what was asked last, or a place to choose for."""

    label = "action_inform"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        pending = (said.slots.get("pending") or {}).get("kind")
        if pending == "waste_day":
            return WasteDay(self.city).act(said, speech)
        if pending == "area_facts":
            return AreaFacts(self.city).act(said, speech)
        if pending == "ticket_status" or said.first("ticket_reference"):
            from actions.status import TicketStatus

            return TicketStatus(self.city).act(said, speech)
        if said.photos and not said.text.strip() and not said.in_form:
            from actions.reporting import StartReport

            if not said.in_group:
                speech.say("utter_photo_added")
            return StartReport(self.city).act(said, speech)
        spot = spot_of(said, self.city)
        areas = areas_in(spot, self.city)
        if spot and (areas or not said.in_form):
            self._offer(said, speech, str(spot["text"]), areas)
            return [offered("", text=said.text if said.words else "", spot=spot)]
        speech.say("utter_not_understood_in_form" if said.in_form else "utter_not_understood")
        return [SlotSet("misses", int(said.slots.get("misses") or 0) + 1)]

    def _offer(self, said: Said, speech: Speech, place: str, areas: list[Area]) -> None:
        """What can be done with a place that came without a wish."""

        def label(name: str) -> str:
            return self.city.text(f"utter_label_{name}", said.language)

        choices = [(label("report"), '/report{"earlier": "yes"}')]
        if areas:
            choices.append((label("waste"), '/waste_day{"earlier": "yes"}'))
            choices.append((label("facts"), '/area_facts{"earlier": "yes"}'))
        speech.say("utter_place_what", place=place, choices=choices)
