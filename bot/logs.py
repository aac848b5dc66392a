"""Logging: our own lines at the chosen level, libraries only when something is wrong.

Rasa logs through structlog, which prints every citizen's message at debug level until it is told
not to; here it is told. Message texts are never logged above debug.
"""

from __future__ import annotations

import logging
import sys

QUIET = ("rasa", "rasa_sdk", "alembic", "aiohttp", "asyncio", "matplotlib", "httpx", "apscheduler")


def configure(level: str) -> None:
    """Set up logging to standard error."""
    import structlog

    logging.basicConfig(
        level=level.upper(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        force=True,
    )
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
