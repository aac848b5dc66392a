"""Facts of an area, with source and year; a comparison or a ranking when that is asked for.

What the source does not publish is said to be missing. Where people come from and whether they are
married is not answered, and the bot says why.
"""

from __future__ import annotations

from rasa_sdk.events import EventType, SlotSet

from actions import comparing
from actions.boundary import CivicAction, Said, Speech
from actions.figures import (
    AGES,
    MAP,
    NOT_KEPT,
    NOT_KNOWN,
    OVERVIEW,
    beside_figures,
    name_of,
    number,
    publisher,
    sources,
    superlative,
    value_words,
    years,
)
from actions.pictures import Drawn, area_map, chart
from actions.places import areas_in
from actions.whereabouts import (
    around,
    ask_which,
    asked,
    by_place,
    follows,
    goes_on,
    may_offer,
    named,
    offer_to_remember,
    question,
    remember_question,
    speaks_of_home,
)
from actions.words import figure_named
from bot.civic.areas import FIGURES, Area
from bot.civic.reporting import PLACE
from bot.pictures.specs import Group

MANY = 4


class AreaFacts(CivicAction):
    label = "action_area_facts"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        went_on = None if figure_named(said.text) or said.in_form else goes_on(said, self.city)
        if went_on and went_on != "area_facts":
            from actions.neighbourhood import WAITING

            return WAITING[went_on](self.city).act(said, speech)
        figure = self._figure(said)
        if figure == NOT_KEPT:
            speech.say("utter_area_not_kept")
            return [SlotSet("pending", None)]
        if figure == NOT_KNOWN:
            speech.say("utter_figure_none")
            return [SlotSet("pending", None)]
        if comparing.ranked(question(said)):
            return comparing.rank(said, speech, self.city, superlative(question(said)) or figure)
        pending = said.slots.get("pending") or {}
        with_another = self._again(said) and "with" in pending
        if comparing.compared(question(said)) or said.value("with") or with_another:
            return comparing.compare(said, speech, self.city, figure)
        areas = asked(said, self.city)
        if not areas and said.in_form:
            areas = areas_in(said.slots.get(PLACE), self.city)
            if not areas:
                speech.say("utter_name_the_place")
                return []
        if not areas:
            speech.say("utter_area_unknown" if self._again(said) else "utter_ask_area")
            return [SlotSet("pending", {"kind": "area_facts", "figure": figure})]
        if len(areas) > 1 and by_place(said) and named(said, self.city) and not said.in_form:
            more = f', "figure": "{figure}"' if figure else ""
            ask_which(speech, "utter_which_area_facts", "area_facts", areas, more)
            return [SlotSet("pending", {"kind": "area_facts", "figure": figure})]
        return self._tell(areas[:MANY], figure, said, speech)

    def _again(self, said: Said) -> bool:
        """Is this the answer to "which neighbourhood do you mean"?"""
        pending = said.slots.get("pending") or {}
        return pending.get("kind") == "area_facts" and said.guess != "area_facts"

    def _figure(self, said: Said) -> str | None:
        chosen = said.value("figure")
        if chosen in (*FIGURES, "ages", MAP):
            return chosen
        if self._again(said):
            figure = (said.slots.get("pending") or {}).get("figure")
            return str(figure) if figure else None
        found = figure_named(question(said))
        if found != NOT_KEPT:
            found = beside_figures(question(said)) or found
        both = comparing.compared(question(said)) and len(named(said, self.city)) > 1
        if found is None and follows(said) and not both:
            before = around(said, self.city).get("figure")
            return str(before) if before else None
        return found

    def _tell(
        self, areas: list[Area], figure: str | None, said: Said, speech: Speech
    ) -> list[EventType]:
        kept = remember_question(self.city, "area_facts", areas, figure=figure)
        settled = [kept, SlotSet("pending", None), SlotSet("misses", 0)]
        if figure == MAP:
            self._show_map(areas[0], said, speech)
            return settled
        wanted = AGES if figure == "ages" else ((figure,) if figure else OVERVIEW)
        home = areas[0] if len(areas) == 1 and speaks_of_home(said) else None
        offers = home is not None and may_offer(said, self.city, home)
        for area in areas:
            last = area is areas[-1]
            picture = self._ages(areas, said) if last and figure == "ages" else None
            self._facts(area, wanted, said, speech, picture, last and not offers)
        if home is not None and offers:
            return [kept, SlotSet("misses", 0), *offer_to_remember(speech, home)]
        return settled

    def _facts(
        self,
        area: Area,
        wanted: tuple[str, ...],
        said: Said,
        speech: Speech,
        picture: Drawn | None,
        offers: bool,
    ) -> None:
        language = said.language
        missing = [name for name in wanted if area.figure(name) is None]
        lines = [
            self.city.text(f"utter_figure_{name}", language, value=number(value, language))
            for name in wanted
            if (value := area.figure(name)) is not None
        ]
        if not lines:
            speech.say(
                "utter_area_missing", area=area.name, year=area.year, publisher=publisher(area)
            )
            return
        if missing:
            listed = ", ".join(name_of(self.city, name, language).lower() for name in missing)
            lines.append(
                self.city.text(
                    "utter_area_some_missing",
                    language,
                    publisher=publisher(area),
                    figures=listed,
                )
            )
        speech.say(
            "utter_area_facts",
            choices=self._choices(area, said) if offers and not said.in_form else (),
            picture=picture,
            area=area.name,
            facts="\n".join(lines),
            year=area.year,
            source=area.source,
        )

    def _choices(self, area: Area, said: Said) -> list[tuple[str, str]]:
        """A map, and how the area stands beside the whole city."""

        def label(name: str) -> str:
            return self.city.text(f"utter_label_{name}", said.language)

        code = f'"area_code": "{area.code}"'
        choices = [(label("map"), f'/area_facts{{{code}, "figure": "map"}}')]
        if area.kind != "city":
            choices.append((label("compare_city"), f'/area_facts{{{code}, "with": "city"}}'))
        return choices

    def _ages(self, areas: list[Area], said: Said) -> Drawn | None:
        """The ages of up to four areas as a chart; None when none are published."""
        known = [a for a in areas if any(a.figure(name) is not None for name in AGES)]
        if not known:
            return None
        groups = [
            Group(
                name_of(self.city, name, said.language),
                tuple(area.figure(name) for area in known),
                tuple(value_words(self.city, name, a.figure(name), said.language) for a in known),
            )
            for name in AGES
        ]
        names = [area.name for area in known]
        return chart(
            self.city,
            said.language,
            self.city.text("utter_picture_ages", said.language, area=", ".join(names)),
            names,
            groups,
            self.city.text(
                "utter_picture_source", said.language, year=years(known), source=sources(known)
            ),
            shared=True,
        )

    def _show_map(self, area: Area, said: Said, speech: Speech) -> None:
        drawn = area_map(self.city, said.language, area)
        if drawn is None:
            speech.say("utter_area_unknown")
            return
        speech.say("utter_map_of", picture=drawn, area=area.name)
