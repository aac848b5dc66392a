"""Backups: whole or not there, read again, private; a restore gives the same and overwrites nothing."""

from __future__ import annotations

import asyncio
import errno
import gzip
import io
import json
import os
import sqlite3
import stat
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.keeping import archive, backup
from bot.keeping.backup import CannotKeep, Place, back_up, restore
from bot.keeping.copies import CannotCopy, copies_of
from bot.photos.store import FolderStore, photo_name
from bot.settings import ROOT
from bot.store import migrate, schema
from bot.store.engine import Database
from bot.store.journal import Journal
from tests.conftest import FakeClock
from tests.road.rooms import Rooms, count
from tests.road.test_erasure import scan

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=timezone.utc)
PHOTO, ERASED = "ab" * 16, "cd" * 16


@pytest.fixture(autouse=True)
def client_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """`pg_dump` and `pg_restore` of the server's version: inside the `pgserver` wheel."""
    if not os.environ.get("LIKEWISE_TEST_POSTGRES"):
        import pgserver

        programs = Path(pgserver.__file__).parent / "pginstall" / "bin"
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")


def url_of(database: Database) -> str:
    return str(database.engine.url.render_as_string(hide_password=False))


@pytest.fixture
def place(database: Database, tmp_path: Path) -> Place:
    return Place(copies_of(url_of(database)), tmp_path / "photos")


@pytest.fixture
def empty(
    database: Database, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[Place, str]]:
    """An empty place of the same kind, and the address of its database."""
    if database.is_sqlite:
        url = f"sqlite:///{tmp_path / 'new' / 'other.db'}"
        yield Place(copies_of(url), tmp_path / "new" / "photos"), url
        return
    admin, _ = request.getfixturevalue("postgres_template")
    name = f"r{os.urandom(6).hex()}"
    with admin.connect() as c:
        c.execute(sa.text(f"CREATE DATABASE {name}"))
    url = admin.url.set(database=name).render_as_string(False)
    yield Place(copies_of(url), tmp_path / "new" / "photos"), url
    with admin.connect() as c:
        c.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


async def lived_in(database: Database, clock: FakeClock, photos: Path) -> Rooms:
    """Conversations and photos, one of which lost its files since."""
    rooms = Rooms(Journal(database, clock))
    for n in range(5):
        await rooms.talk(f"canary {n} é 😀", address=f"+3160000000{n}")
    store = FolderStore(photos)
    for photo in (PHOTO, ERASED):
        new = schema.photos.insert().values(
            id=photo, channel="sms", state="stored", created_at=clock()
        )
        database.write_now(lambda c, new=new: c.execute(new))
    for small in (False, True):
        await store.put(photo_name(PHOTO, small), f"jpeg {small}".encode())
        await store.put(photo_name("ef" * 16, small), b"of no row: not in the backup")
    return rooms


def leftovers(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.name != ".likewise-lock")


# There and back ------------------------------------------------------------------------------------


async def test_what_is_restored_is_what_was_backed_up(
    database: Database, clock: FakeClock, tmp_path: Path, place: Place, empty: tuple[Place, str]
) -> None:
    await lived_in(database, clock, tmp_path / "photos")
    before = scan(database)
    made = back_up(place, tmp_path / "backups", 3, NOW)
    assert made.path.name == "likewise-20260302T090000Z.tar.gz"
    assert leftovers(tmp_path / "backups") == [made.path.name]
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.path.parent.stat().st_mode) == 0o700
    assert made.photos == 1

    target, url = empty
    again = restore(target, made.path, tmp_path / "models", migrate.knows)
    assert again.rows == made.rows
    restored = Database(url)
    assert scan(restored) == before
    migrate.upgrade(restored)
    assert migrate.differences(restored) == []
    store = FolderStore(tmp_path / "new" / "photos")
    assert await store.get(photo_name(PHOTO)) == b"jpeg False"
    assert await store.get(photo_name(PHOTO, small=True)) == b"jpeg True"
    assert len([p for p in (tmp_path / "new" / "photos").rglob("*") if p.is_file()]) == 2
    rooms = Rooms(Journal(restored, clock))
    assert await rooms.talk("hello again", address="+31600000001") == ["you said hello again"]
    from bot.store.search import question
    from bot.store.talks import TalkLog, Wanted

    assert len(await TalkLog(restored).page(Wanted(words=question("canary")))) == 5
    restored.close()


