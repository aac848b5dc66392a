"""Notices on areas and who follows an area: rows that staff or a feed write.

A notice is known by its feed and the feed's own id for it, so pulling a feed again changes rows and
adds none. A removed notice keeps its row: should the feed bring it back, nobody is told twice.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.civic.notices import NewNotice, Notice, NoticeText
from bot.store import schema
from bot.store.engine import Database
from bot.store.rows import Clock

_notices, _follows = schema.notices, schema.area_subscriptions


class NoticeRegister:
    """Blocking, like the other registers."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock

    # Notices -------------------------------------------------------------------------------------

    def add(self, new: NewNotice) -> int:
        """Keep a notice that staff wrote; returns its number."""
        guid = new.guid or secrets.token_hex(8)
        values = {**_values(new), "guid": guid}

        def work(c: Connection) -> int:
            now = self.clock()
            done = c.execute(
                _notices.insert().values(feed="", created_at=now, changed_at=now, **values)
            )
            return int(done.inserted_primary_key[0])

        return self.database.write_now(work)

    def publish(self, new: NewNotice) -> tuple[int, bool]:
        """Keep a notice that staff wrote, once for its `guid`: a form that is sent twice makes one
        notice. Its number, and whether it is new."""

        def work(c: Connection) -> tuple[int, bool]:
            now = self.clock()
            values = {**_values(new), "feed": "", "guid": new.guid}
            done = c.execute(
                self.database.insert_or_ignore(_notices).values(
                    created_at=now, changed_at=now, **values
                )
            )
            mine = sa.select(_notices.c.id).where(
                _notices.c.feed == "", _notices.c.guid == new.guid
            )
            return int(c.execute(mine).scalar_one()), bool(done.rowcount)

        return self.database.write_now(work)

    def everything(self, past: int = 50) -> list[tuple[Notice, dict[str, Any]]]:
        """All that stand, and the newest of what is over or was taken back, with their times."""
        now = self.clock()
        ended = sa.and_(_notices.c.ends_at.is_not(None), _notices.c.ends_at <= now)
        over = sa.or_(_notices.c.removed_at.is_not(None), ended)
        newest = sa.func.coalesce(_notices.c.removed_at, _notices.c.ends_at).desc()

        def work(c: Connection) -> list[tuple[Notice, dict[str, Any]]]:
            standing = c.execute(sa.select(_notices).where(~over).order_by(_notices.c.id)).all()
            gone = c.execute(
                sa.select(_notices).where(over).order_by(newest, _notices.c.id.desc()).limit(past)
            ).all()
            return [(_notice(row), dict(row._mapping)) for row in (*standing, *gone)]

        return self.database.read_now(work)

    def audience(self, codes: Iterable[str]) -> dict[tuple[str, str], int]:
        """How many people hear of a notice on these areas, by channel and language.

        Whoever opted out or blocked us hears nothing and is not counted.
        """
        talks, out = schema.conversations, schema.opt_outs
        opted = sa.exists().where(
            out.c.channel == talks.c.channel, out.c.address == talks.c.address
        )
        query = (
            sa.select(talks.c.channel, talks.c.language, talks.c.id)
            .join(_follows, _follows.c.conversation_id == talks.c.id)
            .where(_follows.c.area_code.in_(sorted(codes)), talks.c.blocked_at.is_(None), ~opted)
            .distinct()
        )
        found: dict[tuple[str, str], int] = {}
        for row in self.database.read_now(lambda c: c.execute(query).all()):
            key = (row.channel, row.language)
            found[key] = found.get(key, 0) + 1
        return found

    def remove(self, number: int) -> bool:
        """Take a notice back; False when there is none with this number."""
        mine = sa.and_(_notices.c.id == number, _notices.c.removed_at.is_(None))

        def work(c: Connection) -> bool:
            gone = _notices.update().where(mine).values(removed_at=self.clock())
            return bool(c.execute(gone).rowcount)

        return self.database.write_now(work)

    def merge(self, feed: str, items: Sequence[NewNotice]) -> dict[str, int]:
        """Make the feed's notices those that it has now; counts of added, changed, removed.

        The last of two items with one id counts.
        """
        newest = {item.guid: _values(item) for item in items}

        def work(c: Connection) -> dict[str, int]:
            now = self.clock()
            counts = {"added": 0, "changed": 0, "removed": 0}
            known = {
                row.guid: row
                for row in c.execute(sa.select(_notices).where(_notices.c.feed == feed))
            }
            for guid, values in newest.items():
                row = known.get(guid)
                if row is None:
                    c.execute(
                        _notices.insert().values(
                            feed=feed, guid=guid, created_at=now, changed_at=now, **values
                        )
                    )
                    counts["added"] += 1
                elif row.removed_at or any(row._mapping[k] != v for k, v in values.items()):
                    c.execute(
                        _notices.update()
                        .where(_notices.c.id == row.id)
                        .values(changed_at=now, removed_at=None, **values)
                    )
                    counts["changed"] += 1
            gone = [
                row.id for guid, row in known.items() if guid not in newest and not row.removed_at
            ]
            if gone:
                c.execute(_notices.update().where(_notices.c.id.in_(gone)).values(removed_at=now))
            counts["removed"] = len(gone)
            return counts

        return self.database.write_now(work)

    def standing(self) -> list[Notice]:
        """Every notice that is neither removed nor over, soonest first."""
        query = sa.select(_notices).where(
            _notices.c.removed_at.is_(None),
            sa.or_(_notices.c.ends_at.is_(None), _notices.c.ends_at > self.clock()),
        )
        found = self.database.read_now(lambda c: [_notice(row) for row in c.execute(query)])
        return sorted(
            found, key=lambda n: (n.begins_at is not None, n.begins_at or self.clock(), n.id)
        )

    def of_areas(self, codes: Iterable[str]) -> list[Notice]:
        """What goes on, or soon will, on any of these areas."""
        wanted, now = set(codes), self.clock()
        return [n for n in self.standing() if wanted & set(n.area_codes) and n.current(now)]

    def untold(self) -> list[Notice]:
        """Notices that the followers of their areas have not been told of."""
        query = sa.select(_notices).where(
            _notices.c.told_at.is_(None),
            _notices.c.removed_at.is_(None),
            sa.or_(_notices.c.ends_at.is_(None), _notices.c.ends_at > self.clock()),
        )
        return self.database.read_now(
            lambda c: [_notice(row) for row in c.execute(query.order_by(_notices.c.id))]
        )

    def mark_told(self, number: int) -> None:
        told = _notices.update().where(_notices.c.id == number).values(told_at=self.clock())
        self.database.write_now(lambda c: c.execute(told))

    # Followers -----------------------------------------------------------------------------------

    def follow(self, conversation: str, area_code: str) -> bool:
        """Tell this conversation of the area's notices from now on; False when it was so."""
        row = {"conversation_id": conversation, "area_code": area_code}
        made = self.database.insert_or_ignore(_follows).values(**row, created_at=self.clock())
        return bool(self.database.write_now(lambda c: c.execute(made).rowcount))

    def unfollow(self, conversation: str, area_code: str | None = None) -> list[str]:
        """No more of one area, or of any; the codes that were followed."""
        mine = [_follows.c.conversation_id == conversation]
        if area_code is not None:
            mine.append(_follows.c.area_code == area_code)

        def work(c: Connection) -> list[str]:
            codes = list(c.execute(sa.select(_follows.c.area_code).where(*mine)).scalars())
            c.execute(_follows.delete().where(*mine))
            return sorted(codes)

        return self.database.write_now(work)

    def followed(self, conversation: str) -> list[str]:
        """The codes of the areas that a conversation follows."""
        query = sa.select(_follows.c.area_code).where(_follows.c.conversation_id == conversation)
        return self.database.read_now(lambda c: sorted(c.execute(query).scalars()))

    def followers(self, codes: Iterable[str]) -> list[tuple[str, str]]:
        """(conversation, area code) of everyone who follows one of these areas, each once."""
        query = (
            sa.select(_follows.c.conversation_id, _follows.c.area_code)
            .where(_follows.c.area_code.in_(sorted(codes)))
            .order_by(_follows.c.conversation_id, _follows.c.area_code)
        )
        rows = self.database.read_now(lambda c: c.execute(query).all())
        first: dict[str, str] = {}
        for row in rows:
            first.setdefault(row.conversation_id, row.area_code)
        return list(first.items())


def _values(new: NewNotice) -> dict[str, Any]:
    return {
        "area_codes": sorted(set(new.area_codes)),
        "kind": new.kind,
        "texts": {language: asdict(text) for language, text in new.texts.items()},
        "begins_at": new.begins_at,
        "ends_at": new.ends_at,
        "url": new.url,
    }


def _notice(row: Any) -> Notice:
    texts: Mapping[str, Mapping[str, str]] = row.texts
    return Notice(
        guid=row.guid,
        area_codes=tuple(row.area_codes),
        kind=row.kind,
        texts={language: NoticeText(**text) for language, text in texts.items()},
        begins_at=row.begins_at,
        ends_at=row.ends_at,
        url=row.url,
        id=row.id,
        feed=row.feed,
    )
