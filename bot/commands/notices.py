"""Notices on areas: staff write, list and remove them; feeds are pulled now."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.common import Arguments, Refused, database_of, say
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.store.notices import NoticeRegister

EXAMPLE = "2026-03-02 or 2026-03-02T07:30"


def notice_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """`notice add|list|remove|pull`."""
    from bot.civic.notices import KINDS

    top = sub.add_parser("notice", help="staff: notices on areas, such as road works")
    works = top.add_subparsers(dest="what", required=True, metavar="WHAT")
    add = works.add_parser("add", help="write one; whoever follows the area is told")
    add.add_argument("--area", action="append", required=True, help="code or name; may come again")
    add.add_argument("--title", required=True)
    add.add_argument("--text", default="", help="what there is to say beside the title")
    add.add_argument("--lang", default="", help="language of the text; else the primary one")
    add.add_argument("--kind", default="other", choices=KINDS)
    add.add_argument("--begins", default="", help="2026-03-02 or 2026-03-02T07:30")
    add.add_argument("--ends", default="", help="the same; without it until removed")
    add.add_argument("--url", default="", help="a page that says more")
    remove = works.add_parser("remove", help="take one back")
    remove.add_argument("id", type=int)
    pull = works.add_parser("pull", help="read the feeds now, or these addresses or files")
    pull.add_argument("feed", nargs="*", help="an address or file, with nl= in front for Dutch")
    for one in (add, works.add_parser("list", help="all that stand"), remove, pull):
        one.set_defaults(run=notice)


def notice(arguments: Arguments, settings: Settings) -> int:
    """What `notice add|list|remove|pull` do."""
    from bot.assembly import utc_now
    from bot.store.notices import NoticeRegister

    database = database_of(settings)
    register = NoticeRegister(database, utc_now)
    try:
        acts = {"add": _add, "list": _list, "remove": _remove, "pull": _pull}
        acts[arguments.what](arguments, settings, register)
    finally:
        database.close()
    return 0


def _add(arguments: Arguments, settings: Settings, register: NoticeRegister) -> None:
    from bot.civic.notices import NewNotice
    from bot.notices.item import moment, text_of, web_address
    from bot.notices.placing import placed_names
    from bot.store.city import CityRegister

    if arguments.url and not web_address(arguments.url):
        raise Refused(f"{arguments.url!r} is no http address")
    codes = placed_names(arguments.area, CityRegister(register.database).areas())
    unknown = [name for name, found in codes.items() if not found]
    if unknown:
        raise Refused(f"no area has the code or name {', '.join(map(repr, unknown))}")
    try:
        begins, ends = (moment(at, settings.zone) for at in (arguments.begins, arguments.ends))
    except ValueError as error:
        raise Refused(f"{error}; write {EXAMPLE}") from None
    language = arguments.lang or settings.primary_language
    new = NewNotice(
        guid="staff",
        area_codes=tuple(dict.fromkeys(code for found in codes.values() for code in found)),
        kind=arguments.kind,
        texts={language: text_of(arguments.title, arguments.text)},
        begins_at=begins,
        ends_at=ends,
        url=web_address(arguments.url),
    )
    fault = new.fault()
    if fault:
        raise Refused(fault)
    number = register.add(new)
    say(f"notice {number} is on {', '.join(new.area_codes)}; who follows them is told")


def _list(arguments: Arguments, settings: Settings, register: NoticeRegister) -> None:
    found = register.standing()
    for one in found:
        title = next(iter(one.texts.values())).title
        begin, end = (
            at.astimezone(settings.zone).strftime("%Y-%m-%d %H:%M") if at else "-"
            for at in (one.begins_at, one.ends_at)
        )
        origin = one.feed or "staff"
        say(f"{one.id:>4}  {begin:<16}  {end:<16}  {','.join(one.area_codes)}  {title}  [{origin}]")
    say(f"{len(found)} notices")


def _remove(arguments: Arguments, settings: Settings, register: NoticeRegister) -> None:
    if not register.remove(arguments.id):
        raise Refused(f"there is no notice {arguments.id}")
    say("removed")


def _pull(arguments: Arguments, settings: Settings, register: NoticeRegister) -> None:
    from bot.assembly import finder_of
    from bot.notices.item import MAX_BYTES, FeedRefused
    from bot.notices.pulling import Pulled, Pulling, feed_of, merged
    from bot.store.city import CityRegister

    entries = arguments.feed or list(settings.notice_feeds)
    if not entries:
        raise Refused("name a feed, or set LIKEWISE_NOTICE_FEEDS")
    finder = finder_of(CityRegister(register.database))
    language = settings.primary_language
    results: list[Pulled] = []
    for entry in entries:
        address, spoken = feed_of(entry, language)
        if address.startswith(("http://", "https://")):
            pulling = Pulling([entry], register, lambda: finder, settings.zone, language)
            results += asyncio.run(pulling.pull())
            continue
        try:
            with Path(address).open("rb") as file:
                content = file.read(MAX_BYTES + 1)
            results.append(merged(address, content, spoken, register, finder, settings.zone))
        except OSError as error:
            results.append(Pulled(address, refused=error.strerror or "cannot be read"))
        except FeedRefused as error:
            results.append(Pulled(address, refused=str(error)))
    for one in results:
        for line in one.faults:
            say(f"  left out: {line}")
        say(
            f"{one.feed}: {one.refused}"
            if one.refused
            else f"{one.feed}: {one.added} added, {one.changed} changed, {one.removed} removed"
        )
    if any(one.refused for one in results):
        raise Refused("not every feed could be used; what we had of those stays")