async def test_a_backup_while_turns_are_running_holds_one_moment(
    database: Database, clock: FakeClock, tmp_path: Path, place: Place, empty: tuple[Place, str]
) -> None:
    rooms = Rooms(Journal(database, clock))
    await rooms.talk("first")
    big = [
        {"name": f"n{n}", "spec": {"noise": os.urandom(4000).hex()}, "created_at": clock()}
        for n in range(3000)
    ]
    database.write_now(lambda c: c.execute(schema.drawings.insert(), big))
    loop = asyncio.get_running_loop()
    work = loop.run_in_executor(None, back_up, place, tmp_path / "backups", 3, NOW)
    said = 1
    while not work.done():
        await rooms.talk(f"message {said}", address=f"+316{said % 7:08d}")
        said += 1
    made = await work
    assert said > 3, "turns were answered meanwhile"
    target, url = empty
    restore(target, made.path, tmp_path / "models", migrate.knows)
    restored = Database(url)

    def odd(c: Any) -> int:
        """Messages that are done and have no turn, and turns without a reply."""
        i, t, o = schema.inbox, schema.turns, schema.outbox
        no_turn = ~sa.exists().where(t.c.inbox_id == i.c.id)
        no_reply = ~sa.exists().where(o.c.inbox_id == t.c.inbox_id)
        one = sa.select(sa.func.count()).select_from(i).where(i.c.state == "done", no_turn)
        two = sa.select(sa.func.count()).select_from(t).where(no_reply)
        return int(c.execute(one).scalar_one() + c.execute(two).scalar_one())

    assert restored.read_now(odd) == 0
    assert 1 <= count(restored, schema.inbox) <= said
    restored.close()


def test_a_model_goes_along_on_wish(
    database: Database, tmp_path: Path, place: Place, empty: tuple[Place, str]
) -> None:
    model = tmp_path / "20260302-likewise.tar.gz"
    model.write_bytes(b"a model")
    made = back_up(Place(place.copies, place.photos, model), tmp_path / "backups", 3, NOW)
    restore(empty[0], made.path, tmp_path / "models", migrate.knows)
    assert (tmp_path / "models" / model.name).read_bytes() == b"a model"


def test_the_newest_stay_and_other_files_are_left_alone(
    database: Database, tmp_path: Path, place: Place
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "likewise-notes.tar.gz").write_text("mine")
    for day in range(4):
        made = back_up(place, folder, 2, NOW + timedelta(days=day))
    assert [p.name for p in made.removed] == ["likewise-20260303T090000Z.tar.gz"]
    assert leftovers(folder) == [
        "likewise-20260304T090000Z.tar.gz",
        "likewise-20260305T090000Z.tar.gz",
        "likewise-notes.tar.gz",
    ]
    back_up(place, folder, 0, NOW + timedelta(days=9))
    assert len(leftovers(folder)) == 4


# What goes wrong while writing ---------------------------------------------------------------------


