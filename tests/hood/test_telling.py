"""Followers hear of a notice once, in their language, on their channel, until they stop."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from bot.civic.notices import NewNotice, NoticeText
from bot.messages import Address, ChannelName, Inbound, Reply
from bot.notices.telling import Telling
from bot.reflexes import Reflexes
from bot.settings import ROOT
from bot.store.erasure import erase
from tests.hood.conftest import NOW, Town

NEIGHBOURHOOD, DISTRICT, ELSEWHERE = "BU00140000", "WK001400", "BU00140300"


class Outbox:
    """Keeps what is pushed, once for a key."""

    def __init__(self, language: str = "en") -> None:
        self.said: dict[str, Reply] = {}
        self.language = language
        self.broken = False

    async def __call__(self, conversation: str, make: Callable[[str], Reply], key: str) -> bool:
        if self.broken:
            raise ConnectionError
        self.said.setdefault(key, make(self.language))
        return True


def telling(town: Town, outbox: Outbox) -> Telling:
    areas = town.city.neighbourhood.all_areas
    book = town.city.phrasebook
    return Telling(town.notices, outbox, book, areas, town.city.languages, town.city.zone)


def notice(area: str = NEIGHBOURHOOD, guid: str = "n1", days: int = 2) -> NewNotice:
    texts = {"nl": NoticeText("Water dicht", "Van acht tot tien.")}
    end = NOW + timedelta(days=days)
    return NewNotice(guid, (area,), "water", texts, NOW, end, "https://city.example/w")


async def test_a_follower_hears_of_a_new_notice_once(town: Town) -> None:
    outbox = Outbox()
    town.notices.follow(town.conversation, NEIGHBOURHOOD)
    number = town.notices.add(notice())
    assert await telling(town, outbox).step() == 1
    assert await telling(town, outbox).step() == 0
    ((key, reply),) = outbox.said.items()
    assert key == f"notice-{number}-{town.conversation}"
    assert "News for Binnenstad-Noord" in reply.text
    assert "Water dicht" in reply.text
    assert "(This text is in Dutch.)" in reply.text
    assert 'Say "stop notices"' in reply.text
    assert reply.link is not None


async def test_a_crash_half_way_tells_nobody_twice_and_misses_nobody(town: Town) -> None:
    outbox = Outbox()
    town.notices.follow(town.conversation, NEIGHBOURHOOD)
    town.notices.add(notice())
    outbox.broken = True
    with pytest.raises(ConnectionError):
        await telling(town, outbox).step()
    outbox.broken = False
    await telling(town, outbox).step()
    await telling(town, outbox).step()
    assert len(outbox.said) == 1


@pytest.mark.parametrize(
    ("followed", "placed", "hears"),
    [
        (NEIGHBOURHOOD, DISTRICT, True),
        (DISTRICT, NEIGHBOURHOOD, True),
        (NEIGHBOURHOOD, "GM0014", True),
        (NEIGHBOURHOOD, ELSEWHERE, False),
        (DISTRICT, ELSEWHERE, True),
    ],
)
async def test_who_hears_is_who_lives_where_it_counts(
    town: Town, followed: str, placed: str, hears: bool
) -> None:
    outbox = Outbox()
    parent = town.city.areas.area(ELSEWHERE)
    assert parent is not None
    expected = hears if followed != DISTRICT or placed != ELSEWHERE else parent.parent == DISTRICT
    town.notices.follow(town.conversation, followed)
    town.notices.add(notice(placed))
    assert bool(await telling(town, outbox).step()) is expected


async def test_who_follows_two_areas_of_a_notice_hears_once(town: Town) -> None:
    outbox = Outbox()
    town.notices.follow(town.conversation, NEIGHBOURHOOD)
    town.notices.follow(town.conversation, DISTRICT)
    town.notices.add(notice())
    await telling(town, outbox).step()
    assert len(outbox.said) == 1


async def test_nobody_hears_of_what_is_over_removed_or_after_stopping(town: Town) -> None:
    outbox = Outbox()
    town.notices.follow(town.conversation, NEIGHBOURHOOD)
    town.notices.add(notice(guid="old", days=-1))
    town.notices.remove(town.notices.add(notice(guid="gone")))
    assert await telling(town, outbox).step() == 0
    town.notices.unfollow(town.conversation)
    town.notices.add(notice(guid="late"))
    assert await telling(town, outbox).step() == 0
    assert not outbox.said


async def test_a_changed_notice_is_not_told_again(town: Town) -> None:
    outbox = Outbox()
    town.notices.follow(town.conversation, NEIGHBOURHOOD)
    town.notices.merge("feed", [notice()])
    await telling(town, outbox).step()
    town.notices.merge("feed", [notice(days=5)])
    town.notices.merge("feed", [])
    town.notices.merge("feed", [notice(days=5)])
    await telling(town, outbox).step()
    assert len(outbox.said) == 1


async def test_forget_me_ends_following(town: Town) -> None:
    town.notices.follow(town.conversation, NEIGHBOURHOOD)
    town.database.write_now(lambda c: erase(c, town.conversation))
    assert town.notices.followed(town.conversation) == []


async def test_each_conversation_follows_for_itself(town: Town) -> None:
    inbound = Inbound(ChannelName("telegram"), "2:1", Address("8"), text="hi")
    other = (await town.journal.accept(inbound)).conversation
    town.notices.follow(town.conversation, NEIGHBOURHOOD)
    town.notices.follow(other, NEIGHBOURHOOD)
    town.notices.unfollow(other)
    assert town.notices.followers([NEIGHBOURHOOD]) == [(town.conversation, NEIGHBOURHOOD)]


def test_the_words_that_stop_are_a_reflex_and_no_opt_out() -> None:
    reflexes = Reflexes.load(ROOT / "data" / "reflexes.yml")
    for words in ("Stop notices", "stop buurtnieuws!", "stopp Stadtteilnews", "stop kvarternyt"):
        assert reflexes.match(words) == "stop_notices"
    assert reflexes.match("STOP") == "opt_out"
