"""The log: what is found by words and filters, how it pages, what a transcript shows and hides."""

from __future__ import annotations

import csv
import io

import pytest
import sqlalchemy as sa
from openpyxl import load_workbook

from bot.civic.tickets import NewTicket
from bot.console.filters import chosen
from bot.console.office import Office
from bot.messages import Answer, ConversationId, Rating
from bot.store import log_filling, log_triggers, migrate, schema
from bot.store.engine import Database
from bot.store.ratings import write_rating
from bot.store.search import question
from bot.store.talks import TalkLog, Wanted, key_of
from tests.conftest import FakeClock
from tests.console.desk import Counter
from tests.console.talks import LEASE, talk
from tests.road.rooms import out, said

HOSTILE = [
    '"', '""', '" OR 1=1 --', "a AND OR NOT NEAR(", "col:x", "*", "^a", "{a b}", "a -b", "%", "_", "\\",
    "'; DROP TABLE talks; --", "\x00", "a\x00b", "x" * 10_000, "' & | ! <-> :*", "(((", "🙂", "<script>",
    "a " * 3000, "NEAR/2", "ſ", "İ", "\ud800",
]  # fmt: skip


async def found(office: Office, query: str) -> set[ConversationId]:
    from urllib.parse import parse_qsl

    picked = chosen(dict(parse_qsl(query)), office.options.zone)
    rows = await TalkLog(office.archive).page(picked.wanted, picked.sort)
    return {ConversationId(row["conversation_id"]) for row in rows}


async def test_words_are_found_in_what_both_sides_said_whatever_the_accents(office: Office) -> None:
    a = await talk(office, "+31611111111", ("Mijn paspoort is verlopen", "Maak een afspraak"))
    b = await talk(office, "+31622222222", ("Wo ist das Café Größe?", "Am Markt"))
    assert await found(office, "q=PASPOORT") == {a}
    assert await found(office, "q=verlopen+mijn") == {a}
    assert await found(office, "q=afspr") == {a}  # the last word may be a beginning
    assert await found(office, "q=cafe") == {b}
    assert await found(office, 'q="das cafe"') == {b}
    assert await found(office, 'q="cafe das"') == set()
    assert await found(office, "q=paspoort+markt") == set()
    assert await found(office, f"q={a[:8]}") == ({a} if any(c.isdigit() for c in a[:8]) else set())


async def test_every_filter_finds_its_own_and_they_combine(
    office: Office, clock: FakeClock
) -> None:
    sure = await talk(office, "+31611111111", ("a", "b"), language="en", topic="passport")
    clock.advance(days=2)
    asked = await talk(
        office, "+31622222222", ("c", "d"), language="de", topic=None, intent="report",
        confidence=0.3, actions=("action_unclear",), candidates=({"intent": "ask", "confidence": 0.3},),
    )  # fmt: skip
    lost = await talk(
        office, "+31633333333", ("e", "f"), confidence=0.1, actions=("action_unclear",)
    )
    office.tickets.open(
        NewTicket("k1", asked, "pothole", "roads", "de", "Herestraat", True, area_code="BU01")
    )
    await office.journal.set_owner(lost, "noor")
    assert await found(office, "language=en") == {sure}
    assert await found(office, "intent=report") == {asked}
    assert await found(office, "topic=passport") == {sure, lost}
    assert await found(office, "topic=passport&language=en") == {sure}
    assert await found(office, "low=1") == {asked, lost}
    assert await found(office, "clarified=1") == {asked}
    assert await found(office, "fell_back=1") == {lost}
    assert await found(office, "handed_over=1") == {lost}
    assert await found(office, "ticket=yes") == {asked}
    assert await found(office, "ticket=no&low=1") == {lost}
    assert await found(office, "area=BU01") == {asked}
    assert await found(office, "channel=sms&to=2026-03-02") == {sure}
    assert await found(office, "from=2026-03-04") == {asked, lost}
    assert await found(office, "from=nonsense&channel=&quality=9") == {sure, asked, lost}


