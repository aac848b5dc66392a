"""Every action by name, for the embedded brain and for Rasa's own action server."""

from __future__ import annotations

from actions.answering import GiveAnswer
from actions.asking import (
    AskChange,
    AskConfirm,
    AskContact,
    AskDetail,
    AskPlace,
    AskService,
    AskTwin,
)
from actions.boundary import CivicAction
from actions.city import City
from actions.conversation import (
    Cancel,
    ChangeLanguage,
    Chat,
    Danger,
    Forget,
    Repeat,
)
from actions.neighbourhood import AreaFacts, Inform, WasteDay
from actions.person import Person
from actions.reporting import StartReport, SubmitReport, ValidateReport
from actions.status import TicketStatus
from actions.unclear import Unclear

ACTIONS: tuple[type[CivicAction], ...] = (
    AreaFacts,
    AskChange,
    AskConfirm,
    AskContact,
    AskDetail,
    AskPlace,
    AskService,
    AskTwin,
    Cancel,
    ChangeLanguage,
    Chat,
    Danger,
    Forget,
    GiveAnswer,
    Inform,
    Person,
    Repeat,
    StartReport,
    SubmitReport,
    TicketStatus,
    Unclear,
    ValidateReport,
    WasteDay,
)


def actions_for(city: City) -> dict[str, CivicAction]:
    """One of each, by the name that the domain gives it."""
    return {action.label: action(city) for action in ACTIONS}
