"""What a citizen reads of a ticket: where it stands, and news of it.

Used by the conversation, by the notices that are pushed, and by the console's preview, so that all
three say the same. Facts are those of the event: a date, an organisation, another reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from bot.civic.catalogue import Catalogue
from bot.civic.tickets import State, Ticket
from bot.dates import spoken_date
from bot.messages import Reply
from bot.phrases import Phrasebook

WITH_FACT = {
    State.PLANNED: ("utter_state_planned_for", "planned_for"),
    State.PASSED_ON: ("utter_state_passed_to", "passed_to"),
    State.DUPLICATE: ("utter_state_duplicate_of", "duplicate_of"),
}


def facts_of(ticket: Ticket) -> dict[str, Any]:
    """The facts of the state in which a ticket is."""
    return {
        "planned_for": ticket.planned_for.isoformat() if ticket.planned_for else None,
        "passed_to": ticket.passed_to,
        "duplicate_of": ticket.duplicate_of,
    }


def state_words(
    book: Phrasebook, language: str, state: State, facts: Mapping[str, Any] | None = None
) -> str:
    """ "The work is planned for Tuesday 24 November." """
    phrase, fact = WITH_FACT.get(state, ("", ""))
    value = (facts or {}).get(fact)
    if not value:
        return book.text(f"utter_state_{state.value}", language)
    if fact == "planned_for":
        return book.text(phrase, language, due=spoken_date(date.fromisoformat(value), language))
    return book.text(phrase, language, into=str(value))


def service_name(catalogue: Catalogue, ticket: Ticket, language: str) -> str:
    service = catalogue.get(ticket.service)
    return service.name(language) if service else ticket.service


def news(
    book: Phrasebook,
    catalogue: Catalogue,
    language: str,
    ticket: Ticket,
    kind: str,
    state: State | None,
    text: str,
    facts: Mapping[str, Any],
    own: bool = True,
) -> Reply:
    """What a citizen is told of one public event; after "fixed" they are asked whether it is.

    `own` is False for those who follow another citizen's report.
    """
    if kind == "overdue":
        due = spoken_date(date.fromisoformat(str(facts["due_on"])), language)
        told = book.text("utter_ticket_overdue", language, due=due)
    elif kind == "moved" and state is not None:
        told = "\n".join(filter(None, [state_words(book, language, state, facts), text.strip()]))
    else:
        told = text.strip()
    reply = book.reply(
        "utter_ticket_moved" if own else "utter_ticket_moved_followed",
        language,
        reference=ticket.reference,
        service=service_name(catalogue, ticket, language),
        state=told,
    )
    if kind != "moved" or state is not State.FIXED:
        return reply
    asked = book.reply("utter_ticket_is_it_fixed", language, reference=ticket.reference)
    return replace(asked, text=f"{reply.text}\n\n{asked.text}")