async def test_labels_marks_and_coding_are_filters_and_tests_stay_out(counter: Counter) -> None:
    office = counter.office
    a = await talk(office, "+31611111111", ("a", "b"))
    b = await talk(office, "+31622222222", ("c", "d"))
    agent = await counter.signed_in("ties", "agent")
    await agent.get(f"/log/{a}")
    for path, form in (
        ("label", {"label": "good example"}),
        ("note", {"text": "call back <b>soon</b>"}),
        ("mark", {"test": "1", "keep": "1"}),
        ("code", {"theme": "passports", "quality": "4"}),
    ):
        await agent.post(f"/log/{a}/{path}", form)
        assert agent.status == 303, agent.text
        await agent.follow()
    assert "good example" in agent.text
    assert "call back &lt;b&gt;soon&lt;/b&gt;" in agent.text
    assert await found(office, "") == {b}
    assert await found(office, "test=yes&label=good+example&theme=passports&quality=4&keep=1") == {
        a
    }
    await agent.post(f"/log/{a}/label", {"label": "good example", "off": "1"})
    assert await found(office, "test=all&label=good+example") == set()
    for bad in ("", "x" * 60, "<script>", "a\x00"):
        await agent.get(f"/log/{a}")
        await agent.post(f"/log/{a}/label", {"label": bad})
        assert agent.status in (303, 422)


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_words_are_only_words(counter: Counter, text: str) -> None:
    office = counter.office
    await talk(office, "+31611111111", ("hallo", "dag"))
    asked = question(text.encode("utf-8", "replace").decode())
    await TalkLog(office.archive).page(Wanted(words=asked))
    reader = await counter.signed_in("noor", "reader")
    from urllib.parse import quote

    sent = quote(text.encode("utf-8", "replace")[:1200])
    await reader.get(
        f"/log?q={sent}&before={sent[:900]}&intent={sent[:300]}&from={sent[:90]}&sort={sent[:90]}"
    )
    assert reader.status == 200
    assert "<script>" not in reader.text.replace('<script type="module"', "")


async def test_pages_hold_while_new_conversations_come(office: Office, clock: FakeClock) -> None:
    made = []
    for n in range(9):
        clock.advance(minutes=n % 2)  # some share a time
        made.append(await talk(office, f"+3161111111{n}", ("a", "b")))
    log = TalkLog(office.archive)
    for sort in ("newest", "oldest", "started", "longest", "unsure"):
        seen: list[str] = []
        after = None
        while rows := await log.page(Wanted(), sort, after, limit=2):
            seen += [row["conversation_id"] for row in rows]
            after = key_of(rows[-1], sort)
            if sort == "newest" and len(seen) == 4:
                clock.advance(minutes=1)
                await talk(office, "+31699999999", ("new", "one"))
        assert len(seen) == len(set(seen))
        assert set(made) <= set(seen)


