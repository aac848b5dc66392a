"""Staff: the sentences that citizens labelled themselves, listed, judged, and as YAML to paste."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from bot.commands.common import Arguments, Refused, database_of, say
from bot.learning.files import exported, meaning, words, write
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.masking import Masker
    from bot.store.engine import Database

DECISIONS = {"accept": "accepted", "drop": "dropped"}
FAULTS = {
    "empty": "empty",
    "long": "too long",
    "marks": "no plain sentence: it holds brackets or other marks",
    "personal": "about somebody: it holds personal data",
}


def example_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The arguments of this command."""
    parser = sub.add_parser("examples", help="staff: sentences that citizens labelled")
    doings = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    listed = doings.add_parser("list", help="one a line, with what was chosen")
    listed.add_argument("--state", choices=["new", "accepted", "dropped"], help="only this state")
    export = doings.add_parser("export", help="as YAML to paste into topic files")
    export.add_argument("--state", choices=["new", "accepted"], help="only this state")
    doings.add_parser("write", help="put accepted ones into the data files, for the next training")
    for name in DECISIONS:
        one = doings.add_parser(name, help=f"{name} one example")
        one.add_argument("id", type=int)
        if name == "accept":
            one.add_argument("--text", help="the sentence without anybody's personal data")
    for one in doings.choices.values():
        one.set_defaults(run=examples)


def examples(arguments: Arguments, settings: Settings) -> int:
    """List, export, write, accept, drop."""
    from bot.assembly import utc_now
    from bot.store.examples import STATES, ExampleRegister, Verdict

    database = database_of(settings)
    register = ExampleRegister(database, utc_now)
    if arguments.what in DECISIONS:
        row = register.find(arguments.id)
        if row is None:
            raise Refused(f"no example {arguments.id}")
        text = getattr(arguments, "text", None)
        if arguments.what == "accept":
            _acceptable(text or row["text"], row["conversation_id"], _masker(database), database)
        register.decide(arguments.id, Verdict(DECISIONS[arguments.what], "command line", text))
        say("done")
        return 0
    if arguments.what == "write":
        rows = register.listed(["accepted"], limit=100_000)
        return _write(rows, settings, _masker(database), database)
    if arguments.what == "export":
        states = [arguments.state] if arguments.state else ["new", "accepted"]
        say(exported(register.listed(states)).rstrip())
        return 0
    rows = register.listed([arguments.state] if arguments.state else STATES)
    for row in rows:
        intent, topic = meaning(row)
        chosen = topic or intent
        say(f"{row['id']:>5}  {row['state']:<8} {row['language']}  {chosen:<28} {words(row)}")
    say(f"{len(rows)} examples")
    return 0


def _masker(database: Database) -> Masker:
    from bot.masking import Masker
    from bot.store.city import CityRegister

    return Masker(street.name for street in CityRegister(database).streets())


def _fault(text: str, conversation: str, masker: Masker, database: Database) -> str:
    """Why this must not be learnt; names that were given anywhere in the conversation count."""
    from bot.learning.judging import fault_of, tidy
    from bot.store.transcript import spoken

    lines = database.read_now(lambda c: spoken(c, [conversation])).get(conversation, ())
    said = [line.text for line in lines if line.sender == "citizen"]
    known = {name for one in said for name in masker.names(one)}
    return fault_of(tidy(text), masker, known)


def _acceptable(text: str, conversation: str, masker: Masker, database: Database) -> None:
    """Refuse what must not be learnt, with the reason."""
    fault = _fault(text, conversation, masker, database)
    if fault:
        raise Refused(f"the sentence is {FAULTS[fault]}; write it anew with --text")


def _write(
    rows: list[dict[str, Any]], settings: Settings, masker: Masker, database: Database
) -> int:
    """Write what may be learnt; the exit code says whether all of it was."""
    fit = [row for row in rows if not _fault(words(row), row["conversation_id"], masker, database)]
    done = write(fit, settings.city_dir)
    for row in rows:
        if row not in fit:
            done.faults.append(f"example {row['id']} holds personal data or marks; it is left out")
    for name, count in sorted(done.added.items()):
        say(f"{name}: {count} more")
    for line in done.faults:
        say(line)
    say(f"{sum(done.added.values())} sentences written; `python -m bot train` learns them")
    return 1 if done.faults else 0
