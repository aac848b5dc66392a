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
from actions.contacts import AreaContact
from actions.conversation import (
    Cancel,
    ChangeLanguage,
    Chat,
    Danger,
    Forget,
    Repeat,
)
from actions.facilities import FacilityFind
from actions.facts import AreaFacts
from actions.leaving import UnfollowTicket, WithdrawTicket
from actions.neighbourhood import Inform
from actions.news import AreaNews, SubscribeArea, UnsubscribeArea
from actions.person import Person
from actions.remembering import ForgetArea, RememberArea
from actions.reporting import StartReport, SubmitReport, ValidateReport
from actions.status import TicketStatus
from actions.unclear import Unclear
from actions.waste import WasteDay

ACTIONS: tuple[type[CivicAction], ...] = (
    AreaContact,
    AreaFacts,
    AreaNews,
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
    FacilityFind,
    Forget,
    ForgetArea,
    GiveAnswer,
    Inform,
    Person,
    Repeat,
    RememberArea,
    StartReport,
    SubmitReport,
    SubscribeArea,
    TicketStatus,
    Unclear,
    UnsubscribeArea,
    UnfollowTicket,
    ValidateReport,
    WasteDay,
    WithdrawTicket,
)


def actions_for(city: City) -> dict[str, CivicAction]:
    """One of each, by the name that the domain gives it."""
    return {action.label: action(city) for action in ACTIONS}
