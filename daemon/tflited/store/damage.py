"""Looks for damage in a file that SQLite has opened: broken pages, a schema that is not ours."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tflited.errors import StoreCorruptError
from tflited.store import migrations, queries

RESTORE: Final = "start the daemon again: it sets the file aside and saves what can be read"
_NEAR_RELEASES: Final = 1000
"""Schema versions farther off than this were written by a bad disk, not by a newer release."""


def check_pages(connection: sqlite3.Connection, path: Path) -> None:
    """Reads every page once.

    Raises:
        StoreCorruptError: one is broken.
    """
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise corrupt(path, verdict)


def bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    """Migrates a file and compares its schema with that of a new one, so that no statement fails.

    Raises:
        StoreCorruptError: its schema is not what its version says.
        StoreError: it was written by a newer release.
        sqlite3.Error: the file cannot be written.
    """
    steps = migrations.steps()
    version = migrations.version_of(connection)
    if not 0 <= version <= len(steps) + _NEAR_RELEASES:
        raise corrupt(path, f"its schema version is {version}")
    try:
        migrations.migrate(connection, steps, name=str(path))
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
            raise
        raise corrupt(path, f"its schema is not of version {version}: {error}") from error
    different = sorted(name for name, _ in _schema(connection).items() ^ _wanted(steps).items())
    if different:
        raise corrupt(path, f"its schema differs in {', '.join(map(str, different))}")


def corrupt(path: Path, observed: str) -> StoreCorruptError:
    """The error that makes the next start repair the file."""
    return StoreCorruptError(f"The job store {path} is corrupt: {observed}.", hint=RESTORE)


def _wanted(steps: tuple[str, ...]) -> Mapping[str, str]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        migrations.migrate(connection, steps, name="memory")
        return _schema(connection)
    finally:
        connection.close()


def _schema(connection: sqlite3.Connection) -> Mapping[str, str]:
    rows = connection.execute(queries.load("salvage.sql")["schema"])
    return {row[0]: row[1] for row in rows}
