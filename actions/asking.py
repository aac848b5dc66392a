"""What a report asks for: the problem, the place, the extra questions, a contact, a yes."""

from __future__ import annotations

from typing import Any

from rasa_sdk.events import EventType

from actions.boundary import CivicAction, Said, Speech
from actions.places import label_of, position, spot_of
from actions.twins import twin_choices, twins_of
from actions.words import change_named, is_correction
from bot.choices import fold
from bot.civic import reporting
from bot.civic.catalogue import in_language
from bot.civic.hearing import Heard

COMMON_SERVICES = (
    "street-light",
    "pothole",
    "litter",
    "missed-bin",
    "graffiti",
    "illegal-parking",
)


class ReportAction(CivicAction):
    """What the report's actions share."""

    returns_to_form = False
    settles = False

    def heard(self, said: Said) -> Heard:
        sure = said.intent != "nlu_fallback"
        report = said.guess == "report" or (said.earlier.get("yes") == "report")
        service = self.city.catalogue.get(said.topic) if report else None
        words, asked = said.words, said.slots.get("requested_slot")
        spot = self._chosen(said) or spot_of(said, self.city, eager=asked == reporting.PLACE)
        if spot and words and asked == reporting.PLACE:
            # "behind the school in Zonnelaan": the crew needs the citizen's words.
            spot |= (
                {} if service or said.place or said.picked else {"text": said.text.strip()[:200]}
            )
        change = said.value("change")
        if asked in (reporting.CONFIRMED, reporting.CHANGE) and not said.picked and not spot:
            change = change or change_named(said.text)
        certainty = said.topic_confidence if said.guess == "report" else said.confidence
        return Heard(
            text=said.text,
            intent=said.intent if sure else said.guess,
            confidence=certainty if sure else 0.0,
            service=service.code if service else None,
            guessed=certainty,
            spot=spot,
            house_number=said.value("house_number"),
            contact=said.value("phone", "email"),
            change=change,
            reference=said.first("ticket_reference") is not None,
            picked=said.picked,
            correcting=said.correction or is_correction(said.text),
            option=said.value("option"),
            twin=said.value("twin"),
            photos=said.photos,
            words=words,
            language=said.language,
        )

    def _chosen(self, said: Said) -> dict[str, Any] | None:
        """The spot that was picked, or named by its area, of those offered; or the photo's."""
        offered = list(said.slots.get(reporting.SPOTS) or ())
        number = said.value("spot")
        if number is not None:
            index = int(number)
            return dict(offered[index]) if index < len(offered) else None
        photo = said.value("photo_place")
        where = self.city.photos.position_of(photo) if photo else None
        if photo and where:
            self.city.photos.agree(photo, True)
            return {**position(*where, self.city), "photo": photo}
        if not offered or said.first("street"):
            return None
        codes = {code for e in said.entities for code in e.get("codes") or ()}
        text = fold(said.text)
        fitting = [
            spot
            for spot in offered
            if codes & set(spot["area_codes"]) or fold(str(spot.get("town") or "-")) in text
        ]
        return dict(fitting[0]) if len(fitting) == 1 else None


class AskService(ReportAction):
    label = "action_ask_report_service"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        listed = [self.city.catalogue.get(code) for code in COMMON_SERVICES]
        speech.say(
            "utter_ask_service",
            choices=[
                (s.name(said.language), f'/report{{"topic": "{s.topic}"}}') for s in listed if s
            ],
        )
        return []


class AskPlace(ReportAction):
    label = "action_ask_report_place"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        spots = list(said.slots.get(reporting.SPOTS) or ())
        if spots:
            labels = [(label_of(spot, self.city), n) for n, spot in enumerate(spots)]
            choices = [(label, f'/inform{{"spot": "{n}"}}') for label, n in labels]
            speech.say("utter_which_place", choices=choices)
            return []
        service = self.city.catalogue.get(said.slots.get(reporting.SERVICE))
        name = service.name(said.language) if service else ""
        phrase = "utter_ask_place" if said.can_share_place else "utter_ask_place_in_words"
        speech.say(phrase, service=name, choices=self._photo_place(said))
        return []

    def _photo_place(self, said: Said) -> list[tuple[str, str]]:
        """The offer to use the position that the camera wrote into a photo."""
        for photo in said.slots.get(reporting.PHOTOS) or ():
            where = self.city.photos.position_of(photo)
            if where and self.city.places.inside_city(*where):
                label = self.city.text("utter_label_photo_place", said.language)
                return [(label, f'/inform{{"photo_place": "{photo}"}}')]
        return []


class AskDetail(ReportAction):
    label = "action_ask_report_detail"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        question = reporting.Draft(said.slots, self.city.catalogue).open_question()
        if question is None:
            return []
        speech.say(
            "utter_ask_detail",
            question=in_language(question.ask, said.language),
            choices=[
                (in_language(o.labels, said.language), f'/inform{{"option": "{o.id}"}}')
                for o in question.options
            ],
        )
        return []


class AskTwin(ReportAction):
    """Somebody may have reported this: the citizen says whether it is the same."""

    label = "action_ask_report_twin"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        found = twins_of(said.slots, self.city, said.conversation)
        offered = set(said.slots.get(reporting.TWINS) or ())
        choices = twin_choices(
            [twin for twin in found if twin.reference in offered], self.city, said.language
        )
        speech.say("utter_ask_twin", choices=choices)
        return []


class AskConfirm(ReportAction):
    """The summary: what, where, what else, and what will happen with it."""

    label = "action_ask_report_confirmed"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        slots = said.slots
        service = self.city.catalogue.get(slots.get(reporting.SERVICE))
        place = slots.get(reporting.PLACE) or {}
        speech.say(
            "utter_summary" if place.get("known") else "utter_summary_place_unknown",
            service=service.name(said.language) if service else "",
            place=self._where(place),
            extra=self._extra(said),
        )
        return []

    def _where(self, place: dict[str, Any]) -> str:
        """The place, with its area where that is known and not named already."""
        text = str(place.get("text") or "–")
        area = self.city.areas.area(str(place.get("area_code") or ""))
        bare = area and area.name not in text and "(" not in text
        return f"{text} ({area.name})" if area and bare else text

    def _extra(self, said: Said) -> str:
        given = [v for v in (said.slots.get(reporting.GIVEN) or {}).values() if v]
        photos = len(said.slots.get(reporting.PHOTOS) or ())
        if photos:
            phrase = "utter_line_photo" if photos == 1 else "utter_line_photos"
            given.append(self.city.text(phrase, said.language, count=photos))
        if said.slots.get(reporting.CONTACT):
            given.append(str(said.slots[reporting.CONTACT]))
        return "".join(f"\n• {line}" for line in given)


class AskContact(ReportAction):
    label = "action_ask_report_contact"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        speech.say("utter_ask_contact")
        return []


class AskChange(ReportAction):
    label = "action_ask_report_change"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        service = self.city.catalogue.get(said.slots.get(reporting.SERVICE))
        choices = []
        if service and service.questions:
            label = self.city.text("utter_label_details", said.language)
            choices.append((label, '/inform{"change": "detail"}'))
        speech.say("utter_ask_change", choices=choices)
        return []
