"""How a database file comes to the present schema."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.samples import NOON, a_new_job
from tflited.errors import StoreError
from tflited.store import migrations
from tflited.store.queue import SqliteStore

SCRIPTS = migrations.steps()

SCHEMA = Path(__file__).with_name("schema.txt")


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    yield connection
    connection.close()


def schema(connection: sqlite3.Connection) -> str:
    """Every object of a database, as SQLite wrote it down, independent of their order."""
    rows = connection.execute(
        "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name"
    )
    return "".join(
        f"{kind} {name}: {_columns(connection, name)}\n{sql}\n" for kind, name, sql in rows
    )


def _columns(connection: sqlite3.Connection, name: str) -> list[tuple[str, str]]:
    return [(row[1], row[2]) for row in connection.execute(f"PRAGMA table_xinfo({name})")]


@pytest.mark.parametrize("version", range(len(SCRIPTS) + 1))
def test_a_migrated_file_equals_a_fresh_one(
    connection: sqlite3.Connection, tmp_path: Path, version: int
) -> None:
    """From whatever release a file comes, its schema is that of a new file."""
    migrations.migrate(connection, SCRIPTS[:version], name="old")
    migrations.migrate(connection, SCRIPTS, name="old")
    path = tmp_path / "jobs.sqlite"
    SqliteStore(path).close()
    fresh = sqlite3.connect(path)
    try:
        assert schema(connection) == schema(fresh)
        assert migrations.version_of(connection) == migrations.version_of(fresh) == len(SCRIPTS)
    finally:
        fresh.close()


def test_released_steps_are_never_edited(connection: sqlite3.Connection) -> None:
    """Version 1 is what files in the field were made with; a change is a new step."""
    migrations.migrate(connection, SCRIPTS[:1], name="old")
    observed = re.sub(r"\s+", " ", schema(connection)).strip()
    assert observed == re.sub(r"\s+", " ", SCHEMA.read_text(encoding="utf-8")).strip()


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    """An older release does not touch what it does not understand."""
    path = tmp_path / "jobs.sqlite"
    SqliteStore(path).close()
    newer = sqlite3.connect(path)
    newer.execute(f"PRAGMA user_version = {len(SCRIPTS) + 1}")
    newer.close()
    with pytest.raises(StoreError, match=rf"jobs\.sqlite has schema version {len(SCRIPTS) + 1}"):
        SqliteStore(path)


def test_a_failed_step_leaves_the_version_before_it(connection: sqlite3.Connection) -> None:
    """A step happens wholly or not at all, and may be tried again."""
    broken = "CREATE TABLE half (x INTEGER); CREATE TABLE jobs (x INTEGER);"
    with pytest.raises(sqlite3.OperationalError):
        migrations.migrate(connection, (SCRIPTS[0], broken), name="old")
    connection.rollback()
    assert migrations.version_of(connection) == 1
    assert "half" not in schema(connection)


def test_jobs_outlive_a_migration(tmp_path: Path) -> None:
    """Opening a file again changes nothing in it."""
    path = tmp_path / "jobs.sqlite"
    with SqliteStore(path) as store:
        job = store.accept(a_new_job(), NOON)
    with SqliteStore(path) as store:
        assert store.job(job.id) == job


def test_jobs_of_version_1_wait_for_nothing(tmp_path: Path) -> None:
    """A queue that an older release left goes on, under the folder's policies."""
    path = tmp_path / "jobs.sqlite"
    old = sqlite3.connect(path, isolation_level=None)
    migrations.migrate(old, SCRIPTS[:1], name="old")
    new = a_new_job()
    old.execute(
        "INSERT INTO jobs (state, root, path, kind, build_key, input_key, model_digest,"
        " policy_json, trigger_source, priority, is_forced, created_at, queued_at)"
        " VALUES ('queued', ?, ?, ?, ?, ?, ?, '{}', 'watch', 5, 0, ?, ?)",
        (
            new.model.root,
            new.model.path,
            new.kind,
            new.build_key,
            new.input_key,
            new.model_digest,
            NOON.isoformat(timespec="microseconds"),
            NOON.isoformat(timespec="microseconds"),
        ),
    )
    old.close()
    with SqliteStore(path) as store:
        job = store.claim(NOON)
    assert job is not None
    assert (job.model, job.build_key) == (new.model, new.build_key)
    assert (job.waits_for, job.folder_key) == ("", None)
