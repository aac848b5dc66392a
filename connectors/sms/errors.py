"""What Twilio's error codes mean for a send: one table, from code to outcome.

A code can come with the answer to a send, in a delivery report, or in a look-up. Faults of our own
account or settings make the send wait, so that no reply is lost while a person repairs them. Codes:
https://www.twilio.com/docs/api/errors
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.messages import Later, Receipt, Refused, Unclear

MINUTE = 60.0
REPAIR = 15 * MINUTE


@dataclass(frozen=True)
class Meaning:
    """The name we keep; `wait` seconds when a later attempt can succeed."""

    name: str
    wait: float = 0.0


ERRORS = {
    # Our account, settings or pace: nothing was sent, and it can be sent later.
    20003: Meaning("credentials", REPAIR),
    20005: Meaning("account_suspended", REPAIR),
    20404: Meaning("account_unknown", REPAIR),
    20429: Meaning("throttled", 10.0),
    20503: Meaning("provider_down", 30.0),
    21212: Meaning("sender_invalid", REPAIR),
    21603: Meaning("sender_missing", REPAIR),
    21606: Meaning("sender_invalid", REPAIR),
    21659: Meaning("sender_not_ours", REPAIR),
    21660: Meaning("sender_not_ours", REPAIR),
    21609: Meaning("callback_invalid", REPAIR),
    21611: Meaning("queue_full", MINUTE),
    21701: Meaning("service_unknown", REPAIR),
    21703: Meaning("service_without_sender", REPAIR),
    21704: Meaning("service_without_sender", REPAIR),
    # The citizen's number or wish.
    21211: Meaning("invalid_number"),
    21214: Meaning("unreachable"),
    21265: Meaning("short_code"),
    21266: Meaning("own_number"),
    21408: Meaning("country_not_allowed"),
    21608: Meaning("trial_account"),
    21610: Meaning("stopped"),
    21612: Meaning("no_route"),
    21614: Meaning("not_mobile"),
    21635: Meaning("not_mobile"),
    # The text.
    21602: Meaning("empty"),
    21617: Meaning("too_long"),
    # Told afterwards, in delivery reports.
    30001: Meaning("queue_overflow"),
    30002: Meaning("account_suspended"),
    30003: Meaning("unreachable"),
    30004: Meaning("blocked_by_network"),
    30005: Meaning("unknown_number"),
    30006: Meaning("not_mobile"),
    30007: Meaning("filtered"),
    30008: Meaning("failed"),
    30022: Meaning("network_pace"),
    30034: Meaning("sender_not_registered"),
    30410: Meaning("network_timeout"),
}
STOPPED = ERRORS[21610].name
"""Twilio keeps its own list of those who sent STOP."""

BY_STATUS = {
    401: Meaning("credentials", REPAIR),
    429: Meaning("throttled", 10.0),
    503: Meaning("provider_down", 30.0),  # refused at the door
}


def name_of(code: int | None) -> str:
    """The name that is kept of a code."""
    if not code:
        return ""
    return ERRORS[code].name if code in ERRORS else f"twilio_{code}"


def receipt_of(status: int, code: int | None, retry_after: float | None = None) -> Receipt:
    """What became of a send that was answered with an error."""
    meaning = ERRORS.get(code or 0) or BY_STATUS.get(status)
    if meaning is None and (status >= 500 or status == 408):
        return Unclear(f"http_{status}")  # it may have been taken before something broke
    if meaning is None:
        return Refused(name_of(code) or f"http_{status}")
    if meaning.wait:
        return Later(retry_after or meaning.wait, meaning.name)
    return Refused(meaning.name, f"Twilio {code}")
