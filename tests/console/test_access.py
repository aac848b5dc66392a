"""Signing in: passwords, lock-out, links, one-time codes, sessions, and what the log keeps of it."""

from __future__ import annotations

import pyotp
import pytest
import sqlalchemy as sa

from bot.console.office import Office
from bot.console.pages.sign_in import OPEN_LINK, PASSWORD_LINK
from bot.store import schema
from bot.store.lockout import LONGEST_WAIT, wait_after
from tests.conftest import FakeClock
from tests.console.desk import PASSWORD, Counter, member
from tests.road.rooms import rows


async def deeds(office: Office) -> list[str]:
    return [deed.action for deed in await office.audit.newest()]


async def test_nobody_is_sent_to_sign_in_and_comes_back_to_the_page(counter: Counter) -> None:
    await member(counter.office, "noor", "administrator")
    browser = await counter.browser()
    await browser.get("/audit?staff=x")
    assert browser.status == 303
    assert browser.location.startswith("/sign-in?next=")
    await browser.follow()
    await browser.post("/sign-in", browser.forms[0].values | {"name": "noor", "password": PASSWORD})
    assert (browser.status, browser.location) == (303, "/audit?staff=x")
    assert (await browser.follow()).status == 200


@pytest.mark.parametrize(
    "bad",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/x\r\ny",
    ],
)
async def test_the_way_back_never_leaves_the_console(counter: Counter, bad: str) -> None:
    await member(counter.office, "noor", "reader")
    browser = await counter.browser()
    await browser.get("/sign-in")
    await browser.post("/sign-in", {"name": "noor", "password": PASSWORD, "next": bad})
    assert (browser.status, browser.location) == (303, "/")


async def test_unknown_wrong_disabled_and_locked_get_the_same_answer(
    counter: Counter, clock: FakeClock
) -> None:
    gone = await member(counter.office, "gone", "reader")
    await counter.office.staff.change(gone.id, disabled_at=clock())
    await member(counter.office, "noor", "reader")
    browser, answers = await counter.browser(), set()
    for name, password in (("nobody", PASSWORD), ("noor", "wrong"), ("gone", PASSWORD)):
        await browser.get("/sign-in")
        await browser.post("/sign-in", {"name": name, "password": password, "next": "/"})
        assert browser.status == 403
        answers.add(browser.text)
    for _ in range(6):
        await browser.post("/sign-in", {"name": "noor", "password": "wrong", "next": "/"})
    await browser.post("/sign-in", {"name": "noor", "password": PASSWORD, "next": "/"})
    assert browser.status == 403  # right now, but locked
    answers.add(browser.text)
    assert len(answers) == 1


async def test_a_lock_ends_by_itself_and_grows_with_every_failure(
    counter: Counter, clock: FakeClock
) -> None:
    await member(counter.office, "noor", "reader")
    browser = await counter.browser()
    await browser.get("/sign-in")
    for _ in range(5):
        await browser.post("/sign-in", {"name": "noor", "password": "wrong", "next": "/"})
    await browser.sign_in("noor")
    assert browser.status == 403
    clock.advance(seconds=31)
    await browser.sign_in("noor")
    assert browser.status == 303
    waits = [wait_after("name", n) for n in range(4, 30)]
    assert waits == sorted(waits)
    assert (waits[0].total_seconds(), waits[-1]) == (0, LONGEST_WAIT)


async def test_one_address_that_tries_many_names_is_locked_too(counter: Counter) -> None:
    await member(counter.office, "noor", "reader")
    browser = await counter.browser()
    await browser.get("/sign-in")
    for n in range(20):
        await browser.post("/sign-in", {"name": f"name{n}", "password": "wrong", "next": "/"})
    await browser.sign_in("noor")
    assert browser.status == 403


