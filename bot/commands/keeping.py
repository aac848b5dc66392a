"""Commands that keep what must be kept, and nothing longer: purge, backup, restore."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.common import Arguments, Refused, database_of, say
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.keeping.backup import Place


def keeping_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """`purge`, `backup`, `restore`."""
    purging = sub.add_parser("purge", help="let go what was kept long enough (docs/keeping.md)")
    purging.add_argument("--dry-run", action="store_true", help="only tell what would go")
    purging.set_defaults(run=purge)
    backing = sub.add_parser("backup", help="write database and photos into one private file")
    backing.add_argument("folder", type=Path, help="where backups lie; made when missing")
    backing.add_argument("--keep", type=int, default=14, help="newest ones that stay (14; 0: all)")
    backing.add_argument("--model", action="store_true", help="with the model in use")
    backing.set_defaults(run=backup)
    restoring = sub.add_parser("restore", help="put a backup into an empty place")
    restoring.add_argument("file", type=Path)
    restoring.set_defaults(run=restore)


def purge(arguments: Arguments, settings: Settings) -> int:
    """Let go what was kept long enough, or tell what would go."""
    from bot import assembly
    from bot.keeping.purge import PurgeRuns

    database = database_of(settings)
    work = assembly.purge_of(settings, database)
    kept = [
        f"{name} {f'{limit.days} days' if limit else 'for ever'}"
        for name, limit in (("talks", work.limits.talks), ("reports", work.limits.tickets))
    ]
    say(f"kept      {', '.join(kept)}")
    try:
        if arguments.dry_run:
            due = asyncio.run(work.due())
            say(f"would go  {due.conversations} conversations; people of {due.reports} reports")
            return 0
        done = asyncio.run(work.once())
    except PurgeRuns:
        raise Refused("Another process is purging; try again later.") from None
    finally:
        database.close()
    say(
        f"purged    {done.conversations} conversations ({done.removed} wholly); "
        f"people of {done.reports} reports; {done.photos} photos"
    )
    return 0


def backup(arguments: Arguments, settings: Settings) -> int:
    """Write a backup, check it, and let old ones go."""
    from bot.assembly import utc_now
    from bot.keeping.backup import CannotKeep, back_up
    from bot.store.journal import Journal

    if arguments.keep < 0:
        raise Refused("--keep is a number of backups; 0 keeps all")
    place = _place(settings, model=arguments.model)
    try:
        made = back_up(place, arguments.folder, arguments.keep, utc_now())
    except CannotKeep as error:
        raise Refused(str(error)) from None
    told = {"file": made.path.name, "bytes": made.bytes, "rows": made.rows, "photos": made.photos}
    database = database_of(settings)
    asyncio.run(Journal(database, utc_now).set_mark("backup", json.dumps(told)))
    database.close()
    say(f"backup    {made.path}")
    size = made.bytes / 1_000_000
    say(f"checked   {made.rows} rows, {made.photos} photos, {size:.1f} MB, readable by you alone")
    if place.photos is None:
        say("photos    lie in the bucket, which has to be backed up by itself")
    for path in made.removed:
        say(f"removed   {path.name}")
    return 0


def restore(arguments: Arguments, settings: Settings) -> int:
    """Put a backup into an empty place; overwrites nothing."""
    from bot.keeping.backup import CannotKeep
    from bot.keeping.backup import restore as put_back
    from bot.store.migrate import knows

    try:
        made = put_back(_place(settings), arguments.file, settings.model_dir, knows)
    except CannotKeep as error:
        raise Refused(str(error)) from None
    say(f"restored  {made.rows} rows, {made.photos} photos from {made.path}")
    say("next      python -m bot purge: what was too old, or was forgotten since, came back")
    return 0


def _place(settings: Settings, model: bool = False) -> Place:
    from bot.brain import training
    from bot.keeping.backup import Place
    from bot.keeping.copies import CannotCopy, copies_of

    try:
        copies = copies_of(settings.database)
    except CannotCopy as error:
        raise Refused(str(error)) from None
    photos = settings.data_dir.resolve() / "photos" if settings.photo_store == "folder" else None
    path = training.model_path(settings) if model else None
    if path is not None and not path.exists():
        raise Refused("there is no model yet; run `python -m bot train`, or leave --model out")
    return Place(copies, photos, path)
