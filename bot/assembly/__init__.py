"""The composition root: the only package that knows everything, and binds it together.

`Road` is one embedded process: store, rooms, brain and connectors on one database. `prepare`
brings model, tables and the demo city up to date before it starts.
"""

from bot.assembly.channels import desk_work, renderers, ticket_news
from bot.assembly.preparing import prepare
from bot.assembly.registers import (
    catalogue,
    finder_of,
    purge_of,
    staff_register,
    ticket_register,
    utc_now,
)
from bot.assembly.road import Occupied, Road

__all__ = [
    "Occupied",
    "Road",
    "catalogue",
    "desk_work",
    "finder_of",
    "prepare",
    "purge_of",
    "renderers",
    "staff_register",
    "ticket_news",
    "ticket_register",
    "utc_now",
]