async def test_a_session_has_a_new_token_hashed_in_the_table_and_ends(
    counter: Counter, clock: FakeClock
) -> None:
    browser = await counter.signed_in("noor", "reader")
    cookie = next(c for c in browser.http.cookie_jar if c.key == "likewise_console")
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    kept = counter.office.database.read_now(
        lambda c: c.execute(sa.select(schema.staff_sessions)).all()
    )
    assert len(kept) == 1
    assert cookie.value not in str(kept)
    assert (await browser.get("/")).status == 200
    clock.advance(minutes=59)
    assert (await browser.get("/")).status == 200
    clock.advance(minutes=59)  # idle time counts from the last use
    assert (await browser.get("/")).status == 200
    clock.advance(minutes=61)
    assert (await browser.get("/")).status == 303
    await browser.sign_in("noor")
    for _ in range(12):
        clock.advance(minutes=59)
        await browser.get("/")
    clock.advance(minutes=30)
    assert (await browser.get("/")).status == 303  # absolute expiry, however busy


async def test_refreshing_by_itself_keeps_no_session_alive(
    counter: Counter, clock: FakeClock
) -> None:
    browser = await counter.signed_in("noor", "reader")
    for _ in range(4):
        clock.advance(minutes=20)
        await browser.get("/", headers={"X-Live": "1"})
    assert browser.status == 303


async def test_cookies_are_secure_behind_https(counter: Counter) -> None:
    from dataclasses import replace

    counter.office.options = replace(counter.office.options, secure=True)
    browser = await counter.browser()
    await browser.get("/sign-in")
    assert all("Secure" in value for value in browser.headers.getall("Set-Cookie"))


async def test_signing_in_ends_the_session_that_the_browser_had(counter: Counter) -> None:
    browser = await counter.signed_in("noor", "reader")
    before = next(c.value for c in browser.http.cookie_jar if c.key == "likewise_console")
    await member(counter.office, "ties", "agent")
    await browser.get("/account")
    await browser.post("/sign-in", {"name": "ties", "password": PASSWORD, "next": "/"})
    assert browser.status == 303
    after = next(c.value for c in browser.http.cookie_jar if c.key == "likewise_console")
    assert before != after
    assert await counter.office.staff.session(before) is None


async def test_sign_out_everywhere_ends_every_browser(counter: Counter) -> None:
    first = await counter.signed_in("noor", "reader")
    second = await counter.browser()
    await second.sign_in("noor")
    await second.get("/account")
    await second.post("/account/sign-out-everywhere", {})
    assert (await first.get("/")).status == 303
    assert (await second.get("/")).status == 303
    assert "signed_out_everywhere" in await deeds(counter.office)


async def test_a_changed_password_ends_other_sessions_and_keeps_this_one(counter: Counter) -> None:
    first = await counter.signed_in("noor", "reader")
    other = await counter.browser()
    await other.sign_in("noor")
    await first.get("/account")
    new = "quite another sentence"
    await first.post("/account/password", {"present": "wrong", "password": new, "again": new})
    assert first.status == 422
    await first.post("/account/password", {"present": PASSWORD, "password": new, "again": new})
    assert first.status == 303
    assert "is changed" in (await first.follow()).text
    assert (await other.get("/")).status == 303
    await other.sign_in("noor")
    assert other.status == 403
    await other.sign_in("noor", new)
    assert other.status == 303


@pytest.mark.parametrize(
    "easy", ["short", "passwordpassword", "aaaaaaaaaaaaaaaa", "noor noor noor x", "y" * 300]
)
async def test_easy_passwords_are_refused(counter: Counter, easy: str) -> None:
    browser = await counter.signed_in("noor", "reader")
    await browser.get("/account")
    await browser.post("/account/password", {"present": PASSWORD, "password": easy, "again": easy})
    assert browser.status == 422


async def test_a_password_link_works_once_and_looking_at_it_uses_nothing_up(
    counter: Counter, clock: FakeClock
) -> None:
    office = counter.office
    made = await office.staff.add("noor", "reader")
    from datetime import timedelta

    link = await office.staff.make_link(made.id, PASSWORD_LINK, timedelta(days=2))
    browser = await counter.browser()
    assert (await browser.get(f"/password/{link}")).status == 200
    assert (await browser.get(f"/password/{link}")).status == 200
    await browser.post(f"/password/{link}", {"password": PASSWORD, "again": "other sentence"})
    assert browser.status == 422
    await browser.post(f"/password/{link}", {"password": PASSWORD, "again": PASSWORD})
    assert browser.status == 303
    assert (await browser.get(f"/password/{link}")).status == 410
    await browser.sign_in("noor")
    assert browser.status == 303
    late = await office.staff.make_link(made.id, PASSWORD_LINK, timedelta(days=2))
    clock.advance(days=3)
    assert (await browser.get(f"/password/{late}")).status == 410
    assert (await browser.get("/password/" + "x" * 3000)).status in (404, 410)


