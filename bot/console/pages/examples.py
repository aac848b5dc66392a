"""Sentences that citizens labelled themselves: an editor accepts, rejects, and takes it back.

What the bot offered and what the citizen chose stand beside each sentence. A sentence with personal
data is shown behind the veil and cannot be accepted before somebody wrote it anew. Accepted ones
are handed out as the data files that training reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.civic.catalogue import in_language
from bot.console.known import veil_over, veils_over
from bot.console.office import Office
from bot.console.pages.tickets import on_thread
from bot.console.roles import Role
from bot.console.routes import Route
from bot.console.veil import Veil
from bot.console.visit import Visit
from bot.learning.files import NONE, exported, file_of, intents_of, meaning, words
from bot.learning.judging import LONGEST, fault_of, tidy
from bot.store.city import AnswerRegister
from bot.store.examples import STATES, ExampleRegister, Verdict

ID = "{id:[0-9]{1,12}}"
PAGE = 20
MOST_EXPORTED = 10_000
WITH_TOPIC = frozenset({"ask", "report"})
NOT_LEARNT = frozenset({"danger", "inform", "nlu_fallback", "out_of_scope"})
"""Intents that are no wish of their own, or whose examples are kept with more care."""
Names = dict[tuple[str, str], str]


def routes(office: Office) -> list[Route]:
    return [
        Route("GET", "/examples", Role.EDITOR, _list, nav="nav.examples", order=46),
        Route("GET", "/examples/export", Role.EDITOR, _export),
        Route("POST", f"/examples/{ID}/accept", Role.EDITOR, _accept),
        Route("POST", f"/examples/{ID}/reject", Role.EDITOR, _reject),
        Route("POST", f"/examples/{ID}/undo", Role.EDITOR, _undo),
    ]


def _register(visit: Visit) -> ExampleRegister:
    return ExampleRegister(visit.office.database, visit.office.clock)


async def _meanings(visit: Visit) -> dict[str, Names]:
    """What a sentence can mean, by kind: the name in the reader's language of intent and topic."""
    office, language = visit.office, visit.language
    answers = await on_thread(AnswerRegister(office.database, office.clock).names)
    city = office.more.get("city_dir")
    primary = office.phrasebook.primary
    plain = await on_thread(intents_of, city, primary) if isinstance(city, Path) else []
    services = {("report", s.topic): s.name(language) for s in office.catalogue.services.values()}
    asked = {("ask", topic): in_language(names, language) for topic, names in answers.items()}
    wishes = {
        (intent, ""): visit.named("intents", intent)
        for intent in plain
        if intent not in WITH_TOPIC | NOT_LEARNT
    }
    return {
        kind: dict(sorted(names.items(), key=lambda item: item[1].casefold()))
        for kind, names in (("reports", services), ("questions", asked), ("wishes", wishes))
    }


def _named(visit: Visit, meanings: Mapping[str, Names], intent: str, topic: str | None) -> str:
    """The name of a meaning; its codes when the city has it no longer."""
    if intent == NONE:
        return visit.say("examples.nothing_fitted")
    for names in meanings.values():
        if (intent, topic or "") in names:
            return names[(intent, topic or "")]
    return topic or visit.named("intents", intent)


async def _list(visit: Visit) -> web.StreamResponse:
    return await _page(visit)


async def _page(
    visit: Visit, wrong: int = 0, fault: str = "", given: Mapping[str, str] | None = None
) -> web.StreamResponse:
    """A state's examples, newest first. `wrong` is the one whose form had a `fault`; what was
    `given` in it stands there again."""
    register = _register(visit)
    chosen = visit.query("state") or visit.field("state")
    state = chosen if chosen in STATES else "new"
    languages = visit.city_languages
    language = visit.query("language") if visit.query("language") in languages else ""
    before = visit.query("before")
    after = int(before) if before.isascii() and before.isdigit() and len(before) < 13 else None
    rows = await on_thread(register.page, state, language, after, PAGE + 1)
    if wrong and wrong not in {row["id"] for row in rows[:PAGE]}:
        row = await on_thread(register.find, wrong)
        rows = [row, *rows] if row else rows
    shown = rows[:PAGE]
    veils = await veils_over(visit, [row["conversation_id"] for row in shown])
    meanings = await _meanings(visit)
    return await visit.render(
        "examples/list.html",
        status=422 if fault else 200,
        cards=[
            _card(visit, row, veils[row["conversation_id"]], meanings)
            | {
                "fault": fault if row["id"] == wrong else "",
                "given": given if row["id"] == wrong else None,
            }
            for row in shown
        ],
        state=state,
        states=STATES,
        counts=await on_thread(register.counts),
        language=language,
        languages=languages,
        meanings=meanings,
        older=str(shown[-1]["id"]) if len(rows) > PAGE else "",
        first=after is None,
        most=LONGEST,
    )


