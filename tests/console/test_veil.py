"""The veil on every page of a reader: what is known anywhere in a conversation is hidden everywhere.

The labelled set of `test_masking` is said in conversations whose names come up before they are
introduced. Those conversations wait for a person, are held, are left, and have reports; a reader
then looks at every page that a reader may see.
"""

from __future__ import annotations

import csv
import html
import io
import re
from typing import Any

import pytest
from sqlalchemy.engine import Connection

from bot.civic.tickets import NewTicket
from bot.console.application import table
from bot.console.known import KnownNames
from bot.console.office import Office
from bot.console.roles import Role
from bot.console.veil import Veil
from bot.handover.desk import Agent
from bot.masking import Masker
from bot.messages import ConversationId, PersonWish
from bot.store import schema
from bot.store.engine import Database
from bot.store.erasure import erase
from bot.store.wishes import open_request
from tests.conftest import FakeClock
from tests.console.desk import Browser, Counter
from tests.console.talks import talk
from tests.console.test_masking import MASKER, Sentence, sentences

EARLY = "Hallo {name}"
"""Words that say a name before anybody introduced it."""
MARK = re.compile(r"<[^>]+>")


def readable(page: str) -> str:
    """What of a page can be read, attributes included."""
    return html.unescape(MARK.sub(lambda tag: f" {tag[0][1:-1]} ", page))


def names(sentence: Sentence) -> list[str]:
    return [sentence.text[a:b] for a, b, kind in sentence.items if kind == "name"]


def items(sentence: Sentence) -> list[str]:
    return [sentence.text[a:b] for a, b, _ in sentence.items]


def seen(item: str, page: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(item)}(?!\w)", page) is not None


async def asking(office: Office, conversation: ConversationId, kind: str, question: str) -> None:
    """A request for a person, as the turn writes it."""
    wish = PersonWish("left" if kind == "left" else "wait", "asked", question)
    now = office.clock()

    def work(c: Connection) -> int:
        return open_request(c, conversation, wish, "nl", now, "citizen")

    handover = await office.database.write(work)
    if kind == "claimed":
        await office.more["desk"].work.claim(handover, Agent("ann", "Ann"))


async def told_everywhere(office: Office) -> list[Sentence]:
    """Each labelled sentence in a conversation of its own, on all pages there are."""
    office.more["masker"] = MASKER
    chosen = sentences("masking.tsv")
    for n, sentence in enumerate(chosen):
        first = " ".join(EARLY.format(name=name) for name in names(sentence)) or "Hallo"
        conversation = await talk(
            office, f"+316{n:08d}", (first, "Goedendag"), (sentence.text, "Dank u"),
            language=sentence.language,
        )  # fmt: skip
        kind = ("waiting", "left", "claimed", "")[n % 4]
        if kind:
            await asking(office, conversation, kind, first if kind == "left" else "")
        at = [sentence.text[a:b] for a, b, kind in sentence.items if kind == "address"]
        address = at[0] if at else "Herestraat"
        office.tickets.open(
            NewTicket(
                f"k{n}", conversation, "pothole", "roads", sentence.language, address, n % 2 == 0,
                details=f"{first} {sentence.text}", contact=sentence.text[:80],
            )
        )  # fmt: skip
    return chosen


