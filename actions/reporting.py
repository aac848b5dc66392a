"""Actions of a report: begin, take in what is said, ask for what is missing, sum up, send."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from rasa_sdk.events import EventType, FollowupAction, SlotSet

from actions.boundary import FORM, CivicAction, Said, Speech, offered
from actions.conversation import end_report
from actions.places import spot_of
from actions.status import tell_ticket
from actions.words import change_named, is_correction
from bot.civic import reporting
from bot.civic.catalogue import in_language
from bot.civic.errors import CivicError
from bot.civic.hearing import Heard
from bot.civic.tickets import NewTicket, Ticket

COMMON_SERVICES = (
    "street-light",
    "pothole",
    "litter",
    "missed-bin",
    "graffiti",
    "illegal-parking",
)
EDITABLE = timedelta(hours=48)
"""How long messengers let people edit what they wrote."""


class ReportAction(CivicAction):
    """What the report's actions share."""

    returns_to_form = False
    settles = False

    def heard(self, said: Said) -> Heard:
        sure = said.intent != "nlu_fallback"
        report = said.guess == "report" or (said.earlier.get("yes") == "report")
        service = self.city.catalogue.get(said.topic) if report else None
        spot = spot_of(said, self.city)
        words, asked = said.words, said.slots.get("requested_slot")
        if spot and words and asked == reporting.PLACE:
            # "behind the school in Zonnelaan": the crew needs the citizen's words.
            spot |= {} if service or said.place else {"text": said.text.strip()[:200]}
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
            words=words,
            language=said.language,
        )


class StartReport(ReportAction):
    """Begin with what was said; a choice or a "yes" brings back what was said before it."""

    label = "action_start_report"
    settles = True

    def act(self, said: Said, speech: Speech) -> list[EventType]:
        if said.in_group:
            speech.say("utter_group_private")
            return []
        service = self.city.catalogue.get(said.topic)
        if service and service.danger:
            speech.say("utter_danger")
            speech.signal(flag="danger")
            return end_report() if said.in_form else []
        sent = None if said.in_form else self._sent_before(said)
        if sent:
            # The report is in: a second ticket would send the crew twice, so a colleague looks.
            tell_ticket(self.city, sent, said, speech)
            speech.say("utter_person")
            speech.signal(flag="correction")
            return []
        if said.in_form:  # nothing new in it: the open report goes on
            return [FollowupAction(FORM)]
        heard = self.heard(said)
        if said.earlier:
            text, spot = str(said.earlier.get("text") or ""), said.earlier.get("spot")
            heard = replace(heard, text=text, words=text, picked=False, spot=heard.spot or spot)
        slots = reporting.first_slots(heard, self.city.catalogue)
        events = [SlotSet(key, value) for key, value in slots.items()]
        return [*events, SlotSet("pending", None), SlotSet("misses", 0), FollowupAction(FORM)]

    def _sent_before(self, said: Said) -> Ticket | None:
        """The ticket that an edited message may be about already."""
        own = self.city.tickets.of_conversation(said.conversation) if said.correction else []
        since = self.city.clock() - EDITABLE
        return next((ticket for ticket in own if ticket.created_at >= since), None)


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
        if said.answered:
            # Back from another answer: Rasa validates once more; the open question is asked again.
            return [SlotSet("requested_slot", asked)]
        decides = said.offer.get("yes") == "forget_me" or said.offer.get("consent")
        if decides and said.intent in ("affirm", "deny"):
            return []  # the answer to "shall I delete this?", not to the report
        try:
            heard = self.heard(said)
        except CivicError as error:  # a shared position outside the city
            speech.say(error.phrase, (), None, **error.values)
            known = SlotSet(reporting.PLACE, said.slots.get(reporting.PLACE))
            return [known, SlotSet("requested_slot", asked)]
        changes = reporting.take(heard, asked, said.slots, self.city.catalogue)
        if changes is None:
            return []
        service = self.city.catalogue.get(changes.get(reporting.SERVICE))
        if service and service.danger:
            speech.say("utter_danger")
            speech.signal(flag="danger")
            return end_report()
        if changes.pop(reporting.INVALID_CONTACT, False):
            speech.say("utter_contact_invalid")
            return [SlotSet(reporting.CONTACT, None), SlotSet("requested_slot", reporting.CONTACT)]
        if reporting.NEXT in changes:
            speech.say("utter_one_at_a_time")
        ask = changes.pop(reporting.ASK, None)
        changes |= reporting.settled({**said.slots, **changes}, self.city.catalogue)
        now = {**said.slots, **changes}
        ask = ask or (
            None if now.get(reporting.CONFIRMED) else reporting.missing(now, self.city.catalogue)
        )
        events = [SlotSet(key, value) for key, value in changes.items()]
        events += [SlotSet("misses", 0), SlotSet("pending", None)]
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
        events = [SlotSet(name, None) for name in (reporting.TEXT, reporting.NEXT, reporting.GIVEN)]
        waiting = slots.get(reporting.NEXT) or {}
        following = self.city.catalogue.get(waiting.get("service"))
        if following:
            name = following.name(said.language)
            payload = f'/report{{"topic": "{following.topic}", "earlier": "yes"}}'
            speech.say("utter_next_report", service=name, choices=[(name, payload)])
            memory = {"text": waiting.get("text"), "spot": waiting.get("spot")}
            events.append(offered("report", topic=following.topic, **memory))
        return [*end_report(), *events]
