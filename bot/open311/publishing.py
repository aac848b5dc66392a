"""What the world may read of a ticket, and of the services that can be asked for.

A request that came over Open311 is public as its sender knew it would be, but for the contact. Of
what citizens told the bot, nothing in their words and no house number is ever shown: the service,
the state, the dates, and the area; or the street and a rough position, if the city says so.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any, Literal
from zoneinfo import ZoneInfo

from bot.civic.areas import Area
from bot.civic.catalogue import Catalogue, Question, Service, in_language
from bot.civic.tickets import CLOSED, Ticket
from bot.open311.documents import moment
from bot.phrases import Phrasebook

Publish = Literal["area", "street"]
SOURCE = "open311"
ROUGH = 3
"""Decimals of a rough position: about a hundred metres."""


class Publisher:
    """Tickets and services in the standard's fields, in the city's first language."""

    def __init__(
        self,
        catalogue: Catalogue,
        phrasebook: Phrasebook,
        area: Callable[[str], Area | None],
        zone: ZoneInfo,
        publish: Publish = "area",
    ) -> None:
        self.catalogue = catalogue
        self.phrasebook = phrasebook
        self.language = phrasebook.primary
        self.area = area
        self.zone = zone
        self.publish = publish

    # Services ------------------------------------------------------------------------------------

    @property
    def services(self) -> dict[str, Service]:
        """What may be asked for: not what wants a telephone call at once."""
        return {c: s for c, s in self.catalogue.services.items() if not s.danger}

    def service(self, service: Service) -> dict[str, Any]:
        """An entry of the service list."""
        return {
            "service_code": service.code,
            "service_name": service.name(self.language),
            "description": in_language(service.descriptions, self.language),
            "metadata": bool(service.questions),
            "type": "realtime",
            "keywords": ",".join(service.code.split("-")),
            "group": service.desk,
        }

    def definition(self, service: Service) -> dict[str, Any]:
        """The extra questions of a service."""
        return {
            "service_code": service.code,
            "attributes": [
                self._attribute(question, place) for place, question in enumerate(service.questions)
            ],
        }

    def _attribute(self, question: Question, place: int) -> dict[str, Any]:
        return {
            "variable": True,
            "code": question.key,
            "datatype": "singlevaluelist" if question.options else "string",
            "required": bool(question.options),
            "datatype_description": None,
            "order": place + 1,
            "description": in_language(question.ask, self.language),
            "values": [
                {"key": option.id, "name": in_language(option.labels, self.language)}
                for option in question.options
            ],
        }

    # Requests ------------------------------------------------------------------------------------

    def request(self, ticket: Ticket) -> dict[str, Any]:
        """An entry of the list of requests."""
        service = self.catalogue.get(ticket.service)
        mine = ticket.source == SOURCE
        address, lat, lon = self._where(ticket)
        return {
            "service_request_id": ticket.reference,
            "status": "closed" if ticket.state in CLOSED else "open",
            "status_notes": self.phrasebook.text(
                f"utter_state_{ticket.state.value}", self.language
            ),
            "service_name": service.name(self.language) if service else ticket.service,
            "service_code": ticket.service,
            "description": (ticket.details or None) if mine else None,
            "agency_responsible": ticket.desk or None,
            "service_notice": None,
            "requested_datetime": moment(ticket.created_at),
            "updated_datetime": moment(ticket.changed_at),
            "expected_datetime": self._end_of(ticket.planned_for or ticket.due_on),
            "address": address,
            "address_id": None,
            "zipcode": None,
            "lat": lat,
            "long": lon,
            "media_url": None,
        }

    def _where(self, ticket: Ticket) -> tuple[str | None, float | None, float | None]:
        if ticket.source == SOURCE:
            return ticket.place or None, ticket.lat, ticket.lon
        area = self.area(ticket.area_code) if ticket.area_code else None
        name = area.name if area else None
        if self.publish == "area" or not ticket.place_known:
            return name, None, None
        where = ", ".join(part for part in (ticket.street, name) if part)
        rough = [round(v, ROUGH) if v is not None else None for v in (ticket.lat, ticket.lon)]
        return where or None, rough[0], rough[1]

    def _end_of(self, day: date | None) -> str | None:
        """The last second of a day where the city is."""
        if day is None:
            return None
        return moment(datetime.combine(day, time(23, 59, 59), self.zone))
