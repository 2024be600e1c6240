"""One SQLite file: how it is opened, and what its errors mean."""

import errno
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.samples import NOON, a_new_job
from tflited.domain.job import REPLACED, JobState
from tflited.errors import (
    StorageFailedError,
    StoragePausedError,
    StoreCorruptError,
    StoreError,
    TflitedError,
)
from tflited.store import database
from tflited.store.database import Database, store_errors
from tflited.store.queue import SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.sqlite"


def setting(opened: Database, name: str) -> object:
    return opened.run(f"PRAGMA {name}", {})[0][0]


def test_every_commit_is_synced(path: Path) -> None:
    """NORMAL would lose accepted jobs at a power cut; 2 is FULL."""
    with Database(path) as opened:
        assert setting(opened, "journal_mode") == "wal"
        assert setting(opened, "synchronous") == 2
        assert setting(opened, "foreign_keys") == 1
        assert setting(opened, "busy_timeout") == 5000


def test_a_new_file_is_known_to_its_directory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut right after the first start does not lose the file's name."""
    synced: list[Path] = []
    monkeypatch.setattr(database, "sync_directory", synced.append)
    Database(path).close()
    assert synced == [path.parent]


def damage(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as stream:
        stream.seek(offset)
        stream.write(content)


def grown(path: Path) -> None:
    """A store of many pages, all of them in the main file."""
    with SqliteStore(path) as store:
        for number in range(200):
            store.accept(a_new_job(f"m{number}", policy_json="x" * 2000), NOON)


def test_no_database_is_refused_by_name(path: Path) -> None:
    """A file that was never a store is not overwritten."""
    path.write_bytes(b"this is not a database" * 100)
    with pytest.raises(StoreError, match=r"jobs\.sqlite is corrupt"):
        SqliteStore(path)
    assert path.read_bytes().startswith(b"this is not")


def test_damage_in_the_middle_is_found_at_the_start(path: Path) -> None:
    """A torn page is told when the daemon starts, not when a job meets it."""
    grown(path)
    damage(path, 8 * 4096, b"\xff" * 4096 * 4)
    with pytest.raises(StoreError, match=r"jobs\.sqlite is corrupt"):
        SqliteStore(path)


def test_a_missing_folder_is_refused_by_name(tmp_path: Path) -> None:
    """The message names the file and what to do."""
    with pytest.raises(StoreError, match=r"missing/jobs\.sqlite cannot be opened") as caught:
        SqliteStore(tmp_path / "missing" / "jobs.sqlite")
    assert "folder must exist" in caught.value.hint
    assert caught.value.exit_code == 3


def test_a_folder_in_the_files_place_is_refused(path: Path) -> None:
    """A directory is no database."""
    path.mkdir()
    with pytest.raises(StoreError, match=r"jobs\.sqlite"):
        SqliteStore(path)


def test_an_old_sqlite_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Better at the start than at the first statement it does not know."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(StoreError, match="SQLite is too old"):
        SqliteStore(path)
    assert not path.exists()


def test_a_closed_store_says_so(path: Path) -> None:
    """A late reader gets an error of ours; closing twice is allowed."""
    store = SqliteStore(path)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.counts()


def limit(store: SqliteStore, extra_pages: int) -> None:
    """Makes the file full: SQLite answers as it does when the device has no room."""
    opened = store._database
    pages = opened.run("PRAGMA page_count", {})[0][0]
    opened.run(f"PRAGMA max_page_count = {pages + extra_pages}", {})


def test_a_full_store_pauses_and_resumes(path: Path) -> None:
    """Nothing is lost, nothing is half there, and room heals it."""
    with SqliteStore(path) as store:
        limit(store, 0)
        with pytest.raises(StoragePausedError, match="full"):
            store.accept(a_new_job(policy_json="x" * 100_000), NOON)
        assert store.jobs() == []
        limit(store, 1000)
        assert store.accept(a_new_job(policy_json="x" * 100_000), NOON).id == 1


def sqlite_error(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("made up")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (sqlite3.SQLITE_FULL, StoragePausedError),
        (sqlite3.SQLITE_IOERR_SHMSIZE, StoragePausedError),
        (sqlite3.SQLITE_IOERR_FSYNC, StorageFailedError),
        (sqlite3.SQLITE_IOERR_WRITE, StorageFailedError),
        (sqlite3.SQLITE_CORRUPT, StoreCorruptError),
        (sqlite3.SQLITE_READONLY, StoreError),
        (sqlite3.SQLITE_BUSY, StoreError),
    ],
)
def test_errors_have_the_class_the_engine_acts_on(
    path: Path, code: int, expected: type[TflitedError]
) -> None:
    """Full pauses, a failed device restarts, the rest cannot go on; each names the file."""
    with pytest.raises(expected, match=r"jobs\.sqlite") as caught, store_errors(path):
        raise sqlite_error(code)
    assert type(caught.value) is expected


