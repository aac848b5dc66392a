"""Following a report by SMS or on Telegram, as the actions ask for it.

Blocking, like the register: actions call it from the brain's own thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import phonenumbers
from sqlalchemy.engine import Connection

from bot.channel import Connector
from bot.messages import ChannelName
from bot.phrases import Phrasebook
from bot.store.journal import Journal
from bot.store.registers import TicketRegister
from bot.store.rows import OutgoingReply

SMS, TELEGRAM = ChannelName("sms"), ChannelName("telegram")


class Following:
    """`bot_name` gives the Telegram bot's username once it is known, else an empty text."""

    def __init__(
        self,
        register: TicketRegister,
        journal: Journal,
        connectors: Mapping[ChannelName, Connector],
        phrasebook: Phrasebook,
        region: str,
        bot_name: Callable[[], str] = lambda: "",
    ) -> None:
        self.register = register
        self.journal = journal
        self.connectors = connectors
        self.phrasebook = phrasebook
        self.region = region
        self.bot_name = bot_name

    @property
    def channels(self) -> frozenset[str]:
        """Where news can be sent to besides this conversation."""
        found = {"sms"} if SMS in self.connectors else set()
        return frozenset(found | ({"telegram"} if self.bot_name() else set()))

    def number(self, text: str) -> str | None:
        """A telephone number in E.164, as people write it in the city's country."""
        try:
            parsed = phonenumbers.parse(text[:40], self.region)
        except phonenumbers.NumberParseException:
            return None
        if not phonenumbers.is_valid_number(parsed):
            return None
        return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))

    def by_sms(self, reference: str, conversation: str, number: str, language: str) -> None:
        """Send a code to the number. Raises TicketUnknown, TooManyFollowRequests."""

        def send(c: Connection, theirs: str, code: str) -> None:
            words = self.phrasebook.reply(
                "utter_follow_code", language, code=code, reference=reference
            )
            payloads = tuple(self.connectors[SMS].render(words, language))
            self.journal.add_replies(
                c, theirs, [OutgoingReply(words, payloads, "bot")], self.journal.clock()
            )

        self.register.ask_by_code(reference, conversation, number, language, send)

    def confirm(self, conversation: str, code: str, language: str) -> str | None:
        """The reference that is followed by SMS now; None for a code that is not right."""
        digits = "".join(c for c in code if c.isascii() and c.isdigit())
        return self.register.confirm_code(conversation, digits, language)

    def link(self, reference: str, conversation: str) -> str:
        """A link that one person may open once in Telegram
        (https://core.telegram.org/bots/features#deep-linking)."""
        token = self.register.ask_by_link(reference, conversation)
        return f"https://t.me/{self.bot_name()}?start={token}"

    def redeem(self, token: str, conversation: str, language: str) -> str | None:
        """The reference that this conversation follows now; None for a link that is over."""
        return self.register.redeem_link(token, conversation, language)
