"""Copies of a state folder's records, taken while the daemon runs, and put back where none does.

A copy is one tar file: what must not be lost (the job store, Hub references that came as triggers,
documents that wait in the spool) and ``backup.json`` with the size and SHA-256 of each. Caches stay
out.
"""

import hashlib
import io
import json
import os
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from tflited import __version__, durable
from tflited.errors import BackupError
from tflited.store import migrations, queries
from tflited.store.database import store_errors
from tflited.store.lock import StateLock

LIST_NAME: Final = "backup.json"
VERSION: Final = 1
LARGEST_LIST_BYTES: Final = 1 << 20
_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Where the records are in a state folder.

    Attributes:
        store: the job store's file name.
        folders: relative paths of the folders whose files are kept.
    """

    store: str
    folders: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a copy holds.

    Attributes:
        schema: the job store's schema version.
        release: the release of tflited that made it.
        made_at: when, in UTC.
        jobs: how many jobs the store has.
        files: size in bytes by name.
    """

    schema: int
    release: str
    made_at: str
    jobs: int
    files: Mapping[str, int]


def back_up(state: Path, kept: Kept, target: Path) -> Contents:
    """Copies the records of a state folder, in use or not, into a new tar file.

    Args:
        state: the state folder.
        kept: what is copied of it.
        target: the new file.

    Raises:
        BackupError: there is no job store, or the target exists.
        StoreError: the job store cannot be read.
    """
    if not (state / kept.store).is_file():
        raise BackupError(f"No job store in {state}.", hint="name the daemon's configuration")
    if target.exists():
        raise BackupError(f"{target} exists.", hint="name a new file")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
        # First what becomes jobs, then the jobs: a document taken in between is in both, and a
        # trigger is one job however often it comes. The other way round it would be in neither.
        waiting = dict(_waiting(state, kept))
        copy = Path(scratch) / kept.store
        with store_errors(state / kept.store):
            schema, jobs = _copy_store(state / kept.store, copy)
        told = {
            "version": VERSION,
            "schema": schema,
            "release": __version__,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "jobs": jobs,
            "store": kept.store,
            "files": {
                kept.store: _told(copy.stat().st_size, _digest(copy.open("rb"))),
                **{
                    name: _told(len(content), hashlib.sha256(content).hexdigest())
                    for name, content in waiting.items()
                },
            },
        }
        whole = Path(scratch) / target.name
        with (
            durable.new_file(whole, mode=0o640) as stream,
            tarfile.TarFile(fileobj=stream, mode="w") as archive,
        ):
            _add(archive, LIST_NAME, json.dumps(told, indent=2).encode())
            archive.add(copy, kept.store, filter=_plain)
            for name, content in waiting.items():
                _add(archive, name, content)
        durable.move(whole, target)
    return _contents(told)


def check(archive: Path) -> Contents:
    """Reads a copy to its end: every file as it was told, the store whole and of a known schema.

    Raises:
        BackupError: something is not as it was told, or a newer release wrote it.
    """
    with tempfile.TemporaryDirectory() as scratch:
        return _unpack(archive, Path(scratch))


def restore(archive: Path, state: Path) -> Contents:
    """Puts the records of a copy into a state folder that has none and that nobody uses.

    Args:
        archive: the copy.
        state: made when missing; a job store in it is never replaced.

    Raises:
        BackupError: the copy is not whole, a newer release wrote it, or a job store is there.
        CannotStartError: a daemon uses the folder.
    """
    state.mkdir(parents=True, exist_ok=True)
    with StateLock(state), tempfile.TemporaryDirectory(dir=state, prefix=".restore.") as scratch:
        contents = _unpack(archive, Path(scratch))
        present = [name for name in contents.files if (state / name).exists()]
        if present:
            raise BackupError(
                f"{state / present[0]} exists, and nothing is replaced.",
                hint="move the state folder away, or name another one in the configuration",
            )
        # The store last: with it the folder counts as restored.
        store, *others = contents.files
        for name in [*others, store]:
            (state / name).parent.mkdir(parents=True, exist_ok=True)
            durable.move(Path(scratch) / name, state / name)
    return contents


