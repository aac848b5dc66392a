"""The command that loads a city's own files: it checks, tells what changes, and then changes it.

Progress goes to the error stream and only on a terminal; what was done goes to the output.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from bot.commands.common import Arguments, Refused, database_of, say
from bot.places.imports.texts import Progress
from bot.settings import Settings


def load_areas(arguments: Arguments, settings: Settings) -> int:
    """Load files and folders, all or nothing."""
    from bot.assembly import utc_now
    from bot.places.imports.faults import FileRefused
    from bot.places.imports.reading import Options, files_in, read
    from bot.store import migrate as migrations
    from bot.store.loading import load

    options = Options(
        kind=arguments.kind,
        mapping=Path(arguments.mapping) if arguments.mapping else None,
        crs=arguments.crs,
        encoding=arguments.encoding,
        year=arguments.year,
        only=arguments.only,
        area=arguments.area,
    )
    database = database_of(settings)
    try:
        migrations.upgrade(database)
        paths = [path for name in arguments.files for path in files_in(Path(name))]
        with contextlib.closing(read(paths, options, bar, utc_now().date())) as batch:
            result = load(database, batch, utc_now, arguments.dry_run, arguments.fresh)
            for warning in batch.faults.warnings:
                say(f"warning: {warning}")
            if batch.faults.more_warnings:
                say(f"warning: ... and {batch.faults.more_warnings} more")
    except FileRefused as error:
        raise Refused(f"Nothing was loaded:\n{error}") from None
    finally:
        database.close()
    for note in result.notes:
        say(f"note: {note}")
    for change in result.changes:
        say(
            f"{change.kind:<22} {change.new} new, {change.changed} changed, "
            f"{change.same} the same, {change.removed} removed"
        )
    if arguments.dry_run:
        say("This was a dry run: nothing was changed.")
    return 0


@contextlib.contextmanager
def bar(name: str, size: int) -> Iterator[Progress]:
    """A progress bar of the bytes read, for people who watch."""
    from tqdm import tqdm

    with tqdm(
        total=size or None, desc=name[:30], unit="B", unit_scale=True, leave=False,
        file=sys.stderr, disable=not sys.stderr.isatty(),
    ) as shown:  # fmt: skip
        yield shown.update