async def walk(reader: Browser, office: Office) -> list[tuple[str, str]]:
    """Every page that a reader may get, with its address; lists to their ends."""
    found: list[tuple[str, str]] = []
    paths = [r.path for r in table(office) if r.method == "GET" and r.role is Role.READER]
    plain = [p for p in paths if "{" not in p and "events" not in p]
    queue = [*plain, "/tickets?view=board", "/tickets?view=map", "/tickets?state=all"]
    known = set(queue)
    while queue:
        path = queue.pop(0)
        page = await reader.get(path)
        if page.status != 200 or "html" not in page.headers.get("Content-Type", ""):
            continue
        found.append((path, readable(page.text)))
        for link in re.findall(r'href="/console(/[^"]*)"', page.text):
            link = html.unescape(link)
            wanted = re.match(
                r"/(?:log/[0-9a-f]{24}$|tickets/LW-|log\?.*before=|tickets\?.*before=)", link
            )
            if wanted and link not in known:
                known.add(link)
                queue.append(link)
    return found


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_no_page_of_a_reader_shows_any_labelled_item(counter: Counter) -> None:
    office = counter.office
    chosen = await told_everywhere(office)
    reader = await counter.signed_in("rita", "reader")
    pages = await walk(reader, office)
    paths = [path for path, _ in pages]
    assert sum(path.startswith("/log/") for path in paths) == len(chosen)
    assert sum(path.startswith("/tickets/LW-") for path in paths) == len(chosen)
    assert {"/log", "/handover", "/tickets", "/"} <= set(paths)
    every = {item for sentence in chosen for item in items(sentence)}
    text = "\n".join(page for _, page in pages)
    leaks = {item for item in every if item in text and seen(item, text)}
    assert not leaks, (len(leaks), sorted(leaks)[:20])
    assert len(every) > 300


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_exports_hide_what_was_introduced_later(counter: Counter) -> None:
    await told_everywhere(counter.office)
    editor = await counter.signed_in("edda", "editor")
    await editor.get("/log/export/csv")
    rows = list(csv.DictReader(io.StringIO(editor.text.lstrip("\ufeff"))))
    assert len(rows) > 1000
    text = "\n".join(row["text"] for row in rows)
    every = {item for sentence in sentences("masking.tsv") for item in items(sentence)}
    assert not {item for item in every if seen(item, text)}


async def test_who_answers_sees_the_words_and_who_looks_on_does_not(counter: Counter) -> None:
    office = counter.office
    office.more["masker"] = MASKER
    said = "Mijn naam is Sanne Veenstra, bel 06 12345678"
    conversation = await talk(
        office, "+31611111111", ("Vraag van Sanne Veenstra", "Ja?"), (said, "Dank u")
    )
    await asking(office, conversation, "waiting", "")
    ann = await counter.signed_in("ann", "agent")
    bob = await counter.signed_in("bob", "agent")
    await ann.get("/handover")
    await ann.post("/handover/1/claim", {})
    await ann.get("/handover/1")
    assert "06 12345678" in ann.text
    assert "Vraag van Sanne Veenstra" in ann.text
    await bob.get("/handover/1")
    assert bob.status == 200
    assert "Veenstra" not in bob.text
    assert "12345678" not in bob.text
    assert "Personal data is hidden" in bob.text


async def test_a_cut_opening_leaves_no_half_of_a_number(counter: Counter) -> None:
    filler = "x" * 231 + " "
    await talk(counter.office, "+31611111111", (f"{filler}06 12345678", "Dank u"))
    reader = await counter.signed_in("rita", "reader")
    await reader.get("/log")
    assert "06 1234" not in reader.text


def test_an_opening_is_cut_after_it_was_hidden() -> None:
    veil = Veil(Masker(), frozenset(), lifted=False, known={"Sanne"})
    assert veil.opening("abc Sanne def", 6) == [("abc ", ""), ("", "name"), ("…", "")]
    assert veil.opening("abc Sanne", 60) == [("abc ", ""), ("", "name")]
    assert veil.opening("abc defgh", 4) == [("abc…", "")]
    assert veil.opening("", 4) == []


async def test_names_are_learnt_anew_when_the_talk_goes_on_or_is_forgotten(
    counter: Counter, database: Database, clock: FakeClock
) -> None:
    office = counter.office
    names = KnownNames(MASKER, frozenset({"Wie bent u?"}))
    one = await talk(office, "+31611111111", ("Hallo", "Wie bent u?"))

    async def known() -> set[str]:
        return set((await office.archive.read(lambda c: names.of(c, [one, "unknown", ""])))[one])

    assert await known() == set()
    clock.advance(minutes=1)
    await talk(office, "+31611111111", ("pieter jansma", "Dank u"))
    assert await known() == {"pieter jansma"}
    before: Any = names._kept[one]
    assert await known() == {"pieter jansma"}
    assert names._kept[one] is before, "nothing new was said, nothing is learnt again"
    database.write_now(lambda c: erase(c, one))
    table = schema.conversations
    database.write_now(  # the answer to "forget me" follows
        lambda c: c.execute(table.update().values(last_cursor=table.c.last_cursor + 1))
    )
    assert await known() == set()