def check_store(path: Path) -> int:
    """Reads a job store to its end, in use or not; gives how many jobs it has.

    Raises:
        BackupError: it is damaged or of a newer release.
        StoreError: it cannot be read.
    """
    with store_errors(path), closing(sqlite3.connect(path)) as connection:
        faults = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
        if faults != ["ok"]:
            raise BackupError(f"{path} is damaged: {'; '.join(faults)}.", hint=_DAMAGED)
        version, known = migrations.version_of(connection), len(migrations.steps())
        if not 0 < version <= known:
            raise BackupError(
                f"{path} has schema version {version}, this release knows 1 to {known}.",
                hint="use the release that wrote it, or a newer one",
            )
        return _jobs(connection)


_DAMAGED: Final = "a daemon that starts on it sets it aside and saves what can be read"


def _copy_store(source: Path, copy: Path) -> tuple[int, int]:
    """A consistent copy by SQLite's own backup (sqlite.org/backup.html); its schema and jobs."""
    with closing(sqlite3.connect(source)) as there, closing(sqlite3.connect(copy)) as here:
        there.backup(here)
        here.execute("PRAGMA journal_mode = DELETE")
        return migrations.version_of(here), _jobs(here)


def _jobs(connection: sqlite3.Connection) -> int:
    return int(connection.execute(queries.load()["count_jobs"]).fetchone()[0])


def _waiting(state: Path, kept: Kept) -> Iterator[tuple[str, bytes]]:
    """The files that are kept beside the store; one that goes meanwhile was taken."""
    for folder in kept.folders:
        if not (state / folder).is_dir():
            continue
        for path in sorted((state / folder).iterdir()):
            try:
                if path.is_file() and not path.is_symlink():
                    yield f"{folder}/{path.name}", path.read_bytes()
            except FileNotFoundError:
                continue


def _unpack(archive: Path, folder: Path) -> Contents:
    try:
        with tarfile.open(archive) as opened:
            told = _list(opened)
            for name, expected in told["files"].items():
                _extract(opened, name, expected, folder / _safe(name))
    except (OSError, tarfile.TarError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise BackupError(
            f"{archive} is no whole copy: {error}.", hint="use another one"
        ) from error
    check_store(folder / told["store"])
    return _contents(told)


def _list(opened: tarfile.TarFile) -> dict[str, Any]:
    stream = opened.extractfile(LIST_NAME)
    told: dict[str, Any] = json.loads(stream.read(LARGEST_LIST_BYTES)) if stream else {}
    if told.get("version") != VERSION:
        message = f"{LIST_NAME} has version {told.get('version')!r}, this release reads {VERSION}"
        raise ValueError(message)
    if next(iter(told["files"]), None) != told["store"]:
        raise ValueError(f"{LIST_NAME} does not begin with the job store")
    return told


def _extract(opened: tarfile.TarFile, name: str, expected: Mapping[str, Any], to: Path) -> None:
    member = opened.getmember(name)
    stream = opened.extractfile(member) if member.isreg() else None
    if stream is None or member.size != expected["bytes"]:
        raise ValueError(f"{name}: observed {member.size} bytes, told {expected['bytes']}")
    to.parent.mkdir(parents=True, exist_ok=True)
    with durable.new_file(to, mode=0o640) as copy:
        observed = _digest(stream, copy)
    if observed != expected["sha256"]:
        raise ValueError(f"{name}: its SHA-256 is not the one that was told")


def _digest(stream: IO[bytes], copy: IO[bytes] | None = None) -> str:
    digest = hashlib.sha256()
    with stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
            if copy is not None:
                copy.write(chunk)
    return digest.hexdigest()


def _safe(name: str) -> str:
    """A name that stays below the folder it is unpacked in."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or os.path.normpath(name) != name:
        raise ValueError(f"{name!r} leads out of the copy")
    return name


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o640
    archive.addfile(member, io.BytesIO(content))


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """A member without the names and times of this machine."""
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    member.mode = 0o640
    return member


def _told(size: int, digest: str) -> dict[str, Any]:
    return {"bytes": size, "sha256": digest}


def _contents(told: Mapping[str, Any]) -> Contents:
    return Contents(
        schema=int(told["schema"]),
        release=str(told["release"]),
        made_at=str(told["made_at"]),
        jobs=int(told["jobs"]),
        files={name: int(each["bytes"]) for name, each in told["files"].items()},
    )
