"""Commands that keep what must be kept, and nothing longer: purge, backup, restore."""

from __future__ import annotations

import argparse
import asyncio

from bot.commands.common import Arguments, Refused, database_of, say
from bot.settings import Settings


def keeping_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """`purge`."""
    purging = sub.add_parser("purge", help="let go what was kept long enough (docs/keeping.md)")
    purging.add_argument("--dry-run", action="store_true", help="only tell what would go")
    purging.set_defaults(run=purge)


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
