"""The connectors of the channels that have settings."""

from __future__ import annotations

from bot.assembly.registers import catalogue, ticket_register, utc_now
from bot.bell import Bell
from bot.brain.nlg import phrasebook
from bot.channel import Connector
from bot.handover.desk import DeskWork
from bot.messages import ChannelName
from bot.reader import Reader
from bot.settings import Settings
from bot.store.engine import Database
from bot.store.handovers import Handovers
from bot.store.journal import Journal
from bot.telling import Teller
from bot.tickets.news import TicketNews
from connectors.sms.api import SmsOptions
from connectors.sms.connector import SmsConnector
from connectors.telegram.connector import OwnPicture, TelegramConnector
from connectors.web.connector import WebConnector, WebOptions


def web_options(settings: Settings) -> WebOptions:
    return WebOptions(
        languages=settings.languages,
        origins=settings.chat_origins,
        public_url=settings.public_url,
        session_days=settings.session_days,
        messages_per_minute=settings.chat_messages_per_minute,
        photos_per_minute=settings.photos_per_minute,
        sessions_per_minute=settings.chat_sessions_per_minute,
    )


def telegram_connector(
    settings: Settings, journal: Journal, own_picture: OwnPicture | None = None
) -> TelegramConnector | None:
    """The Telegram channel, when there is a token for it."""
    token = settings.telegram_token.get_secret_value()
    if not token:
        return None
    return TelegramConnector(
        token=token,
        secret=settings.telegram_secret.get_secret_value(),
        mode=settings.telegram_mode,
        api_url=settings.telegram_api_url,
        public_url=settings.public_url,
        languages=settings.languages,
        own_picture=own_picture,
    )


def sms_connector(settings: Settings, journal: Journal) -> SmsConnector | None:
    """The SMS channel, when there is an account for it."""
    if not settings.twilio_account_sid:
        return None
    return SmsConnector(
        journal,
        SmsOptions(
            account_sid=settings.twilio_account_sid,
            auth_token=settings.twilio_auth_token.get_secret_value(),
            sender=settings.twilio_from,
            api_url=settings.twilio_api_url,
            public_url=settings.public_url,
        ),
    )


def renderers(settings: Settings) -> dict[ChannelName, Connector]:
    """The connectors for rendering alone: staff commands queue, the server sends."""
    database = Database("sqlite://")
    journal, bell = Journal(database, utc_now), Bell()
    made: list[Connector | None] = [
        WebConnector(journal, Reader(journal, bell), web_options(settings)),
        telegram_connector(settings, journal),
        sms_connector(settings, journal),
    ]
    return {connector.name: connector for connector in made if connector}


def desk_work(settings: Settings, database: Database) -> DeskWork:
    """The verbs of the desk for commands: they queue what is said, and the server sends."""
    handovers = Handovers(database, utc_now)
    return DeskWork(handovers, renderers(settings), phrasebook(settings), Bell())


def ticket_news(settings: Settings, database: Database) -> TicketNews:
    """What tells the news of tickets, for commands: it queues, and the server sends."""
    journal = Journal(database, utc_now)
    teller = Teller(journal, renderers(settings), settings.primary_language, settings.quiet)
    return TicketNews(
        ticket_register(settings, database), teller, phrasebook(settings), catalogue(settings)
    )
