"""What was read before, kept across restarts: digests by file identity, admissions by model.

A cache in a SQLite file of its own: losing it costs reading the models again, nothing else. So it
is never waited for, damage is answered by a new one, and trouble by one in memory.
"""

import hashlib
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Final

import structlog

from tflited import __version__
from tflited.domain.model import Digest, FileIdentity, Snapshot

_LOG = structlog.get_logger()
_MOST_FILES: Final = 1_000_000
"""The oldest beyond it are dropped."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS files (identity TEXT PRIMARY KEY, digest BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS models (
    root BLOB NOT NULL, path BLOB NOT NULL, state BLOB NOT NULL, digest BLOB NOT NULL,
    PRIMARY KEY (root, path)
) STRICT, WITHOUT ROWID;
"""


class Recall:
    """The cache; any thread may use it.

    Args:
        path: its file, made when missing; None keeps everything in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._lock = Lock()
        try:
            self._connection = _opened(path)
        except sqlite3.Error as error:
            _LOG.warning("source_cache_lost", path=str(path), reason=str(error))
            self._connection = _replaced(path)

    def file(self, identity: FileIdentity) -> Digest | None:
        """The digest of a file with exactly this identity."""
        rows = self._rows("SELECT digest FROM files WHERE identity = ?", _key(identity))
        return Digest(rows[0][0].hex()) if rows else None

    def keep_file(self, identity: FileIdentity, digest: Digest) -> None:
        """Remembers the digest of a file."""
        self._rows("INSERT OR REPLACE INTO files VALUES (?, ?)", _key(identity), _raw(digest))

    def forget_file(self, identity: FileIdentity) -> None:
        """Lets a file be read again."""
        self._rows("DELETE FROM files WHERE identity = ?", _key(identity))

    def models(self, root: str) -> Mapping[str, tuple[bytes, Digest]]:
        """Path to state and digest of every model of a root that was admitted before."""
        rows = self._rows("SELECT path, state, digest FROM models WHERE root = ?", _text(root))
        return {
            path.decode("utf-8", "surrogateescape"): (state, Digest(digest.hex()))
            for path, state, digest in rows
        }

    def keep_model(self, root: str, path: str, snapshot: Snapshot, digest: Digest) -> None:
        """Remembers that a model was admitted."""
        self._rows(
            "INSERT OR REPLACE INTO models VALUES (?, ?, ?, ?)",
            _text(root),
            _text(path),
            state_of(snapshot),
            _raw(digest),
        )

    def forget_model(self, root: str, path: str) -> None:
        """Lets a model be admitted again."""
        self._rows("DELETE FROM models WHERE root = ? AND path = ?", _text(root), _text(path))

    def flush(self) -> None:
        """Puts what was remembered since the last call on disk, and drops the oldest beyond it."""
        with self._lock:
            if not self._connection.in_transaction:
                return
            try:
                self._connection.execute(
                    "DELETE FROM files WHERE rowid <= (SELECT max(rowid) FROM files) - ?",
                    (_MOST_FILES,),
                )
                self._connection.commit()
            except sqlite3.Error as error:
                self._give_up(error)

    def close(self) -> None:
        """Flushes and closes; a second call does nothing."""
        self.flush()
        with self._lock:
            self._connection.close()

    def _rows(self, statement: str, *values: str | bytes | int) -> list[tuple[bytes, ...]]:
        with self._lock:
            try:
                return self._connection.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                self._give_up(error)
                return []

    def _give_up(self, error: sqlite3.Error) -> None:
        _LOG.warning("source_cache_lost", path="", reason=str(error))
        self._connection = _opened(None)


def state_of(snapshot: Snapshot) -> bytes:
    """What must be the same for an admission to hold: the files, and the program that checked."""
    files = [(name, *identity) for name, identity in snapshot.files]
    text = repr((__version__, snapshot.kind.value, files))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _opened(path: Path | None) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:" if path is None else path, check_same_thread=False)
    # Frames of the log have checksums, so a power cut loses the newest rows and mixes none.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.executescript(_SCHEMA)
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        connection.close()
        raise sqlite3.DatabaseError(verdict)
    return connection


def _replaced(path: Path | None) -> sqlite3.Connection:
    if path is None:
        return _opened(None)
    try:
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return _opened(path)
    except (OSError, sqlite3.Error):
        return _opened(None)


def _key(identity: FileIdentity) -> str:
    return ":".join(map(str, identity))


def _raw(digest: Digest) -> bytes:
    return bytes.fromhex(digest)


def _text(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
