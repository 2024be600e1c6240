"""One SQLite file: opening it safely, named statements, transactions, and its errors in ours."""

import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self, TypeAlias

from tflited.durable import sync_directory
from tflited.errors import (
    StorageFailedError,
    StoragePausedError,
    StoreCorruptError,
    StoreError,
    TflitedError,
)
from tflited.store import migrations, queries

Value: TypeAlias = str | int | None

BUSY_TIMEOUT_SECONDS: Final = 5.0
OLDEST_SQLITE: Final = (3, 38, 0)
"""STRICT tables came with 3.37, JSON functions without a build option with 3.38."""

_ESCAPED: Final = "json:"


class Database:
    """A connection that any thread may use, one at a time.

    One connection under one lock, because a commit costs a fraction of a millisecond and the
    readers are a page and a CLI: a pool would buy nothing but a second set of rules.

    Args:
        path: the file, made when missing; its directory exists.

    Raises:
        StoreCorruptError: it is damaged.
        StoreError: it cannot be opened, or is of a newer release.
        StoragePausedError: its file system is full or read-only.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._queries = queries.load()
        with store_errors(path):
            self._connection = _opened(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        with self._lock, store_errors(self._path):
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Makes the statements inside one unit, durable when the block has ended.

        Raises:
            StoreError: the file cannot be used.
            StoragePausedError: its file system is full or read-only; nothing was changed.
            StorageFailedError: an input/output error; what is on disk is unknown.
        """
        with self._lock, store_errors(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._connection.rollback()
                raise

    def rows(self, name: str, **parameters: Value) -> list[sqlite3.Row]:
        """Runs a named statement to its end and returns its rows."""
        return self.run(self._queries[name], parameters)

    def row(self, name: str, **parameters: Value) -> sqlite3.Row | None:
        """Runs a named statement and returns its first row, or None."""
        return next(iter(self.rows(name, **parameters)), None)

    def run(self, statement: str, parameters: Mapping[str, Value]) -> list[sqlite3.Row]:
        """Runs one statement to its end and returns its rows."""
        packed = {key: _packed(value) for key, value in parameters.items()}
        with self._lock, store_errors(self._path):
            return self._connection.execute(statement, packed).fetchall()


@contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """Turns SQLite's errors into those that the engine knows.

    Args:
        path: the file, for the message.

    Raises:
        StoragePausedError: no space, or a read-only file system.
        StorageFailedError: an input/output error.
        StoreCorruptError: the file is damaged.
        StoreError: anything else.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _translated(error, path) from error


def _opened(path: Path) -> sqlite3.Connection:
    """A migrated connection, in WAL mode with every commit synced."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        wanted = ".".join(map(str, OLDEST_SQLITE))
        raise StoreError(f"SQLite is too old: observed {sqlite3.sqlite_version}, least {wanted}.")
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        _configure(connection, path)
        migrations.migrate(connection, migrations.steps(), name=str(path))
    except BaseException:
        connection.close()
        raise
    sync_directory(path.parent)
    return connection


def _configure(connection: sqlite3.Connection, path: Path) -> None:
    """Sets what a new connection does not have by itself, and looks for damage."""
    connection.row_factory = sqlite3.Row
    connection.text_factory = _unpacked
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StoreError(
            f"The job store {path} cannot use write-ahead logging: observed mode {mode!r}.",
            hint="put the state folder on a local file system",
        )
    # NORMAL loses commits at a power cut, and every commit here is a promise already given.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise StoreCorruptError(f"The job store {path} is corrupt: {verdict}.", hint=_RESTORE)


_RESTORE: Final = "start the daemon again: it sets the file aside and saves what can be read"


def _translated(error: sqlite3.Error, path: Path) -> TflitedError:
    """The error of ours that stands for one of SQLite's (result codes: sqlite.org/rescode.html)."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code == sqlite3.SQLITE_IOERR_SHMSIZE or _is_paused(code & 0xFF, path):
        return StoragePausedError(
            f"Cannot write the job store {path}: {error}.",
            hint="free space there; work resumes by itself",
        )
    match code & 0xFF:
        case sqlite3.SQLITE_IOERR:
            return StorageFailedError(
                f"Input or output failed on the job store {path}: {error}.",
                hint="check the device, then start the daemon again",
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StoreCorruptError(f"The job store {path} is corrupt: {error}.", hint=_RESTORE)
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return StoreError(
                f"The job store {path} cannot be opened for writing: {error}.",
                hint="the folder must exist and belong to the user the daemon runs as",
            )
    return StoreError(f"The job store {path} cannot be used: {error}.")


def _is_paused(primary: int, path: Path) -> bool:
    """Whether an error heals once the file system is writable and has room again."""
    if primary == sqlite3.SQLITE_FULL:
        return True
    if primary not in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}:
        return False
    try:
        return bool(os.statvfs(path.parent).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _packed(value: Value) -> Value:
    """A value as SQLite takes it: names from disk and from JSON may hold lone surrogates."""
    if not isinstance(value, str):
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return _ESCAPED + json.dumps(value)
    return _ESCAPED + json.dumps(value) if value.startswith(_ESCAPED) else value


def _unpacked(raw: bytes) -> str:
    """The text that ``_packed`` was given."""
    text = raw.decode()
    return str(json.loads(text.removeprefix(_ESCAPED))) if text.startswith(_ESCAPED) else text
