"""The table of routes: each row says which role may use it, and a guard stands before each handler.

Pages hand in rows; nothing else can add a route. The guard looks for the session, then the role,
then, on every POST, the form's token. Because rows are data, a test can walk through all of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from bot.console.roles import Role

if TYPE_CHECKING:
    from bot.console.visit import Visit

Page = Callable[["Visit"], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Route:
    """One row. `path` stands below `/console`; `role` None means that nobody has to sign in.

    `nav` is the key of the words under which the page stands in the navigation, at place `order`;
    `live` marks a stream of events, which is refused with a status and never with a page;
    `most_bytes` is the largest file of a form that may carry some (0: none, and what the server
    takes anyway, 1 MB).
    """

    method: str
    path: str
    role: Role | None
    page: Page
    nav: str = ""
    order: int = 100
    live: bool = False
    most_bytes: int = 0

    @property
    def section(self) -> str:
        """The first part of the path: what the navigation marks as current."""
        return self.path.split("/")[1] if self.path != "/" else ""