async def test_common_words_are_found_too(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    import bot.store.talks

    monkeypatch.setattr(bot.store.talks, "COMMON", 2)
    made = {await talk(office, f"+3161111111{n}", ("de straat", "ja")) for n in range(4)}
    other = await talk(office, "+31622222222", ("iets anders", "nee"))
    assert await found(office, "q=straat") == made
    assert await found(office, "q=anders") == {other}


async def test_an_edited_text_is_found_by_its_new_words_only(office: Office) -> None:
    first = await office.journal.accept(said("the olde word", external="m1"))
    await office.journal.accept(said("a fresh word", external="m2", correction_of="m1"))
    assert await found(office, "q=fresh") == {first.conversation}
    assert await found(office, "q=olde") == set()


@pytest.mark.parametrize("text", ["nul \x00 inside", "half a pair \ud83d here", "back\\u0000slash"])
async def test_a_text_that_the_index_cannot_take_stops_no_message(
    office: Office, text: str
) -> None:
    await office.journal.accept(said(text + " findable"))
    assert len(await found(office, "q=findable")) == 1


async def test_what_was_there_before_the_log_is_taken_in(office: Office) -> None:
    """Rebuilding from the road gives exactly what the triggers had made."""
    a = await talk(office, "+31611111111", ("paspoort", "afspraak"), confidence=0.2)
    b = await talk(
        office, "+31622222222", ("x", "y"), outcome="failed", actions=("action_unclear",)
    )
    office.tickets.open(NewTicket("k1", a, "pothole", "roads", "nl", "-", False, area_code="BU01"))

    def kept(c: sa.engine.Connection) -> list[object]:
        talks = c.execute(sa.text("SELECT * FROM talks ORDER BY conversation_id"))
        facets = c.execute(
            sa.text(
                "SELECT conversation_id, facet, value FROM talk_facets f JOIN talks t "
                "ON t.number = f.number ORDER BY 1, 2, 3"
            )
        )
        return [[tuple(r)[1:] for r in talks], [tuple(r) for r in facets]]

    def anew(c: sa.engine.Connection) -> None:
        for table in ("talk_words", "talk_facets", "talks"):
            c.execute(sa.text(f"DELETE FROM {table}"))
        log_filling.take_in(c)

    before = office.database.read_now(kept)
    office.database.write_now(anew)
    assert office.database.read_now(kept) == before
    assert await found(office, "q=afspraak") == {a}
    assert await found(office, "fell_back=1") == {b}


async def test_forgetting_leaves_nothing_in_the_log(office: Office) -> None:
    a = await talk(
        office, "+31611111111", ("mijn geheim woord is aubergine", "goed"), confidence=0.1
    )
    other = await talk(office, "+31622222222", ("aubergine", "goed"))
    await office.journal.accept(said("vergeet mij", external="f1", address="+31611111111"))
    claim = await office.journal.claim_turn("test", LEASE)
    assert claim is not None
    await office.journal.commit_turn(
        claim, Answer((), "nl", forget=True), out("gewist"), "answered", 1
    )
    assert await found(office, "q=aubergine") == {other}
    assert await found(office, "topic=passport") == {other}
    assert await found(office, "low=1") == set()
    assert a in await found(office, "q=gewist")

    def everything(c: sa.engine.Connection) -> str:
        return str([tuple(r) for r in c.execute(sa.text("SELECT * FROM talk_words"))])

    assert "geheim" not in office.database.read_now(everything)


def test_a_rebuilt_table_keeps_its_triggers(database: Database) -> None:
    """A later migration that has SQLite copy a table drops its triggers; upgrading restores them."""
    if not database.is_sqlite:
        pytest.skip("only SQLite copies tables")
    database.write_now(log_triggers.remove)
    migrate.upgrade(database)
    names = database.read_now(
        lambda c: set(
            c.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars()
        )
    )
    assert set(log_triggers.SQLITE) <= names


# The transcript ----------------------------------------------------------------------------------

SECRET = "Mijn naam is Jan Pieterszoon, bel 06 12345678 of jan@example.org"


async def test_personal_data_is_hidden_until_a_reason_is_given_and_that_is_kept(
    counter: Counter,
) -> None:
    a = await talk(counter.office, "+31611111111", (SECRET, "Dag Jan Pieterszoon"))
    editor = await counter.signed_in("noor", "editor")
    for page in ("/log", f"/log/{a}"):
        await editor.get(page)
        for secret in ("Pieterszoon", "12345678", "jan@example"):
            assert secret not in editor.text
    await editor.post(f"/log/{a}/unmask", {"reason": "no"})
    assert editor.status == 422
    await editor.get(f"/log/{a}")
    await editor.post(f"/log/{a}/unmask", {"reason": "the citizen asked us to call"})
    await editor.follow()
    assert "Pieterszoon" in editor.text
    (deed,) = [d for d in await counter.office.audit.newest() if d.action == "unmasked"]
    assert (deed.conversation_id, deed.staff_name) == (a, "noor")
    assert deed.detail == {"reason": "the citizen asked us to call"}
    assert "Pieterszoon" not in (await editor.get("/log")).text  # the list stays masked
    other = await counter.browser()
    await other.sign_in("noor")
    assert "Pieterszoon" not in (await other.get(f"/log/{a}")).text  # this session only
    await editor.get(f"/log/{a}")
    await editor.post(f"/log/{a}/mask", {})
    assert "Pieterszoon" not in (await editor.follow()).text


async def test_a_reader_cannot_unmask(counter: Counter) -> None:
    a = await talk(counter.office, "+31611111111", (SECRET, "ja"))
    for role in ("reader", "agent"):
        browser = await counter.signed_in(role, role)
        await browser.get(f"/log/{a}")
        assert "/unmask" not in browser.text
        await browser.get("/account")
        await browser.post(f"/log/{a}/unmask", {"reason": "curious about it"})
        assert browser.status == 403


async def test_a_transcript_shows_what_the_bot_understood(counter: Counter) -> None:
    a = await talk(
        counter.office, "+31611111111", ("paspoort aanvragen <b>", "Maak een afspraak"),
        confidence=0.4321, candidates=({"intent": "ask", "topic": "id-card", "confidence": 0.21},),
        entities=({"entity": "street", "value": "Herestraat"},),
    )  # fmt: skip
    reader = await counter.signed_in("noor", "reader")
    await reader.get(f"/log/{a}")
    for word in (
        "paspoort aanvragen &lt;b&gt;",
        "passport",
        "43 %",
        "id-card",
        "21 %",
        "Herestraat",
        "action_answer",
        "12 ms",
        "waiting",
    ):
        assert word in reader.text, word
    assert [d.conversation_id for d in await counter.office.audit.newest(action="read")] == [a]
    await reader.get(f"/log/{a}", headers={"X-Live": "1"})
    assert len(await counter.office.audit.newest(action="read")) == 1
    assert (await reader.get("/log/" + "0" * 24)).status == 404


async def test_own_filters_are_kept_and_nobody_elses_can_be_dropped(counter: Counter) -> None:
    noor = await counter.signed_in("noor", "reader")
    await noor.get("/log?topic=passport")
    await noor.post("/log/filters", {"name": "Passports", "topic": "passport", "low": "1"})
    await noor.follow()
    assert "Passports" in noor.text
    ties = await counter.signed_in("ties", "reader")
    await ties.get("/log")
    assert "Passports" not in ties.text
    await ties.get("/account")
    await ties.post("/log/filters/1/drop", {})
    assert ties.status == 404
    await noor.post("/log/filters/1/drop", {})
    assert noor.status == 303


# Exports -----------------------------------------------------------------------------------------


async def test_exports_are_masked_harmless_and_written_down(counter: Counter) -> None:
    formula = '=HYPERLINK("http://evil.example";"x")'
    await talk(
        counter.office, "+31611111111", (SECRET, "ja"), (formula, "-2+3"), ("bell \x07", "@x")
    )
    editor = await counter.signed_in("noor", "editor")
    await editor.get("/log/export/csv")
    rows = list(csv.reader(io.StringIO(editor.text.lstrip("\ufeff"))))
    assert len(rows) == 7
    texts = [row[4] for row in rows[1:]]
    assert texts[0] == "Mijn naam is [name], bel [phone] of [email]"
    assert texts[2] == f"'{formula}"
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    answer = await editor.http.get(f"{counter.base}/console/log/export/xlsx?topic=passport")
    book = load_workbook(io.BytesIO(await answer.read()))
    cells = [cell for row in book.active.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    assert len(list(book.active.rows)) == 7
    deeds = await counter.office.audit.newest(action="exported")
    assert [d.subject for d in deeds] == ["xlsx", "csv"]
    assert deeds[0].detail == {"rows": 6, "talks": 1, "filters": ["topic"]}


async def test_an_export_is_bounded_and_says_so(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bot.console.pages.export as export

    monkeypatch.setattr(export, "MOST_MESSAGES", 3)
    for n in range(4):
        await talk(counter.office, f"+3161111111{n}", ("a", "b"))
    editor = await counter.signed_in("noor", "editor")
    await editor.get("/log/export/csv")
    rows = list(csv.reader(io.StringIO(editor.text.lstrip("\ufeff"))))
    assert len(rows) == 1 + 3 + 1
    assert rows[-1][0] == "…"


# Ratings -----------------------------------------------------------------------------------------


async def rated(
    office: Office, address: str, helped: bool | None, comment: str = "", language: str = "nl"
) -> ConversationId:
    """A conversation that was asked, with the answer and the reason as its last messages."""
    said_last = [
        ("Nee" if helped is False else "Ja", "Dank u"),
        *([(comment, "Dank u")] * bool(comment)),
    ]
    one = await talk(
        office, address, ("Wanneer is de bieb open?", "Ma-vr"), *said_last, language=language
    )

    def work(c: sa.engine.Connection) -> None:
        write_rating(c, one, Rating(asked="answer"), office.clock())
        inbox = schema.inbox
        mine = sa.select(inbox.c.id).where(inbox.c.conversation_id == one).order_by(inbox.c.id)
        ids = list(c.execute(mine).scalars())
        if helped is not None:
            write_rating(c, one, Rating(helped=helped), office.clock(), ids[1])
        if comment:
            write_rating(c, one, Rating(comment=True), office.clock(), ids[2])

    await office.database.write(work)
    return one


async def test_rated_low_and_well_are_filters_that_combine(office: Office) -> None:
    low = await rated(office, "+31611111111", False)
    well = await rated(office, "+31622222222", True, language="en")
    asked = await rated(office, "+31633333333", None)
    assert await found(office, "rated_low=1") == {low}
    assert await found(office, "rated_well=1") == {well}
    assert await found(office, "rated_low=1&language=en") == set()
    assert await found(office, "rated_low=1&q=bieb&channel=sms&sort=oldest") == {low}
    assert await found(office, "rated_low=1&rated_well=1") == set()
    assert await found(office, "") == {low, well, asked}


async def test_a_transcript_and_an_export_tell_the_rating(counter: Counter) -> None:
    office = counter.office
    low = await rated(office, "+31611111111", False, "het duurde <b>te lang</b>")
    editor = await counter.signed_in("emma", "editor")
    await editor.get("/log?rated_low=1")
    assert "rated low</span>" in editor.text
    assert 'name="rated_low" value="1" checked' in editor.text
    await editor.get(f"/log/{low}")
    assert '<span class="badge bad">rated low</span></p>' in editor.text
    assert '<span class="badge info">what went wrong</span>' in editor.text
    assert "het duurde &lt;b&gt;te lang&lt;/b&gt;" in editor.text
    await editor.get("/log/export/csv?rated_low=1")
    rows = list(csv.DictReader(io.StringIO(editor.text.lstrip("\ufeff"))))
    told = {row["text"]: row["rating"] for row in rows if row["sender"] == "citizen"}
    assert told == {
        "Wanneer is de bieb open?": "", "Nee": "low", "het duurde <b>te lang</b>": "comment",
    }  # fmt: skip


async def test_rated_talks_are_found_by_an_index_of_their_own(office: Office) -> None:
    await rated(office, "+31611111111", False)
    if not office.database.is_sqlite:
        return  # a planner that counts rows reads so few of them as they lie
    query = "SELECT * FROM talks WHERE rated_low IS 1 ORDER BY last_at DESC, number DESC LIMIT 51"
    plan = office.database.read_now(
        lambda c: " ".join(str(row) for row in c.execute(sa.text(f"EXPLAIN QUERY PLAN {query}")))
    )
    assert "ix_talks_rated_low" in plan
    assert "TEMP B-TREE" not in plan
