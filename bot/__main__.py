"""The command line of Likewise: `python -m bot COMMAND`.

Commands load only what they need, so that `--help` is quick and the staff commands do not wait for
a model.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from bot import __version__, commands
from bot.logs import configure
from bot.settings import SettingsError, load

DESCRIPTION = """\
Likewise: one civic assistant on the website, on Telegram and by SMS.

Settings come from environment variables that begin with LIKEWISE_ (see README.md);
`python -m bot settings` prints them all.
"""


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    top = argparse.ArgumentParser(
        prog="python -m bot",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"Likewise {__version__}")
    sub = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    serve = sub.add_parser("serve", help="prepare and run everything in one process")
    serve.add_argument("--no-prepare", action="store_true", help="do not train, migrate or load")
    serve.add_argument(
        "--demo", action="store_true", help="with simulated phones for Telegram and SMS"
    )
    serve.set_defaults(run=commands.serve)

    simulate = sub.add_parser("simulate", help="a provider on this machine, with a phone to try")
    simulate.add_argument("channel", choices=["telegram", "sms"])
    simulate.add_argument("--host", default="127.0.0.1")
    simulate.add_argument("--port", type=int, default=0, help="0: the simulator's own")
    simulate.set_defaults(run=commands.simulate)

    telegram = sub.add_parser("telegram", help="Telegram's webhook: set, delete, status")
    telegram.add_argument("what", choices=["set-webhook", "delete-webhook", "status"])
    telegram.set_defaults(run=commands.telegram)

    chat = sub.add_parser("chat", help="talk to the bot in this terminal, over the same road")
    chat.add_argument("--lang", default="", help="begin in this language, e.g. nl")
    chat.set_defaults(run=commands.chat)

    ask = sub.add_parser("ask", help="ask one question and print the replies")
    ask.add_argument("text")
    ask.add_argument("--lang", default="", help="ask in this language, e.g. nl")
    ask.set_defaults(run=commands.ask)

    parse = sub.add_parser(
        "parse", help="understand lines of text; one JSON object a line comes out"
    )
    parse.add_argument("file", nargs="?", default="-", help="a file, or - for standard input")
    parse.set_defaults(run=commands.parse)

    train = sub.add_parser("train", help="train the model if what it is made of has changed")
    train.add_argument("--force", action="store_true", help="train even if nothing has changed")
    train.add_argument("--write-domain", action="store_true", help="write domain.yml first")
    train.set_defaults(run=commands.train)

    migrate = sub.add_parser("migrate", help="bring the database to the newest shape")
    migrate.add_argument("--new", metavar="WHAT", help="write a migration after a schema change")
    migrate.set_defaults(run=commands.migrate)

    areas = sub.add_parser(
        "load-areas", help="load a city's own areas, streets, facilities, calendar (docs/places.md)"
    )
    areas.add_argument("files", nargs="+", metavar="FILE", help="GeoJSON, CSV, iCalendar; a folder")
    areas.add_argument("--kind", default="", help="what is in it, where that is not clear")
    areas.add_argument("--mapping", metavar="FILE", help="YAML: which column is which")
    areas.add_argument("--crs", default="", help="coordinate system, e.g. EPSG:28992")
    areas.add_argument("--encoding", default="utf-8", help="encoding of the files, e.g. latin-1")
    areas.add_argument("--year", type=int, help="year of the figures, where the file does not say")
    areas.add_argument("--only", default="", metavar="CODE", help="areas of this municipality only")
    areas.add_argument("--area", default="", metavar="CODE", help="area of a calendar without one")
    areas.add_argument("--fresh", action="store_true", help="forget all that was loaded before")
    areas.add_argument("--dry-run", action="store_true", help="check and tell, change nothing")
    areas.set_defaults(run=commands.load_areas)

    commands.keeping_parser(sub)

    settings = sub.add_parser("settings", help="print the settings, or write .env.example")
    settings.add_argument("--markdown", action="store_true", help="as the README's table")
    settings.add_argument("--env", action="store_true", help="as .env.example")
    settings.set_defaults(run=commands.settings)

    _staff(sub)
    return top


def _staff(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    flagged = sub.add_parser("flagged", help="staff: conversations that ask for a person")
    flagged.set_defaults(run=commands.flagged)

    transcript = sub.add_parser("transcript", help="staff: read a conversation")
    transcript.add_argument("conversation", help="its id, or the beginning of it")
    transcript.set_defaults(run=commands.transcript)

    reply = sub.add_parser("reply", help="staff: answer in person, take over or give back")
    reply.add_argument("conversation", help="its id, or the beginning of it")
    reply.add_argument("text", nargs="?", default="", help="what to say")
    reply.add_argument("--take", metavar="NAME", help="take the conversation: the bot is silent")
    reply.add_argument("--give-back", action="store_true", help="give it back to the bot")
    reply.set_defaults(run=commands.reply)

    commands.ticket_parser(sub)
    commands.open311_parser(sub)

    staff = sub.add_parser("staff", help="accounts for the console: list, add, disable, reset")
    deeds = staff.add_subparsers(dest="what", required=True, metavar="WHAT")
    deeds.add_parser("list", help="every account").set_defaults(run=commands.members)
    add = deeds.add_parser("add", help="a new account; prints a link to choose a password")
    add.add_argument("name")
    add.add_argument("--role", default="reader", help="reader, agent, editor or administrator")
    add.add_argument("--password", action="store_true", help="ask for a password here instead")
    add.set_defaults(run=commands.members)
    for what, text in (
        ("disable", "this account can no longer sign in"),
        ("enable", "it can again"),
        ("reset", "take password and one-time codes away; prints a link"),
    ):
        deed = deeds.add_parser(what, help=text)
        deed.add_argument("name")
        deed.set_defaults(run=commands.members)

    commands.example_parser(sub)
    commands.notice_parser(sub)

    outbox = sub.add_parser("outbox", help="staff: sends whose outcome is unclear")
    acts = outbox.add_subparsers(dest="what", required=True, metavar="WHAT")
    acts.add_parser("list", help="what waits for a decision").set_defaults(run=commands.outbox)
    resolve = acts.add_parser("resolve", help="decide on one")
    resolve.add_argument("id", type=int)
    resolve.add_argument("decision", choices=["sent", "again", "drop"])
    resolve.set_defaults(run=commands.outbox)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    arguments = parser().parse_args(argv)
    try:
        chosen = load()
    except SettingsError as error:
        print(f"A setting cannot be used:\n{error}", file=sys.stderr)
        return 2
    configure(chosen.log_level)
    try:
        return int(arguments.run(arguments, chosen) or 0)
    except SettingsError as error:  # one that only shows when the parts are put together
        print(f"A setting cannot be used:\n{error}", file=sys.stderr)
        return 2
    except commands.Refused as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 0


if __name__ == "__main__":
    sys.exit(main())
