"""What happens before the first message: migrate, load the demo city, train if stale."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from bot import topics
from bot.assembly.registers import utc_now
from bot.brain import training
from bot.settings import ROOT, Settings
from bot.store import migrate
from bot.store.canned import CannedReplies, load_canned
from bot.store.city import AnswerRegister
from bot.store.engine import Database
from bot.store.loading import seed

Tell = Callable[[str], None]


def prepare(settings: Settings, database: Database, tell: Tell) -> None:
    """Train if stale, migrate, load the demo city; one line a stage."""
    revision = migrate.upgrade(database)
    tell(f"database  {database.engine.dialect.name}, revision {revision}")
    loaded = seed(database, settings.city_dir / "areas", utc_now)
    if loaded is not None:
        told = ", ".join(f"{change.new} {change.kind}" for change in loaded.changes)
        tell(f"city      loaded {told}")
    kept = AnswerRegister(database, utc_now).load(topics.load_answers(settings.city_dir).values())
    if kept:
        tell(f"answers   edited here, so the file was left alone: {', '.join(kept)}")
    CannedReplies(database, utc_now).load(load_canned(settings.city_dir))
    path = training.model_path(settings)
    if path.exists():
        tell(f"model     up to date ({path.name})")
    else:
        tell("model     training, about a minute ...")
        # A process of its own: what training needs of memory is given back when it ends.
        subprocess.run([sys.executable, "-m", "bot", "train"], check=True, cwd=ROOT)