async def test_an_open_link_signs_in_once_by_its_button(counter: Counter) -> None:
    from datetime import timedelta

    made = await counter.office.staff.add("demo", "administrator")
    link = await counter.office.staff.make_link(made.id, OPEN_LINK, timedelta(hours=1))
    browser = await counter.browser()
    await browser.get(f"/open/{link}")
    assert (await browser.get("/")).status == 303  # a look signs nobody in
    await browser.get(f"/open/{link}")
    await browser.post(f"/open/{link}", {})
    assert browser.status == 303
    assert (await browser.get("/audit")).status == 200
    other = await counter.browser()
    assert (await other.get(f"/open/{link}")).status == 410


# One-time codes ----------------------------------------------------------------------------------


async def with_codes(counter: Counter, clock: FakeClock) -> tuple[str, list[str]]:
    """Switch codes on for noor; gives the secret and the recovery codes."""
    import re

    browser = await counter.signed_in("noor", "reader")
    await browser.get("/account/codes")
    assert "data:image/svg+xml" in browser.text
    (form,) = [f for f in browser.forms if f.action.endswith("/account/codes")]
    secret = form.values["secret"]
    await browser.post("/account/codes", form.values | {"code": "000000", "present": PASSWORD})
    assert browser.status == 422
    code = pyotp.TOTP(secret).at(clock())
    await browser.post("/account/codes", form.values | {"code": code, "present": PASSWORD})
    assert browser.status == 200
    recovery = re.findall(r"<code>([0-9a-f]{5}-[0-9a-f]{5})</code>", browser.text)
    assert len(recovery) == 10
    return secret, recovery


async def test_with_codes_a_password_alone_opens_nothing(
    counter: Counter, clock: FakeClock
) -> None:
    secret, _ = await with_codes(counter, clock)
    clock.advance(seconds=60)
    browser = await counter.browser()
    await browser.sign_in("noor")
    assert (browser.status, browser.location) == (303, "/sign-in/code")
    assert (await browser.get("/")).status == 303  # half a session opens nothing
    await browser.get("/sign-in/code")
    await browser.post("/sign-in/code", {"code": pyotp.TOTP(secret).at(clock())})
    assert browser.status == 303
    assert (await browser.get("/")).status == 200


async def test_the_same_code_is_refused_the_second_time(counter: Counter, clock: FakeClock) -> None:
    secret, _ = await with_codes(counter, clock)
    clock.advance(seconds=60)
    code = pyotp.TOTP(secret).at(clock())
    first, second = await counter.browser(), await counter.browser()
    for browser, status in ((first, 303), (second, 403)):
        await browser.sign_in("noor")
        await browser.get("/sign-in/code")
        await browser.post("/sign-in/code", {"code": code})
        assert browser.status == status


async def test_a_recovery_code_works_once(counter: Counter, clock: FakeClock) -> None:
    _, recovery = await with_codes(counter, clock)
    for status in (303, 403):
        browser = await counter.browser()
        await browser.sign_in("noor")
        await browser.get("/sign-in/code")
        await browser.post("/sign-in/code", {"code": recovery[0]})
        assert browser.status == status
    assert recovery[1].replace("-", "") not in str(
        rows(counter.office.database, schema.staff_recovery_codes)
    )


async def test_guessing_codes_is_locked_out(counter: Counter, clock: FakeClock) -> None:
    secret, _ = await with_codes(counter, clock)
    clock.advance(seconds=60)
    browser = await counter.browser()
    await browser.sign_in("noor")
    await browser.get("/sign-in/code")
    for _ in range(5):
        await browser.post("/sign-in/code", {"code": "123456"})
    await browser.post("/sign-in/code", {"code": pyotp.TOTP(secret).at(clock())})
    assert browser.status == 403


