"""Accepted examples into the data files: which file, as YAML to look at, and written into it.

A line is inserted and nothing else of a file is touched, comments included; what was made is read
again, and a file that then says anything but the old and the new is not written. Training reads
these files, so the next one knows the sentences.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

FOLDERS = {"service": "data/catalogue", "answer": "data/answers"}
NONE = "none"


@dataclass
class Written:
    """What a writing did: sentences by file, and a line for each that could not be written."""

    added: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def meaning(row: Mapping[str, Any]) -> tuple[str, str | None]:
    """Intent and topic of an example: what staff decided, else what the citizen chose."""
    if row.get("meant_intent"):
        return str(row["meant_intent"]), row.get("meant_topic") or None
    return str(row["intent"]), row["topic"] or None


def words(row: Mapping[str, Any]) -> str:
    """The sentence as staff left it."""
    return str(row.get("edited") or row["text"])


def file_of(row: Mapping[str, Any]) -> str:
    """The file that an example belongs into; "none" for those that fitted nothing offered."""
    intent, topic = meaning(row)
    kind, slash, code = str(topic or "").partition("/")
    if slash and kind in FOLDERS:
        return f"{FOLDERS[kind]}/{code}.yml"
    return NONE if intent == NONE else f"data/nlu/{row['language']}.yml"


def exported(rows: Iterable[Mapping[str, Any]]) -> str:
    """The examples by file, as the `examples:` of that file, ready to be pasted.

    Sentences that fitted nothing that was offered stand under "none": they may ask for a new topic.
    """
    files: dict[str, dict[str, Any]] = {}
    for row in rows:
        name = file_of(row)
        entry = files.setdefault(name, {})
        group = "examples" if "/" in name and "nlu" not in name else meaning(row)[0]
        texts = entry.setdefault(group, {}).setdefault(row["language"], [])
        if words(row) not in texts:
            texts.append(words(row))
    out = io.StringIO()
    yaml = YAML()
    yaml.width = 1000
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump(dict(sorted(files.items())), out)
    return out.getvalue()


def write(rows: Iterable[Mapping[str, Any]], city: Path) -> Written:
    """Put examples into the files below `city`, each sentence once; a second time adds nothing."""
    done = Written()
    files: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if file_of(row) != NONE:
            files.setdefault(file_of(row), []).append(row)
    for name, listed in sorted(files.items()):
        path = city / name.removeprefix("data/")
        if not path.is_file():
            done.faults.append(f"{name}: there is no such file")
            continue
        before = path.read_text("utf-8")
        after, fault = _with(before, listed, nlu="nlu" in path.parent.name)
        if fault:
            done.faults.append(f"{name}: {fault}")
        if after != before:
            count = after.count("\n") - before.count("\n")
            _replace(path, after)
            done.added[name] = count
    return done


def _with(text: str, rows: Sequence[Mapping[str, Any]], nlu: bool) -> tuple[str, str]:
    """The file with the rows in it, and what could not be done."""
    fault = ""
    for row in rows:
        said, language = " ".join(words(row).split()), str(row["language"])
        group = meaning(row)[0] if nlu else language
        known = examples_in(text, group, nlu)
        if known is None and nlu:
            fault = f"it has no examples of {group}"
            continue
        if said.casefold() in {one.casefold() for one in known or ()}:
            continue
        made = _nlu_line(text, group, said) if nlu else _topic_line(text, group, said)
        if made is None or examples_in(made, group, nlu) != [*(known or ()), said]:
            fault = f"an example of {group} could not be added"
            continue
        text = made
    return text, fault


def examples_in(text: str, group: str, nlu: bool) -> list[str] | None:
    """The examples of an intent (in a file of Rasa's) or language (of a topic); None: no such."""
    data = YAML(typ="safe").load(text) or {}
    if not nlu:
        found = (data.get("examples") or {}).get(group)
        return None if found is None else [str(one).strip() for one in found]
    for entry in data.get("nlu") or ():
        if entry.get("intent") == group:
            lines = str(entry.get("examples") or "").splitlines()
            return [line.strip()[2:] for line in lines if line.strip().startswith("- ")]
    return None


def _nlu_line(text: str, intent: str, said: str) -> str | None:
    """A line more in the block of an intent: behind the last one that the block has."""
    block = re.search(
        rf"^- intent: {re.escape(intent)}\n  examples: \|\n(?:(?:    .*)?\n)*?(?=\S|\Z)",
        text,
        re.MULTILINE,
    )
    if block is None:
        return None
    end = block.start() + len(block[0].rstrip("\n")) + 1
    return f"{text[:end]}    - {said}\n{text[end:]}"


def _topic_line(text: str, language: str, said: str) -> str | None:
    """An item more in the list of a language, or a list for a language that has none."""
    quoted = _scalar(said)
    listed = rf"^examples:\n(?:  .*\n)*?  {language}:\n(?:    - .*\n)*"
    found = re.search(listed, text, re.MULTILINE)
    if found:
        return f"{text[: found.end()]}    - {quoted}\n{text[found.end() :]}"
    top = re.search(r"^examples:\n(?:  .*\n)*", text, re.MULTILINE)
    if top is None:
        return None
    return f"{text[: top.end()]}  {language}:\n    - {quoted}\n{text[top.end() :]}"


def _scalar(said: str) -> str:
    """The sentence as YAML wants it: bare where that reads the same, else in quotes."""
    safe = re.fullmatch(r"[^\W\d_][\w ,.!?'()/-]*", said)
    if safe and YAML(typ="safe").load(f"- {said}\n") == [said]:
        return said
    escaped = said.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _replace(path: Path, text: str) -> None:
    """As a whole or not at all."""
    beside = path.with_suffix(".new")
    beside.write_text(text, "utf-8")
    os.replace(beside, path)


def intents_of(city: Path, language: str) -> list[str]:
    """The intents that examples without a topic can be for, as the files have them."""
    path = city / "nlu" / f"{language}.yml"
    if not path.is_file():
        return []
    data = YAML(typ="safe").load(path.read_text("utf-8")) or {}
    return sorted({str(e["intent"]) for e in data.get("nlu") or () if e.get("intent")})
