"""Names that citizens gave anywhere in a conversation, so that every page hides them everywhere.

A name is often introduced after the words that a list shows. What a conversation knows is learnt
from its lines when a page needs it, and kept in memory for as long as the conversation does not go
on; nothing of it is written down, and a conversation that was forgotten is learnt anew, from
nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.console.veil import Veil, masker_of, questions_of, veil_of
from bot.console.visit import Visit
from bot.masking import Masker
from bot.store import schema
from bot.store.transcript import spoken

MOST_KEPT = 5000
"""Conversations whose names are kept in memory."""


class KnownNames:
    """What is known, by conversation. `questions` are the phrases that ask for a name."""

    def __init__(self, masker: Masker, questions: frozenset[str]) -> None:
        self.masker = masker
        self.questions = questions
        self._kept: OrderedDict[str, tuple[int, frozenset[str]]] = OrderedDict()

    def of(self, c: Connection, conversations: Iterable[str]) -> dict[str, frozenset[str]]:
        """The names in each of these conversations; learnt where something was said since."""
        wanted = list(dict.fromkeys(one for one in conversations if one))
        table = schema.conversations
        at = {
            row.id: row.last_cursor
            for row in c.execute(
                sa.select(table.c.id, table.c.last_cursor).where(table.c.id.in_(wanted))
            )
        }
        stale = [one for one in at if self._kept.get(one, (-1,))[0] != at[one]]
        self._learn(c, stale, at)
        found = {}
        for one in at:
            self._kept.move_to_end(one)
            found[one] = self._kept[one][1]
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return found

    def _learn(self, c: Connection, conversations: Sequence[str], at: dict[str, int]) -> None:
        if not conversations:
            return
        lines = spoken(c, conversations)
        for one in conversations:
            veil = Veil(self.masker, self.questions, lifted=False)
            veil.learn(lines.get(one, ()))
            self._kept[one] = (at[one], frozenset(veil.known))


def names_of(visit: Visit) -> KnownNames:
    """What this office knows."""
    more = visit.office.more
    if "known_names" not in more:
        more["known_names"] = KnownNames(masker_of(visit), questions_of(visit))
    names: KnownNames = more["known_names"]
    return names


async def veils_over(visit: Visit, conversations: Iterable[str | None]) -> dict[str, Veil]:
    """A veil for each conversation, with all that is known of it; "" has the one without."""
    wanted = [one for one in conversations if one]
    names = names_of(visit)
    known = await visit.office.archive.read(lambda c: names.of(c, wanted)) if wanted else {}
    return {one: veil_of(visit, one, known.get(one, ())) for one in ("", *wanted)}


async def veil_over(visit: Visit, conversation: str | None, bare: bool = False) -> Veil:
    """The veil over one conversation; none (`bare`) for who answers it in person."""
    veil = (await veils_over(visit, [conversation]))[conversation or ""]
    veil.lifted = veil.lifted or bare
    return veil
