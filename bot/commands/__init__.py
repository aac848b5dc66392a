"""The commands by what they are for: running, preparing, talking, and the work of staff."""

from bot.commands.areas import load_areas
from bot.commands.common import Refused
from bot.commands.examples import example_parser
from bot.commands.keeping import keeping_parser
from bot.commands.notices import notice_parser
from bot.commands.open311 import open311_parser
from bot.commands.people import members
from bot.commands.preparing import migrate, settings, train
from bot.commands.running import serve, simulate, telegram
from bot.commands.staff import flagged, outbox, reply, transcript
from bot.commands.talking import ask, chat, parse
from bot.commands.tickets import ticket_parser

__all__ = [
    "Refused",
    "ask",
    "chat",
    "example_parser",
    "flagged",
    "keeping_parser",
    "load_areas",
    "members",
    "migrate",
    "open311_parser",
    "notice_parser",
    "outbox",
    "parse",
    "reply",
    "serve",
    "settings",
    "simulate",
    "telegram",
    "ticket_parser",
    "train",
    "transcript",
]
