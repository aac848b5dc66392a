"""Actions of a report: begin, take in what is said, ask for what is missing, sum up, send."""

from __future__ import annotations

from typing import Any

from rasa_sdk.events import EventType, FollowupAction, SlotSet

from actions.boundary import FORM, CivicAction, Said, Speech
from actions.conversation import end_report
from actions.places import spot_of
from actions.words import is_correction
from bot.choices import fold
from bot.civic import reporting
from bot.civic.catalogue import in_language
from bot.civic.tickets import NewTicket

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

    def heard(self, said: Said) -> reporting.Heard:
        slots = said.slots
        contact = said.value("phone", "email")
        service = self.city.catalogue.get(said.topic) if said.guess == "report" else None
        return reporting.Heard(
            text=said.text,
            intent=said.guess if said.intent == "nlu_fallback" else said.intent,
            confidence=said.confidence if said.intent != "nlu_fallback" else 0.0,
            service=service.code if service else None,
            spot=spot_of(said, self.city),
            house_number=said.value("house_number"),
            contact=contact,
            change=said.value("change"),
            picked=said.picked,
            correcting=said.correction or is_correction(said.text),
            option=self._option(said, slots),
        )

    def _option(self, said: Said, slots: dict[str, Any]) -> str | None:
        """The stored label of an offered answer, picked or typed."""
        question = reporting.Draft(slots, self.city.catalogue).open_question()
        if question is None:
            return None
        picked, typed = said.value("option"), fold(said.text)
        for option in question.options:
            if option.id == picked or typed in {fold(label) for label in option.labels.values()}:
                return in_language(option.labels, said.language)
        return None


class StartReport(ReportAction):
    label = "action_start_report"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        if said.in_group:
            speech.say("utter_group_private")
            return []
        service = self.city.catalogue.get(said.topic)
        if service and service.danger:
            speech.say("utter_danger")
            speech.signal(flag="danger")
            return []
        slots = reporting.first_slots(self.heard(said))
        return [*(SlotSet(k, v) for k, v in slots.items()), FollowupAction(FORM)]


class ValidateReport(ReportAction):
    """Rasa's form asks this before it asks anything else."""

    label = "validate_report_form"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        asked = said.slots.get("requested_slot")
        if not asked:
            # The form was just begun: `action_start_report` has taken what there was.
            settled = reporting.settled(said.slots, self.city.catalogue)
            first = reporting.missing({**said.slots, **settled}, self.city.catalogue)
            return [*(SlotSet(k, v) for k, v in settled.items()), SlotSet("requested_slot", first)]
        heard = self.heard(said)
        changes = reporting.take(heard, asked, said.slots, self.city.catalogue)
        if changes is None:
            return []
        service = self.city.catalogue.get(changes.get(reporting.SERVICE))
        if service and service.danger:
            speech.say("utter_danger")
            speech.signal(flag="danger")
            return end_report()
        if changes.pop("invalid_contact", False):
            speech.say("utter_contact_invalid")
            return [SlotSet(reporting.CONTACT, None), SlotSet("requested_slot", reporting.CONTACT)]
        if reporting.NEXT in changes:
            speech.say("utter_one_at_a_time")
        ask = changes.pop("ask", None)
        changes |= reporting.settled({**said.slots, **changes}, self.city.catalogue)
        now = {**said.slots, **changes}
        ask = ask or (
            None if now.get(reporting.CONFIRMED) else reporting.missing(now, self.city.catalogue)
        )
        events = [SlotSet(key, value) for key, value in changes.items()]
        return [*events, *([SlotSet("requested_slot", ask)] if ask else [])]


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
        service = self.city.catalogue.get(said.slots.get(reporting.SERVICE))
        name = service.name(said.language) if service else ""
        speech.say("utter_ask_place", service=name)
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
            place=place.get("text") or "–",
            extra=self._extra(said),
        )
        return []

    def _extra(self, said: Said) -> str:
        given = [v for v in (said.slots.get(reporting.GIVEN) or {}).values() if v]
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
        speech.say("utter_ask_change")
        return []


class SubmitReport(ReportAction):
    """Open the ticket, once for the message that confirmed it."""

    label = "action_submit_report"

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        slots = said.slots
        service = self.city.catalogue.get(slots.get(reporting.SERVICE))
        if service is None:
            return end_report()  # a danger ended the form; there is nothing to send
        place = slots.get(reporting.PLACE) or {}
        details = [str(slots.get("report_text") or "")]
        details += [str(v) for v in (slots.get(reporting.GIVEN) or {}).values()]
        ticket = self.city.tickets.open(
            NewTicket(
                request_key=said.message_id,
                conversation=said.conversation,
                service=service.code,
                desk=service.desk,
                language=said.language,
                place=str(place.get("text") or ""),
                place_known=bool(place.get("known")),
                details="\n".join(line for line in details if line),
                contact=slots.get(reporting.CONTACT) or None,
                area_code=place.get("area_code"),
                lat=place.get("lat"),
                lon=place.get("lon"),
            )
        )
        speech.say("utter_submitted", reference=ticket.reference, days=service.target_days)
        events = [SlotSet(name, None) for name in ("report_text", reporting.NEXT, reporting.GIVEN)]
        following = self.city.catalogue.get(slots.get(reporting.NEXT))
        if following:
            speech.say(
                "utter_next_report",
                service=following.name(said.language),
                choices=[
                    (following.name(said.language), f'/report{{"topic": "{following.topic}"}}')
                ],
            )
        return [*end_report(), *events]