def _card(
    visit: Visit, row: dict[str, Any], veil: Veil, meanings: Mapping[str, Names]
) -> dict[str, Any]:
    veil.lifted = False
    intent, topic = meaning(row)
    text = tidy(words(row))
    return {
        **row,
        "pieces": veil.pieces(text),
        "personal": fault_of(text, veil.masker, veil.known) == "personal",
        "box": veil.words(text),
        "offers": [
            _named(visit, meanings, str(one.get("intent")), one.get("topic"))
            for one in row["offered"] or ()
        ],
        "chose": _named(visit, meanings, row["intent"], row["topic"]),
        "means": _named(visit, meanings, intent, topic),
        "picked": f"{intent}|{topic or ''}",
        "file": file_of(row),
    }


async def _found(visit: Visit) -> dict[str, Any]:
    row: dict[str, Any] | None = await on_thread(_register(visit).find, int(visit.part("id")))
    if row is None:
        raise web.HTTPNotFound
    return row


async def _accept(visit: Visit) -> web.StreamResponse:
    """Take a sentence for training, as it stands in the form, with the meaning chosen there."""
    row, text = await _found(visit), tidy(visit.field("text"))
    intent, _, topic = visit.field("meaning").partition("|")
    meanings = await _meanings(visit)
    veil = await veil_over(visit, row["conversation_id"])
    fault = fault_of(text, veil.masker, veil.known)
    if not fault and not any((intent, topic) in names for names in meanings.values()):
        fault = "meaning"
    if fault:
        given = {"text": text, "meaning": visit.field("meaning")}
        return await _page(visit, row["id"], f"examples.fault_{fault}", given)
    edited = None if text == row["text"] else text
    verdict = Verdict("accepted", visit.member.name, edited, intent, topic or None)
    return await _decided(visit, row, verdict, "new", "example_accepted", "examples.accepted_flash")


async def _reject(visit: Visit) -> web.StreamResponse:
    verdict = Verdict("dropped", visit.member.name)
    row = await _found(visit)
    return await _decided(visit, row, verdict, "new", "example_rejected", "examples.rejected_flash")


async def _undo(visit: Visit) -> web.StreamResponse:
    row = await _found(visit)
    state = row["state"] if row["state"] != "new" else "accepted"
    return await _decided(
        visit, row, Verdict("new"), state, "example_undone", "examples.undone_flash"
    )


async def _decided(
    visit: Visit, row: dict[str, Any], verdict: Verdict, expected: str, action: str, flash: str
) -> web.StreamResponse:
    """Write a verdict down, unless somebody else was first."""
    back = visit.way_back(visit.field("back"), "/examples")
    if not await on_thread(_register(visit).decide, row["id"], verdict, expected):
        return await visit.redirect(back, "examples.too_late")
    await visit.note(action, row["conversation_id"], str(row["id"]), means=verdict.topic or "")
    return await visit.redirect(back, flash)


async def _export(visit: Visit) -> web.StreamResponse:
    """Accepted sentences as the data files have them; what holds personal data is left out."""
    rows = await on_thread(_register(visit).listed, ["accepted"], MOST_EXPORTED)
    veils = await veils_over(visit, [row["conversation_id"] for row in rows])
    fit = [
        row
        for row in rows
        if not fault_of(
            tidy(words(row)),
            veils[row["conversation_id"]].masker,
            veils[row["conversation_id"]].known,
        )
    ]
    await visit.note("examples_exported", rows=len(fit), left_out=len(rows) - len(fit))
    body = await on_thread(exported, fit)
    response = web.Response(text=body, content_type="application/yaml", charset="utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="examples.yml"'
    return visit.dress(response)