# Accounts ----------------------------------------------------------------------------------------


async def test_an_administrator_adds_a_colleague_who_then_signs_in(counter: Counter) -> None:
    import re

    chief = await counter.signed_in("noor", "administrator")
    await chief.get("/staff")
    await chief.post("/staff", {"name": "Ties", "role": "agent"})
    link = re.search(r"/console(/password/[\w-]+)", chief.text)
    assert link is not None
    browser = await counter.browser()
    await browser.get(link[1])
    await browser.post(link[1], {"password": PASSWORD, "again": PASSWORD})
    await browser.sign_in("ties")
    assert browser.status == 303
    await chief.post("/staff", {"name": "ties", "role": "reader"})
    assert chief.status == 422
    for bad in ("", "x", "<script>alert(1)</script>", "a" * 200, "nul\x00name"):
        await chief.post("/staff", {"name": bad, "role": "reader"})
        assert chief.status in (200, 422)
        assert "<script>alert" not in chief.text


async def test_disabling_or_a_new_role_ends_sessions_at_once(counter: Counter) -> None:
    chief = await counter.signed_in("noor", "administrator")
    browser = await counter.signed_in("ties", "agent")
    ties = await counter.office.staff.named("ties")
    assert ties is not None
    await chief.get("/staff")
    await chief.post(f"/staff/{ties.id}/role", {"role": "reader"})
    assert (await browser.get("/")).status == 303
    await browser.sign_in("ties")
    await chief.get("/staff")
    await chief.post(f"/staff/{ties.id}/disable", {})
    assert (await browser.get("/")).status == 303
    await browser.sign_in("ties")
    assert browser.status == 403


async def test_the_last_administrator_cannot_be_lost(counter: Counter) -> None:
    chief = await counter.signed_in("noor", "administrator")
    noor = await counter.office.staff.named("noor")
    assert noor is not None
    await chief.get("/staff")
    await chief.post(f"/staff/{noor.id}/disable", {})
    assert chief.status == 422
    await chief.post(f"/staff/{noor.id}/role", {"role": "reader"})
    assert chief.status == 422


async def test_the_audit_log_cannot_be_changed_or_deleted(office: Office) -> None:
    await office.audit.add("signed_in", staff_name="noor")
    for statement in (schema.audit.update().values(action="x"), schema.audit.delete()):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            office.database.write_now(lambda c: c.execute(statement))
    assert await deeds(office) == ["signed_in"]


async def test_the_audit_page_shows_filters_and_pages(counter: Counter, clock: FakeClock) -> None:
    chief = await counter.signed_in("noor", "administrator")
    for n in range(60):
        await counter.office.audit.add("read", staff_name=f"p{n % 2}", conversation=f"c{n}")
    await chief.get("/audit?staff=p1")
    assert "p1" in chief.text
    assert "<td>p0" not in chief.text
    await chief.get("/audit")
    assert "before=" in chief.text
    await chief.get("/audit?before=5&action=read&conversation=c1")
    assert chief.status == 200
    await chief.get("/audit?before=%27;DROP&staff=%25")
    assert chief.status == 200


async def test_the_demonstrations_link_opens_the_console_and_sets_no_password(
    counter: Counter,
) -> None:
    from bot.commands.people import demo_link

    first = await demo_link(counter.office.staff, counter.base)
    link = await demo_link(counter.office.staff, counter.base)  # the next start
    browser = await counter.browser()
    assert (await browser.get(first.removeprefix(counter.base + "/console"))).status == 410
    path = link.removeprefix(counter.base + "/console")
    await browser.get(path)
    await browser.post(path, {})
    assert (await browser.get("/staff")).status == 200
    (demo,) = await counter.office.staff.everyone()
    assert (demo.name, demo.role, demo.password_hash) == ("demo", "administrator", None)
    await browser.get("/sign-in")
    other = await counter.browser()
    await other.sign_in("demo", "")
    assert other.status == 403