def test_a_full_disk_leaves_no_file_and_the_old_backups(
    database: Database, tmp_path: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "backups"
    first = back_up(place, folder, 1, NOW)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(archive.Writer, "end", full)
    with pytest.raises(CannotKeep, match="No space left on device"):
        back_up(place, folder, 1, NOW + timedelta(days=1))
    assert leftovers(folder) == [first.path.name]


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
from bot.__main__ import main
sys.exit(main(["backup", sys.argv[1]]))
"""


def test_a_disk_that_really_takes_no_more_is_told_in_one_line(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'likewise.db'}")
    migrate.upgrade(database)
    database.close()
    assert (tmp_path / "likewise.db").stat().st_size > 200_000
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LIKEWISE_")}
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "backups")],
        cwd=ROOT,
        env={**environment, "LIKEWISE_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("cannot write to "), done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert leftovers(tmp_path / "backups") == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, place: Place) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotKeep, match="cannot write to .*file.*: Not a directory"):
        back_up(place, tmp_path / "file" / "backups", 3, NOW)


@pytest.mark.skipif(os.geteuid() == 0, reason="only for who is not root")
def test_a_folder_of_others_is_told(tmp_path: Path, place: Place) -> None:
    (tmp_path / "theirs").mkdir(mode=0o500)
    with pytest.raises(CannotKeep, match="Permission denied"):
        back_up(place, tmp_path / "theirs", 3, NOW)


def test_one_backup_at_a_time_and_what_a_killed_one_left_is_removed(
    tmp_path: Path, place: Place
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    left = folder / ".likewise-partial-dead"
    left.mkdir()
    (left / "backup").write_bytes(b"half")
    with backup._alone(folder), pytest.raises(CannotKeep, match="another backup"):
        back_up(place, folder, 3, NOW)
    back_up(place, folder, 3, NOW)
    assert not left.exists()
    with pytest.raises(CannotKeep, match="exists already"):
        back_up(place, folder, 3, NOW)


def test_a_copy_that_reads_back_wrong_never_gets_a_name(
    database: Database, tmp_path: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = archive.Writer.add_file

    def lies(self: archive.Writer, name: str, path: Path) -> None:
        honest(self, name, path)
        self.manifest.files[name] = "0" * 64

    monkeypatch.setattr(archive.Writer, "add_file", lies)
    with pytest.raises(CannotKeep, match="missing or damaged"):
        back_up(place, tmp_path / "backups", 3, NOW)
    assert leftovers(tmp_path / "backups") == []


def test_rows_are_counted_again(tmp_path: Path, clock: FakeClock) -> None:
    database = Database(f"sqlite:///{tmp_path / 'one.db'}")
    migrate.upgrade(database)
    database.close()
    copies = copies_of(f"sqlite:///{tmp_path / 'one.db'}")
    copied = copies.copy(tmp_path / "copy")
    copies.check(tmp_path / "copy", copied.counts)
    with pytest.raises(CannotCopy, match="table inbox has 0 rows instead of 1"):
        copies.check(tmp_path / "copy", {**copied.counts, "inbox": 1})
    page = b"\xff" * 4096
    with (tmp_path / "copy").open("r+b") as file:
        file.seek(8192)
        file.write(page)
    with pytest.raises(CannotCopy, match="damaged|cannot be read"):
        copies.check(tmp_path / "copy", copied.counts)


def test_no_database_and_a_strange_one_are_told(tmp_path: Path) -> None:
    copies = copies_of(f"sqlite:///{tmp_path / 'none.db'}")
    with pytest.raises(CannotKeep, match="there is no database"):
        back_up(Place(copies, None), tmp_path / "backups", 3, NOW)
    with sqlite3.connect(tmp_path / "none.db") as c:
        c.execute("CREATE TABLE other (id INTEGER)")
    with pytest.raises(CannotKeep, match="no database of Likewise"):
        back_up(Place(copies, None), tmp_path / "backups", 3, NOW)


def test_a_missing_pg_dump_names_the_package(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(postgres_url)
    database.close()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotCopy, match="pg_restore is not installed.*postgresql-client"):
        copies_of(postgres_url).check(tmp_path / "x", {})


def test_a_password_stands_in_no_argument(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def run(arguments: list[str], env: dict[str, str], **_: Any) -> Any:
        seen.update(arguments=arguments, env=env)
        return subprocess.CompletedProcess(arguments, 1, "", "pg_dump: error: no such host\nmore")

    monkeypatch.setattr(subprocess, "run", run)
    copies = copies_of("postgresql://likewise:s3cret@db.city.example/likewise")
    with pytest.raises(CannotCopy, match="^pg_dump: error: no such host; more$"):
        copies._run("pg_dump", "--format=custom")  # type: ignore[union-attr]
    assert not any("s3cret" in part for part in seen["arguments"])
    assert seen["env"]["PGPASSWORD"] == "s3cret"


# What a restore refuses ----------------------------------------------------------------------------


async def test_a_restore_overwrites_nothing(
    database: Database, clock: FakeClock, tmp_path: Path, place: Place, empty: tuple[Place, str]
) -> None:
    await lived_in(database, clock, tmp_path / "photos")
    made = back_up(place, tmp_path / "backups", 3, NOW)
    before = scan(database)
    with pytest.raises(CannotKeep, match="overwrites nothing"):
        restore(place, made.path, tmp_path / "models", migrate.knows)
    assert scan(database) == before
    (tmp_path / "new" / "photos" / "ab").mkdir(parents=True)
    with pytest.raises(CannotKeep, match="has files"):
        restore(empty[0], made.path, tmp_path / "models", migrate.knows)
    (tmp_path / "new" / "photos" / "ab").rmdir()
    restore(empty[0], made.path, tmp_path / "models", migrate.knows)
    with pytest.raises(CannotKeep, match="overwrites nothing"):
        restore(empty[0], made.path, tmp_path / "models", migrate.knows)


def test_a_backup_of_a_newer_version_is_refused(
    tmp_path: Path, place: Place, empty: tuple[Place, str]
) -> None:
    made = back_up(place, tmp_path / "backups", 3, NOW)
    with pytest.raises(CannotKeep, match="newer than these"):
        restore(empty[0], made.path, tmp_path / "models", lambda revision: False)
    assert not migrate.knows("not-yet")


def manifest(**values: Any) -> bytes:
    given = {
        "format": 1,
        "made_at": "",
        "version": "",
        "database": "sqlite",
        "revision": "",
        "counts": {},
        "files": {},
    }
    return json.dumps({**given, **values}).encode()


def tar_of(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def link_to(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


HOSTILE: dict[str, list[tuple[tarfile.TarInfo, bytes]]] = {
    "out of the folder": [(tarfile.TarInfo("../../outside.db"), b"x")],
    "absolute": [(tarfile.TarInfo("/tmp/outside.db"), b"x")],
    "a way up inside": [(tarfile.TarInfo("photos/ab/../../../outside.jpg"), b"x")],
    "another name": [(tarfile.TarInfo("photos/ab/run.sh"), b"x")],
    "a hidden model": [(tarfile.TarInfo("models/.ssh.tar.gz"), b"x")],
    "a link": [(link_to("database.db", "/etc/passwd"), b"")],
    "a hard link": [(link_to("database.db", "/etc/passwd", tarfile.LNKTYPE), b"")],
    "a device": [(link_to("database.db", "", tarfile.CHRTYPE), b"")],
    "a folder": [(link_to("photos", "", tarfile.DIRTYPE), b"")],
    "twice": [(tarfile.TarInfo("database.db"), b"x"), (tarfile.TarInfo("database.db"), b"y")],
    "no manifest": [(tarfile.TarInfo("database.db"), b"x")],
    "empty": [],
    "a manifest that is no JSON": [(tarfile.TarInfo("manifest.json"), b"{")],
    "a manifest that is a list": [(tarfile.TarInfo("manifest.json"), b"[1]")],
    "a manifest with more": [(tarfile.TarInfo("manifest.json"), manifest(more=1))],
    "another format": [(tarfile.TarInfo("manifest.json"), manifest(format=9))],
    "files that are no table": [(tarfile.TarInfo("manifest.json"), manifest(files=["x"]))],
    "a file that is missing": [
        (tarfile.TarInfo("manifest.json"), manifest(files={"database.db": "0"}))
    ],
    "a file that is not named": [
        (tarfile.TarInfo("database.db"), b"x"),
        (tarfile.TarInfo("manifest.json"), manifest()),
    ],
    "something behind the manifest": [
        (tarfile.TarInfo("manifest.json"), manifest()),
        (tarfile.TarInfo("database.db"), b"x"),
    ],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_and_writes_nothing(tmp_path: Path, name: str) -> None:
    path = tar_of(tmp_path / "hostile.tar.gz", *HOSTILE[name])
    target = tmp_path / "deep" / "down" / "data"
    place = Place(copies_of(f"sqlite:///{target / 'likewise.db'}"), target / "photos")
    with pytest.raises(CannotKeep):
        restore(place, path, tmp_path / "models", migrate.knows)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["hostile.tar.gz"]


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive at all", gzip.compress(b"no tar" * 100)],
    ids=["empty", "plain", "gzip"],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(archive.NotABackup):
        archive.read(tmp_path / "file")


def test_a_backup_that_was_cut_or_changed_is_refused(tmp_path: Path, place: Place) -> None:
    whole = back_up(place, tmp_path / "backups", 3, NOW).path.read_bytes()
    cut = tmp_path / "cut"
    for size in (10, 1000, len(whole) // 2, len(whole) - 40):
        cut.write_bytes(whole[:size])
        with pytest.raises(archive.NotABackup):
            archive.read(cut)
    for at in range(2000, len(whole) - 100, len(whole) // 7):
        changed = bytearray(whole)
        changed[at] ^= 0xFF
        cut.write_bytes(changed)
        with pytest.raises(archive.NotABackup):
            archive.read(cut)


def test_a_sqlite_backup_does_not_go_into_postgresql(
    tmp_path: Path, database: Database, place: Place, empty: tuple[Place, str]
) -> None:
    path = tar_of(
        tmp_path / "other.tar.gz",
        (tarfile.TarInfo("manifest.json"), manifest(database="oracle")),
    )
    with pytest.raises(CannotKeep, match="a backup of oracle"):
        restore(empty[0], path, tmp_path / "models", migrate.knows)


# The commands --------------------------------------------------------------------------------------


async def test_the_commands_tell_what_they_did_and_leave_the_mark(
    tmp_path: Path,
    database: Database,
    clock: FakeClock,
    empty: tuple[Place, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from bot.__main__ import main
    from bot.store.operations import Operations

    await lived_in(database, clock, tmp_path / "photos")
    monkeypatch.setenv("LIKEWISE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LIKEWISE_DATABASE_URL", url_of(database))
    assert await asyncio.to_thread(main, ["backup", str(tmp_path / "backups")]) == 0
    said = capsys.readouterr().out
    assert "1 photos" in said
    found = (await Operations(database, clock).marks())["backup"]
    assert found is not None
    told = json.loads(found[1])
    (path,) = (p for p in (tmp_path / "backups").iterdir() if p.name == told["file"])
    assert told["bytes"] == path.stat().st_size

    assert await asyncio.to_thread(main, ["restore", str(path)]) == 1
    assert "overwrites nothing" in capsys.readouterr().err
    monkeypatch.setenv("LIKEWISE_DATA_DIR", str(tmp_path / "new"))
    monkeypatch.setenv("LIKEWISE_DATABASE_URL", empty[1])
    assert await asyncio.to_thread(main, ["restore", str(path)]) == 0
    assert "restored" in capsys.readouterr().out
    assert await asyncio.to_thread(main, ["backup", str(tmp_path / "b"), "--keep", "-1"]) == 1
