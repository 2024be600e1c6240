"""What counts as damage when a store is opened; ``test_repair`` breaks whole files."""

import sqlite3
from pathlib import Path

import pytest

from tflited.errors import StoreCorruptError
from tflited.store.damage import bring_up_to_date, check_pages
from tflited.store.queue import SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "jobs.sqlite3"
    SqliteStore(path).close()
    return path


def opened(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        check_pages(connection, path)
        bring_up_to_date(connection, path)
    finally:
        connection.close()


def test_a_whole_store_passes(path: Path) -> None:
    """So does a new, empty file."""
    opened(path)
    opened(path.with_name("new"))


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DROP TABLE builds", "builds"),
        ("CREATE TABLE other (id INTEGER)", "other"),
        ("ALTER TABLE jobs RENAME COLUMN priority TO prioritY", "jobs"),
        ("PRAGMA user_version = 0", "not of version 0"),
        ("PRAGMA user_version = -5", "version is -5"),
    ],
)
def test_another_schema_is_damage(path: Path, statement: str, told: str) -> None:
    """Statements would fail later, each on its own; the message names what differs."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(statement)
    connection.close()
    with pytest.raises(StoreCorruptError, match=told) as caught:
        opened(path)
    assert "start the daemon again" in caught.value.hint