def test_a_read_only_file_system_pauses(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """EROFS heals when the device is mounted writable again."""

    class ReadOnly:
        f_flag = os.ST_RDONLY

    monkeypatch.setattr(os, "statvfs", lambda _: ReadOnly())
    with pytest.raises(StoragePausedError), store_errors(path):
        raise sqlite_error(sqlite3.SQLITE_READONLY)


def test_a_file_system_that_is_gone_is_no_pause(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot even be asked is not reported as read-only."""

    def gone(_: Path) -> None:
        raise OSError(errno.ENOENT, "gone")

    monkeypatch.setattr(os, "statvfs", gone)
    with pytest.raises(StoreError), store_errors(path):
        raise sqlite_error(sqlite3.SQLITE_CANTOPEN)


def raising(opened: Database) -> None:
    with opened.transaction():
        opened.run("INSERT INTO triggers VALUES ('a', 'api', '', 0, '', NULL)", {})
        raise RuntimeError


def test_an_error_inside_a_transaction_undoes_it(path: Path) -> None:
    """The next transaction starts clean."""
    with Database(path) as opened:
        with pytest.raises(RuntimeError):
            raising(opened)
        assert opened.run("SELECT * FROM triggers", {}) == []
        with opened.transaction():
            pass


def test_a_second_writer_waits_for_the_first(path: Path) -> None:
    """Another process on the same file, such as a CLI, delays and does not break."""
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with Database(path) as other, other.transaction():
            entered.set()
            leave.wait(60)

    with SqliteStore(path) as store:
        holder = threading.Thread(target=hold, name="holder")
        holder.start()
        assert entered.wait(60)
        threading.Timer(0.1, leave.set).start()
        assert store.accept(a_new_job(), NOON).id == 1
        holder.join(60)


@pytest.mark.parametrize("use", [lambda store: store.counts(), lambda store: store.jobs()])
def test_a_held_file_can_still_be_read(path: Path, use: Callable[[SqliteStore], object]) -> None:
    """Write-ahead logging lets readers pass a writer."""
    with SqliteStore(path) as store, Database(path) as other, other.transaction():
        assert use(store) is not None


def test_every_change_of_a_job_is_told(tmp_path: Path) -> None:
    """Whoever follows jobs hears of each state, of superseded ones too, after it is durable."""
    told: list[tuple[int, JobState]] = []
    with SqliteStore(tmp_path / "jobs", told=lambda job: told.append((job.id, job.state))) as store:
        store.accept(a_new_job(), NOON)
        store.accept(a_new_job(), NOON)
        store.claim(NOON)
        store.requeue(2, REPLACED, NOON, has_died=False)
        store.finish(2, JobState.FAILED, NOON)
        store.retry(2, NOON)

    queued, failed = JobState.QUEUED, JobState.FAILED
    assert told == [
        (1, queued), (1, JobState.SUPERSEDED), (2, queued), (2, JobState.RUNNING),
        (2, queued), (2, failed), (2, queued),
    ]  # fmt: skip
