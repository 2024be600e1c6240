"""Copies of the records: made of a store in use, refused when not whole, put back where none is."""

import json
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest

from fakes.samples import NOON, a_new_job
from tflited import durable
from tflited.errors import BackupError, CannotStartError, StoreCorruptError
from tflited.store import backup, migrations
from tflited.store.backup import Kept
from tflited.store.lock import StateLock
from tflited.store.queue import SqliteStore

KEPT = Kept(store="jobs.sqlite3", folders=("references", "spool/new"))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder with two jobs, a reference and a waiting document."""
    folder = tmp_path / "state"
    for name in KEPT.folders:
        (folder / name).mkdir(parents=True)
    (folder / "references" / "a.hub.toml").write_text("handle = 'x'\n")
    (folder / "spool" / "new" / "t.json").write_text("{}")
    return folder


@pytest.fixture
def store(state: Path) -> Iterator[SqliteStore]:
    with SqliteStore(state / KEPT.store) as opened:
        opened.accept(a_new_job("one"), NOON)
        opened.accept(a_new_job("two"), NOON)
        yield opened


@pytest.fixture
def copy(state: Path, store: SqliteStore, tmp_path: Path) -> Path:
    """A copy that was made while the store is in use."""
    target = tmp_path / "copy.tar"
    backup.back_up(state, KEPT, target)
    return target


def test_a_copy_is_whole(copy: Path) -> None:
    """It tells what it holds."""
    contents = backup.check(copy)
    assert contents.jobs == 2
    assert list(contents.files) == ["jobs.sqlite3", "references/a.hub.toml", "spool/new/t.json"]


def test_what_is_put_back_is_what_was_there(copy: Path, tmp_path: Path, store: SqliteStore) -> None:
    """Jobs with their numbers, and the files beside them; later changes are not in the copy."""
    store.accept(a_new_job("three"), NOON)
    backup.restore(copy, tmp_path / "elsewhere")
    with SqliteStore(tmp_path / "elsewhere" / KEPT.store) as opened:
        found = {(job.id, job.model.path) for job in opened.jobs()}
    assert found == {(job.id, job.model.path) for job in store.jobs()} - {(3, "three")}
    reference = tmp_path / "elsewhere" / "references" / "a.hub.toml"
    assert reference.read_text() == "handle = 'x'\n"
    assert not list((tmp_path / "elsewhere").glob(".restore*"))


def test_nothing_is_replaced(copy: Path, state: Path) -> None:
    """A state folder with a job store keeps it."""
    with pytest.raises(BackupError, match="nothing is replaced"):
        backup.restore(copy, state)


def test_a_folder_in_use_is_left_alone(copy: Path, tmp_path: Path) -> None:
    """A daemon holds the lock."""
    folder = tmp_path / "used"
    folder.mkdir()
    with StateLock(folder), pytest.raises(CannotStartError, match="in use"):
        backup.restore(copy, folder)


def test_a_target_that_is_there_stays(copy: Path, state: Path) -> None:
    """And so does a state folder without a store."""
    before = copy.read_bytes()
    with pytest.raises(BackupError, match="exists"):
        backup.back_up(state, KEPT, copy)
    assert copy.read_bytes() == before
    with pytest.raises(BackupError, match="No job store"):
        backup.back_up(state / "references", KEPT, copy.with_name("other.tar"))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_torn_copy_is_refused(copy: Path, share: float) -> None:
    """Wherever it ends."""
    content = copy.read_bytes()
    torn = copy.with_name("torn.tar")
    whole = len(content.rstrip(b"\0"))  # behind it is padding, which nobody misses
    torn.write_bytes(content[: int(whole * share)])
    with pytest.raises(BackupError, match="no whole copy"):
        backup.check(torn)


def rewritten(copy: Path, **changes: object) -> Path:
    """A copy whose list says something else."""
    target = copy.with_name("rewritten.tar")
    with tarfile.open(copy) as old, tarfile.open(target, "w") as new:
        for member in old.getmembers():
            stream = old.extractfile(member)
            assert stream is not None
            content = stream.read()
            if member.name == backup.LIST_NAME:
                content = json.dumps({**json.loads(content), **changes}).encode()
            member.size = len(content)
            new.addfile(member, BytesIO(content))
    return target


def test_a_changed_byte_is_found(copy: Path) -> None:
    """The digest of every file is in the list."""
    content = bytearray(copy.read_bytes())
    content[content.rindex(b"handle")] ^= 1
    copy.write_bytes(content)
    with pytest.raises(BackupError, match="SHA-256"):
        backup.check(copy)


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "./x"])
def test_names_do_not_lead_out(copy: Path, tmp_path: Path, name: str) -> None:
    """Whoever made the copy."""
    store = {"jobs.sqlite3": {"bytes": 1, "sha256": ""}}
    changed = rewritten(copy, files={**store, name: {"bytes": 1, "sha256": ""}}, store=name)
    with pytest.raises(BackupError):
        backup.restore(changed, tmp_path / "x")
    changed = rewritten(copy, files={name: {"bytes": 1, "sha256": ""}}, store=name)
    with pytest.raises(BackupError, match="leads out"):
        backup.restore(changed, tmp_path / "x")
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("list_", [{"version": 2}, {"files": {}}, {"files": 3}, {"store": "x"}])
def test_a_list_of_another_kind(copy: Path, list_: dict[str, object]) -> None:
    """It is told as what it is: no whole copy."""
    with pytest.raises(BackupError, match="no whole copy"):
        backup.check(rewritten(copy, **list_))


def test_a_newer_store_is_refused(copy: Path, state: Path, store: SqliteStore) -> None:
    """A release does not put back what it cannot read."""
    store.close()
    with sqlite3.connect(state / KEPT.store) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    newer = copy.with_name("newer.tar")
    backup.back_up(state, KEPT, newer)
    with pytest.raises(BackupError, match="schema version 99"):
        backup.check(newer)


def test_an_older_store_is_put_back_and_migrated(tmp_path: Path) -> None:
    """A copy of an older release is known by its version; opening it brings it up to date."""
    old = tmp_path / "old"
    old.mkdir()
    with closing(sqlite3.connect(old / KEPT.store)) as connection:
        migrations.migrate(connection, migrations.steps()[:1], name="old")
    copy = tmp_path / "old.tar"
    assert backup.back_up(old, KEPT, copy).schema == 1

    backup.restore(copy, tmp_path / "new")
    with SqliteStore(tmp_path / "new" / KEPT.store) as store:
        store.accept(a_new_job("one"), NOON)
    with closing(sqlite3.connect(tmp_path / "new" / KEPT.store)) as connection:
        assert migrations.version_of(connection) == len(migrations.steps())


def test_a_damaged_store_is_found(state: Path, store: SqliteStore) -> None:
    """By reading every page of it."""
    store.close()
    path = state / KEPT.store
    assert backup.check_store(path) == 2
    content = bytearray(path.read_bytes())
    content[4096 * 2 : 4096 * 2 + 200] = b"\xff" * 200
    path.write_bytes(content)
    with pytest.raises((BackupError, StoreCorruptError)):
        backup.check_store(path)


def test_a_copy_is_synced(
    state: Path, store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name appears last, and its folder is synced."""
    synced: list[Path] = []
    monkeypatch.setattr(durable, "sync_directory", synced.append)
    backup.back_up(state, KEPT, tmp_path / "b.tar")
    assert synced == [tmp_path]
    assert not list(tmp_path.glob(".b.tar*"))
