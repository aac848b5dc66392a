"""Staff: the sentences that citizens labelled themselves, listed, judged, and as YAML to paste."""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterable, Mapping
from typing import Any

from ruamel.yaml import YAML

from bot.commands.common import Arguments, Refused, database_of, say
from bot.settings import Settings

FOLDERS = {"service": "data/catalogue", "answer": "data/answers"}
DECISIONS = {"accept": "accepted", "drop": "dropped"}


def example_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The arguments of this command."""
    parser = sub.add_parser("examples", help="staff: sentences that citizens labelled")
    doings = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    listed = doings.add_parser("list", help="one a line, with what was chosen")
    listed.add_argument("--state", choices=["new", "accepted", "dropped"], help="only this state")
    export = doings.add_parser("export", help="as YAML to paste into topic files")
    export.add_argument("--state", choices=["new", "accepted"], help="only this state")
    for name in DECISIONS:
        one = doings.add_parser(name, help=f"{name} one example")
        one.add_argument("id", type=int)
    for one in doings.choices.values():
        one.set_defaults(run=examples)


def examples(arguments: Arguments, settings: Settings) -> int:
    """List, export, accept, drop."""
    from bot.store.examples import STATES, ExampleRegister

    register = ExampleRegister(database_of(settings))
    if arguments.what in DECISIONS:
        if not register.decide(arguments.id, DECISIONS[arguments.what]):
            raise Refused(f"no example {arguments.id}")
        say("done")
        return 0
    if arguments.what == "export":
        states = [arguments.state] if arguments.state else ["new", "accepted"]
        say(exported(register.listed(states)).rstrip())
        return 0
    rows = register.listed([arguments.state] if arguments.state else STATES)
    for row in rows:
        chosen = row["topic"] or row["intent"]
        say(f"{row['id']:>5}  {row['state']:<8} {row['language']}  {chosen:<28} {row['text']}")
    say(f"{len(rows)} examples")
    return 0


def file_of(row: Mapping[str, Any]) -> str:
    """The file that an example belongs into; "none" for those that fitted nothing offered."""
    kind, slash, code = str(row["topic"] or "").partition("/")
    if slash and kind in FOLDERS:
        return f"{FOLDERS[kind]}/{code}.yml"
    return "none" if row["intent"] == "none" else f"data/nlu/{row['language']}.yml"


def exported(rows: Iterable[Mapping[str, Any]]) -> str:
    """The examples by file, as the `examples:` of that file, ready to be pasted.

    Names of people must be taken out by whoever pastes them. Sentences that fitted nothing that was
    offered stand under "none": they may ask for a new topic.
    """
    files: dict[str, dict[str, Any]] = {}
    for row in rows:
        name = file_of(row)
        entry = files.setdefault(name, {})
        group = "examples" if "/" in name and "nlu" not in name else row["intent"]
        texts = entry.setdefault(group, {}).setdefault(row["language"], [])
        if row["text"] not in texts:
            texts.append(row["text"])
    out = io.StringIO()
    yaml = YAML()
    yaml.width = 1000
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump(dict(sorted(files.items())), out)
    return out.getvalue()
