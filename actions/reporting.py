"""Actions of a report: begin, take in what is said, and send what was confirmed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from rasa_sdk.events import EventType, FollowupAction, SlotSet

from actions.asking import ReportAction
from actions.boundary import FORM, Said, Speech, offered
from actions.city import City
from actions.conversation import end_report
from actions.status import tell_ticket
from actions.together import answer_parts
from actions.twins import twins_of
from bot.civic import reporting
from bot.civic.errors import CivicError
from bot.civic.tickets import NewTicket, Ticket

EDITABLE = timedelta(hours=48)
"""How long messengers let people edit what they wrote."""
PHOTO_BEFORE = timedelta(minutes=30)
"""A photo that came with other words so long before a report began belongs to it."""


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
        since = self.city.clock() - PHOTO_BEFORE
        loose = self.city.photos.loose(said.conversation, since)
        shown = [photo for photo in said.slots.get(reporting.PHOTOS) or () if photo in loose]
        heard = replace(heard, photos=tuple(dict.fromkeys([*shown, *heard.photos])))
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
            first = self._next(said, settled)
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
            speech.say(error.phrase, (), None, None, **error.values)
            known = SlotSet(reporting.PLACE, said.slots.get(reporting.PLACE))
            return [known, SlotSet("requested_slot", asked)]
        changes = self._answer_beside_questions(said, asked, speech)
        if changes is None:
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
        if heard.photos:
            speech.say("utter_photo_added")
        twin = changes.get(reporting.TWIN)
        if twin and twin != reporting.NEW:
            return self._follow(twin, said, speech)
        ask = changes.pop(reporting.ASK, None)
        changes |= reporting.settled({**said.slots, **changes}, self.city.catalogue)
        if not ask and not {**said.slots, **changes}.get(reporting.CONFIRMED):
            ask = self._next(said, changes)
        events = [SlotSet(key, value) for key, value in changes.items()]
        events += [SlotSet("misses", 0), SlotSet("pending", None)]
        return [*events, *([SlotSet("requested_slot", ask)] if ask else [])]

    def _next(self, said: Said, changes: dict[str, Any]) -> str:
        """The slot to ask for next; the reports near by are looked up when it is their turn."""
        now = {**said.slots, **changes}
        ask = reporting.missing(now, self.city.catalogue)
        if ask != reporting.TWIN:
            return ask
        found = twins_of(now, self.city, said.conversation)
        if found:
            changes[reporting.TWINS] = [twin.reference for twin in found]
            return ask
        changes[reporting.TWIN] = reporting.NEW
        return reporting.missing({**now, **changes}, self.city.catalogue)

    def _follow(self, twin: str, said: Said, speech: Speech) -> list[EventType]:
        """The citizen follows the report of somebody else; their own ends here."""
        self.city.tickets.follow(twin, said.conversation, said.language)
        photos = said.slots.get(reporting.PHOTOS)
        if photos:
            self.city.photos.attach(photos, twin)
        speech.say("utter_following", reference=twin)
        return [*end_report(), *second_offer(self.city, said, speech)]

    def _answer_beside_questions(
        self, said: Said, asked: str, speech: Speech
    ) -> dict[str, Any] | None:
        """The changes of a message that answers the form and asks something else as well.

        The question is answered here, because the message is then the form's.
        """
        if not said.rest or not said.also:
            return None
        heard = self.heard(said.part(said.rest))
        vague = asked in (reporting.PLACE, reporting.DETAIL) and not (
            heard.spot or heard.house_number or heard.tells_where
        )
        question = reporting.Draft(said.slots, self.city.catalogue).open_question()
        if vague and not (asked == reporting.DETAIL and question and question.options):
            return None  # any words would do as an answer, "please tell me" too
        changes = reporting.take(heard, asked, said.slots, self.city.catalogue)
        if not changes or not self._is_answer(changes, asked):
            return None
        answer_parts(self.city, [said.part(p) for p in said.also], speech, busy=True)
        return changes

    @staticmethod
    def _is_answer(changes: dict[str, Any], asked: str) -> bool:
        """Does a message give what was asked, rather than "change something"?"""
        given = {k for k, v in changes.items() if v}
        return bool(given & {asked, reporting.GIVEN, reporting.PLACE, reporting.CONTACT})


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
                street=place.get("street"),
            )
        )
        speech.say("utter_submitted", reference=ticket.reference, days=service.target_days)
        photos = slots.get(reporting.PHOTOS) or []
        for photo in photos:
            if photo != place.get("photo"):
                self.city.photos.agree(photo, False)  # its position was not used
        if photos:
            self.city.photos.attach(photos, ticket.reference)
        return [*end_report(), *second_offer(self.city, said, speech)]


def second_offer(city: City, said: Said, speech: Speech) -> list[EventType]:
    """Offer to begin the report that waited for the end of this one."""
    kept = (reporting.TEXT, reporting.NEXT, reporting.GIVEN, reporting.PHOTOS)
    events: list[EventType] = [SlotSet(name, None) for name in kept]
    waiting = said.slots.get(reporting.NEXT) or {}
    following = city.catalogue.get(waiting.get("service"))
    if following:
        name = following.name(said.language)
        payload = f'/report{{"topic": "{following.topic}", "earlier": "yes"}}'
        speech.say("utter_next_report", service=name, choices=[(name, payload)])
        memory = {"text": waiting.get("text"), "spot": waiting.get("spot")}
        events.append(offered("report", topic=following.topic, **memory))
    return events
