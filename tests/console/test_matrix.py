"""Every route by every role and by nobody; every form without its token; nothing is left out.

The rows come from the console's own table, so a new page is in these tests by itself; one with a
`{part}` in its path needs an example in `EXAMPLES`.
"""

from __future__ import annotations

import re

import pytest

from bot.console.application import table
from bot.console.roles import Role
from bot.console.routes import Route
from bot.store.engine import Database
from tests.conftest import FakeClock
from tests.console.desk import Browser, Counter, office_of
from tests.console.talks import talk

EXAMPLES = {
    "language": "nl",
    "link": "x" * 43,
    "id": "424242",
    "conversation": "0" * 24,
    "kind": "csv",
    "code": "nothing",
    "handover": "424242",
    "reference": "LW-2026-99999",
    "ref": "LW-2026-99999",
    "photo": "0" * 32,
}
HARMLESS = {302, 303, 400, 404, 405, 409, 410, 413, 415, 422}


def path_of(route: Route) -> str:
    """The route's path with an example for each part."""

    def example(match: re.Match[str]) -> str:
        name = match[1].split(":")[0]
        assert name in EXAMPLES, f"{route.path}: give an example of {name!r} in EXAMPLES"
        return EXAMPLES[name]

    return re.sub(r"\{((?:[^{}]|\{[^{}]*\})+)\}", example, route.path)


async def ask(browser: Browser, route: Route, token: str | None) -> int:
    if route.method == "GET":
        await browser.get(path_of(route))
    else:
        await browser.post(path_of(route), {}, token=token)
    return browser.status


@pytest.fixture
def database(tmp_path: object) -> Database:
    """One kind of database is enough here: rows and roles are the same on both."""
    from bot.store import migrate

    made = Database(f"sqlite:///{tmp_path}/matrix.db")
    migrate.upgrade(made)
    return made


def rows_of(office: object) -> list[Route]:
    return [route for route in table(office) if not route.live]  # type: ignore[arg-type]


async def test_nobody_gets_anywhere_without_signing_in(counter: Counter) -> None:
    browser = await counter.browser()
    await browser.get("/sign-in")
    token = browser.token
    for route in table(counter.office):
        if route.role is None:
            continue
        status = await ask(browser, route, token)
        if route.method == "GET" and not route.live:
            assert (status, browser.location.split("?")[0]) == (303, "/sign-in"), route
        else:
            assert status == 401, route


@pytest.mark.parametrize("role", list(Role))
async def test_every_route_asks_for_its_role(counter: Counter, role: Role) -> None:
    for route in rows_of(counter.office):
        if route.role is None or route.path == "/account/sign-out-everywhere":
            continue
        if not counter.browsers:
            browser = await counter.signed_in("noor", role.word)
        else:
            browser = counter.browsers[0]
        await browser.get("/account")
        status = await ask(browser, route, browser.token)
        if role < route.role:
            assert status == 403, (route, status)
        elif route.method == "GET":
            assert status in HARMLESS | {200}, (route, status)
        else:
            assert status in HARMLESS | {200}, (route, status)
            assert "form is too old" not in browser.text


async def test_no_form_works_without_its_token_or_with_anothers(counter: Counter) -> None:
    browser = await counter.signed_in("noor", "administrator")
    other = await counter.signed_in("ties", "administrator")
    await other.get("/account")
    await browser.get("/account")
    for route in table(counter.office):
        if route.method == "GET":
            continue
        for token in (None, "", "0" * 64, other.token, browser.token[:-1], "é" * 64):
            await browser.post(
                path_of(route), {"token": ""} if token == "" else {}, token=token or None
            )
            assert browser.status == 403, (route, token)
    assert (await browser.get("/account")).status == 200  # and nothing was done: still signed in


async def test_a_visitor_without_a_token_cannot_even_try_a_password(counter: Counter) -> None:
    browser = await counter.browser()
    for route in table(counter.office):
        if route.method == "POST" and route.role is None:
            await browser.post(path_of(route), {"name": "noor", "password": "x"}, token=None)
            assert browser.status == 403, route


def test_every_route_is_guarded_by_the_table_alone(database: Database, clock: FakeClock) -> None:
    """No handler of the application stands outside the table, but static files."""
    from bot.console.application import application

    office = office_of(database, clock)
    known = {(route.method, route.path.split("{")[0]) for route in table(office)}
    for route in application(office).router.routes():
        path = str(route.resource.canonical) if route.resource else ""
        if not path.startswith("/static/") and route.method != "HEAD":
            assert (route.method, path.split("{")[0]) in known, path


def test_only_sign_in_and_language_need_no_role(database: Database, clock: FakeClock) -> None:
    public = {r.path.split("/")[1] for r in table(office_of(database, clock)) if r.role is None}
    assert public <= {"sign-in", "sign-out", "open", "password", "language"}


async def test_ids_of_nobody_and_of_others_are_not_found(counter: Counter) -> None:
    made = await talk(counter.office, "+31611111111", ("a", "b"))
    browser = await counter.signed_in("noor", "administrator")
    for path in (
        f"/log/{made[:-1]}",
        f"/log/{made.upper()}",
        "/log/../staff",
        f"/log/{'f' * 24}",
        "/log/1",
    ):
        await browser.get(path)
        assert browser.status in (200, 404), path
        assert "<h1>Conversation" not in browser.text


HOSTILE = (
    '" OR 1=1 --',
    "*",
    "a AND (NEAR",
    "%_\\",
    "\x00",
    "x" * 3000,
    "'; DROP TABLE staff; --",
    "<script>alert(1)</script>",
    "-1",
    "9" * 30,
    "LW-2026-00001' --",
    "2026-13-99",
    "🙂",
)


@pytest.mark.parametrize("text", HOSTILE)
async def test_every_list_takes_hostile_search_text_as_text(counter: Counter, text: str) -> None:
    """Each page's own search forms, every field of them filled with it, and the usual names."""
    browser = await counter.signed_in("noor", "administrator")
    for route in rows_of(counter.office):
        if route.method != "GET" or "{" in route.path or route.path == "/sign-in":
            continue
        await browser.get(route.path)
        names = {"q", "before", "sort", "state", "page", "next", "from"}
        names |= {name for form in browser.forms if form.method == "get" for name, _ in form.fields}
        for some in (names, {"q"}, {"before"}):
            await browser.get(route.path, params=dict.fromkeys(some, text))
            assert browser.status in (200, 303, 400, 404), (route.path, some, browser.status)
            assert "<script>alert(1)" not in browser.text, route.path
