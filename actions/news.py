"""What goes on in an area: notices and open reports by kind; and following an area's notices.

Reports are counted from the city's own register: how many of each kind, nothing of what anybody
wrote and no place finer than the area.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rasa_sdk.events import EventType, SlotSet

from actions.boundary import CivicAction, Said, Speech
from actions.whereabouts import (
    around,
    ask_which,
    asked,
    known_parents,
    may_offer,
    offer_to_remember,
    remember_question,
    speaks_of_home,
)
from bot.choices import fold
from bot.civic.areas import Area
from bot.notices.wording import notice_line

MOST_NOTICES, MOST_KINDS = 5, 8
MANY = 4
_REPORTS = re.compile(
    r"\breport|been reported|complain|\bmelding|gemeld|klacht|\bmeldung|gemeldet|beschwerde|mangel"
    r"|\bmeldt\b|\banmeldt|indberet|\bsager\b|klage"
)


_STOPS = re.compile(
    r"\b(stop\w*|no more|no longer|not|don ?t|cancel|end|off|unsubscribe|enough|quit"
    r"|geen|niet\w*|genoeg|af|afmeld\w*|opzegg?\w*|zeg|haal|uit"
    r"|nichts?|kein\w*|stopp\w*|genug|ab|abmeld\w*|kundig\w*|auf|aus|nehmen|schalten"
    r"|ikke|nok|afmeld|opsig|fra|hold op|sla fra)\b"
)


_ENDS = re.compile(
    r"\b(unsubscribe|meld (me|mij) af|afmelden|melden sie mich .*\bab|abmelden|afmeld)\b"
)


def stops(text: str) -> bool:
    """Do the words say that something shall end? To follow and to stop must never be mixed up."""
    return bool(_STOPS.search(fold(text)))


def covered(area: Area, areas: Sequence[Area]) -> list[str]:
    """The codes of an area and of all that lies in it."""
    codes, grown = [area.code], True
    while grown:
        inside = [a.code for a in areas if a.parent in codes and a.code not in codes]
        codes, grown = [*codes, *inside], bool(inside)
    return codes


class AreaNews(CivicAction):
    label = "action_area_news"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        pending = said.slots.get("pending") or {}
        answer = pending.get("kind") == "area_news" and said.guess != "area_news"
        only = pending.get("only") if answer else None
        before = around(said, self.city)
        if not only and before.get("did") == "area_news" and said.guess != "area_news":
            only = before.get("only")
        if _REPORTS.search(fold(said.text)):
            only = "reports"
        areas = asked(said, self.city)
        if not areas:
            if said.in_form:
                speech.say("utter_name_the_place")
                return []
            speech.say("utter_area_unknown" if answer else "utter_ask_area")
            return [SlotSet("pending", {"kind": "area_news", "only": only})]
        if len(areas) > MANY:
            ask_which(speech, "utter_which_area_facts", "area_news", areas)
            return [SlotSet("pending", {"kind": "area_news", "only": only})]
        home = areas[0] if len(areas) == 1 and speaks_of_home(said) else None
        offers = home is not None and may_offer(said, self.city, home)
        for area in areas:
            self._tell(area, only, said, speech, follow=not offers and len(areas) == 1)
        kept = remember_question(self.city, "area_news", areas, only=only)
        if home is not None and offers:
            return [kept, SlotSet("misses", 0), *offer_to_remember(speech, home)]
        return [kept, SlotSet("pending", None), SlotSet("misses", 0)]

    def _tell(self, area: Area, only: str | None, said: Said, speech: Speech, follow: bool) -> None:
        inside = covered(area, self.city.neighbourhood.all_areas())
        if only != "reports":
            self._notices(area, inside, said, speech)
        choices = []
        if follow and not said.in_form:
            label = self.city.text("utter_label_subscribe", said.language)
            choices.append((label, f'/subscribe_area{{"area_code": "{area.code}"}}'))
        counts = self.city.neighbourhood.open_reports(inside)
        if not counts:
            speech.say("utter_news_no_reports", choices=choices, area=area.name)
            return
        most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_KINDS]
        lines = []
        for code, count in most:
            service = self.city.catalogue.get(code)
            name = service.name(said.language) if service else code
            lines.append(
                self.city.text("utter_news_report_line", said.language, service=name, count=count)
            )
        speech.say("utter_news_reports", choices=choices, area=area.name, list="\n".join(lines))

    def _notices(self, area: Area, inside: list[str], said: Said, speech: Speech) -> None:
        codes = [*inside, *(parent.code for parent in known_parents(area, self.city))]
        notices = self.city.neighbourhood.notices.of_areas(codes)[:MOST_NOTICES]
        if not notices:
            speech.say("utter_news_none", area=area.name)
            return
        lines = [
            notice_line(n, said.language, self.city.languages, self.city.phrasebook, self.city.zone)
            for n in notices
        ]
        link = next(((n.url, n.url.split("/")[2]) for n in notices if n.url), None)
        speech.say("utter_news_notices", link=link, area=area.name, list="\n".join(lines))


class SubscribeArea(CivicAction):
    label = "action_subscribe_area"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        if not said.picked and _ENDS.search(fold(said.text)):
            return UnsubscribeArea(self.city).act(said, speech)
        areas = asked(said, self.city)
        if not areas:
            if said.in_form:
                speech.say("utter_name_the_place")
                return []
            speech.say("utter_ask_area")
            return [SlotSet("pending", {"kind": "subscribe_area"})]
        if len(areas) > 1:
            if said.in_form:
                speech.say("utter_name_the_place")
                return []
            ask_which(speech, "utter_which_area_facts", "subscribe_area", areas)
            return [SlotSet("pending", {"kind": "subscribe_area"})]
        area = areas[0]
        new = self.city.neighbourhood.notices.follow(said.conversation, area.code)
        speech.say("utter_subscribed" if new else "utter_subscribed_before", area=area.name)
        return [SlotSet("pending", None), SlotSet("misses", 0)]


class UnsubscribeArea(CivicAction):
    """Stop the notices: of the area that is named, else of all."""

    label = "action_unsubscribe_area"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        if not said.picked and not stops(said.text):
            return AreaNews(self.city).act(said, speech)
        entity = said.first("area", "area_code")
        codes = list((entity or {}).get("codes") or ([entity["value"]] if entity else []))
        register = self.city.neighbourhood.notices
        stopped = [c for code in codes for c in register.unfollow(said.conversation, code)]
        if not codes:
            stopped = register.unfollow(said.conversation)
        if not stopped:
            speech.say("utter_not_subscribed")
            return [SlotSet("pending", None)]
        names = [a.name for a in (self.city.areas.area(code) for code in stopped) if a]
        speech.say("utter_unsubscribed", areas=", ".join(names or stopped))
        return [SlotSet("pending", None)]
