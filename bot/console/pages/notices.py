"""Notices on areas: an editor writes one, sees what followers will read, publishes, withdraws.

A preview shows the words on each channel in each language that followers speak, and how many will
hear. Nothing is kept before it is published; a form that is sent twice makes one notice.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from aiohttp import web

from bot.civic.areas import Area
from bot.civic.notices import KINDS, NewNotice, Notice, reached, spoken
from bot.console.office import Office
from bot.console.pages.tickets import on_thread
from bot.console.roles import Role
from bot.console.routes import Route
from bot.console.visit import Visit
from bot.messages import ChannelName
from bot.notices.drafting import PARTS, Checked, Draft, check, grouped
from bot.notices.item import MAX_BODY, MAX_TITLE
from bot.notices.wording import push_reply, when_words
from bot.store.city import CityRegister
from bot.store.notices import NoticeRegister

ID = "{id:[0-9]{1,12}}"
PREVIEWS = 12
LONGEST_KEY = 32


def routes(office: Office) -> list[Route]:
    return [
        Route("GET", "/notices", Role.EDITOR, _list, nav="nav.notices", order=47),
        Route("GET", "/notices/new", Role.EDITOR, _new),
        Route("POST", "/notices/new", Role.EDITOR, _written),
        Route("POST", f"/notices/{ID}/withdraw", Role.EDITOR, _withdraw),
    ]


def _register(visit: Visit) -> NoticeRegister:
    return NoticeRegister(visit.office.database, visit.office.clock)


async def _areas(visit: Visit) -> list[Area]:
    found: list[Area] = await on_thread(CityRegister(visit.office.archive).areas)
    return found


# The list ----------------------------------------------------------------------------------------


async def _list(visit: Visit) -> web.StreamResponse:
    names = {area.code: area.name for area in await _areas(visit)}
    now = visit.office.clock()
    parts: dict[str, list[dict[str, Any]]] = {"live": [], "planned": [], "past": []}
    for notice, row in await on_thread(_register(visit).everything):
        parts[_standing(notice, row, now)].append(_card(visit, notice, row, names))
    parts["planned"].sort(key=lambda card: card["begins_at"])
    return await visit.render("notices/list.html", parts=parts)


def _standing(notice: Notice, row: dict[str, Any], now: datetime) -> str:
    if row["removed_at"] or (notice.ends_at and notice.ends_at <= now):
        return "past"
    return "planned" if notice.begins_at and notice.begins_at > now else "live"


def _card(
    visit: Visit, notice: Notice, row: dict[str, Any], names: dict[str, str]
) -> dict[str, Any]:
    language, words = spoken(notice.texts, visit.language, visit.city_languages)
    book, zone = visit.office.phrasebook, visit.office.options.zone
    return {
        **row,
        "words": words,
        "spoken": language,
        "when": when_words(notice, visit.language, book, zone),
        "areas": [names.get(code, code) for code in notice.area_codes],
        "languages": list(notice.texts),
    }


async def _withdraw(visit: Visit) -> web.StreamResponse:
    """Take a notice of staff back. One of a feed would come again with the next pull."""
    number = int(visit.part("id"))
    found = {n.id: (n, row) for n, row in await on_thread(_register(visit).everything)}
    if number not in found:
        raise web.HTTPNotFound
    notice, row = found[number]
    if notice.feed:
        raise web.HTTPBadRequest
    if row["removed_at"] or not await on_thread(_register(visit).remove, number):
        return await visit.redirect("/notices", "notices.withdrawn_before")
    await visit.note("notice_withdrawn", subject=str(number))
    return await visit.redirect("/notices", "notices.withdrawn_flash")


# Writing one -------------------------------------------------------------------------------------


async def _new(visit: Visit) -> web.StreamResponse:
    parts = {**dict.fromkeys(PARTS, ""), "kind": "works"}
    empty = Draft(secrets.token_hex(8), (), parts, {}, {})
    return await _form(visit, empty, await _areas(visit))


def _draft(visit: Visit) -> Draft:
    """What stands in the form, as it was typed."""
    key = visit.field("key")
    if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isalnum()):
        raise web.HTTPBadRequest
    languages = visit.city_languages
    return Draft(
        key,
        tuple(dict.fromkeys(visit.fields("area"))),
        {name: visit.field(name) for name in PARTS},
        {language: visit.field(f"title_{language}") for language in languages},
        {language: visit.field(f"text_{language}") for language in languages},
    )


async def _written(visit: Visit) -> web.StreamResponse:
    """Say what is wrong, show what followers will read, or publish."""
    office, draft, areas = visit.office, _draft(visit), await _areas(visit)
    places = office.more.get("places")
    finder = await on_thread(places) if places is not None else None
    checked: Checked = await on_thread(
        check, draft, areas, finder, visit.city_languages, office.options.zone, office.clock()
    )
    if checked.faults:
        return await _form(visit, draft, areas, checked)
    if visit.field("do") != "publish":
        return await _form(visit, draft, areas, checked, preview=True)
    number, is_new = await on_thread(_register(visit).publish, checked.notice)
    if not is_new:
        return await visit.redirect("/notices", "notices.published_before")
    codes = list(checked.notice.area_codes)
    await visit.note("notice_published", subject=str(number), areas=codes)
    return await visit.redirect("/notices", "notices.published_flash")


async def _form(
    visit: Visit,
    draft: Draft,
    areas: list[Area],
    checked: Checked | None = None,
    preview: bool = False,
) -> web.StreamResponse:
    audience: dict[tuple[str, str], int] = {}
    previews: list[dict[str, Any]] = []
    if checked and preview:
        codes = reached(checked.notice.area_codes, areas)
        heard = await on_thread(_register(visit).audience, codes)
        # Nobody is told on a channel that is not in use.
        audience = {key: n for key, n in heard.items() if key[0] in visit.office.connectors}
        previews = _previews(visit, checked.notice, areas, audience)
    faults = checked.faults if checked else ()
    names = {area.code: area.name for area in areas}
    return await visit.render(
        "notices/new.html",
        status=422 if faults else 200,
        draft=draft,
        faults=faults,
        wrong={field for field, _ in faults},
        groups=grouped(areas),
        kinds=KINDS,
        languages=visit.city_languages,
        preview=preview,
        previews=previews,
        hear=sum(audience.values()),
        found=[names.get(c, c) for c in checked.notice.area_codes] if checked else [],
        zone=visit.office.options.zone.key,
        most_title=MAX_TITLE,
        most_text=MAX_BODY,
    )


def _previews(
    visit: Visit,
    new: NewNotice,
    areas: list[Area],
    audience: dict[tuple[str, str], int],
) -> list[dict[str, Any]]:
    """What is read on each channel, in the languages that were written and those of who hears of
    it; what most people will read comes first."""
    office, languages = visit.office, visit.city_languages
    book, zone = office.phrasebook, office.options.zone
    notice = Notice(**{name: getattr(new, name) for name in NewNotice.__dataclass_fields__})
    area = next(a for a in areas if a.code == new.area_codes[0])
    people: dict[tuple[str, str], int] = {
        (name, language): 0 for name in office.connectors for language in new.texts
    }
    for (channel, language), count in audience.items():
        key = (channel, language if language in languages else languages[0])
        people[key] = people.get(key, 0) + count
    found = []
    for (channel, language), count in sorted(people.items(), key=lambda one: (-one[1], one[0]))[
        :PREVIEWS
    ]:
        reply = push_reply(notice, area, language, languages, book, zone)
        payloads = office.connectors[ChannelName(channel)].render(reply, language)
        found.append(
            {
                "channel": channel,
                "language": language,
                "people": count,
                "parts": [str(p.get("text") or p.get("body") or reply.text) for p in payloads],
                "link": reply.link,
            }
        )
    return found
