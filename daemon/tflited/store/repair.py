"""Opens the job store; a damaged one is set aside under a name that is told, and rebuilt.

A repair may be cut at any point: a note beside the store names the file that was set aside, and the
next start goes on from there. The damaged file itself is never written.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

import structlog

from tflited import durable
from tflited.domain.job import Job
from tflited.domain.ports import Clock
from tflited.errors import StoreCorruptError, StoreError
from tflited.store.database import Database, store_errors
from tflited.store.queue import SqliteStore
from tflited.store.salvage import Saved, salvage

_LOG = structlog.get_logger()
_COMPANIONS: Final = ("-wal", "-shm")
"""What SQLite keeps beside a store; the log of what was written last has rows to save."""
_GAP: Final = 1000
"""Job numbers that are passed over: a lost one was told to somebody and must not mean another."""
_UNKNOWN: Final = "an earlier repair was interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    """The files of one store and its repair."""

    store: Path

    @property
    def note(self) -> Path:
        return self._beside(".repair")

    @property
    def fresh(self) -> Path:
        return self._beside(".new")

    @property
    def copy(self) -> Path:
        return self._beside(".copy")

    def aside(self, clock: Clock) -> Path:
        """A free name for the damaged file, with the time in it."""
        name = f".corrupt-{clock.now():%Y%m%dT%H%M%SZ}"
        names = (self._beside(name + (f"-{number}" if number else "")) for number in count())
        return next(path for path in names if not path.exists())

    def _beside(self, ending: str) -> Path:
        return _ended(self.store, ending)


def open_store(
    path: Path, clock: Clock, told: Callable[[Job], None], newest_job: Callable[[], int]
) -> SqliteStore:
    """Opens the store, repairing it first where it is damaged or a repair was cut.

    Args:
        path: the file, made when missing; its directory exists and is this process's alone.
        clock: the store's.
        told: told every job that a committed transaction changed.
        newest_job: the highest job number that a published set bears; a rebuilt store counts on
            from there, so that no number stands for two jobs.

    Raises:
        StoreError: it cannot be opened or repaired, or is of a newer release.
        StoragePausedError: its file system is full or read-only.
    """
    names = _Names(store=path)
    if names.note.exists():
        _repair(names, _UNKNOWN, newest_job)
    try:
        return SqliteStore(path, clock, told)
    except StoreCorruptError as error:
        condemn(path, clock)
        _repair(names, error.message, newest_job)
    return SqliteStore(path, clock, told)


def condemn(path: Path, clock: Clock) -> None:
    """Lets the next start repair a store that was found damaged while it was in use."""
    names = _Names(store=path)
    if not names.note.exists():
        durable.write(names.note, names.aside(clock).name.encode())


def set_aside(path: Path) -> list[Path]:
    """The damaged files that repairs of a store have set aside and nobody has removed since."""
    found = path.parent.glob(f"{path.name}.corrupt-*")
    return sorted(each for each in found if not each.name.endswith(_COMPANIONS))


def _repair(names: _Names, reason: str, newest_job: Callable[[], int]) -> None:
    try:
        aside = names.store.with_name(names.note.read_text())
        with durable.storage_errors(names.store):
            _move(names.store, aside)
            saved = _rebuild(names, aside, newest_job)
            names.note.unlink()
            durable.sync_directory(names.store.parent)
    except OSError as error:
        raise StoreError(
            f"The job store {names.store} cannot be repaired: {error}.",
            hint="the folder must belong to the user the daemon runs as",
        ) from error
    _LOG.error(
        "store_rebuilt",
        reason=reason,
        set_aside=str(aside),
        jobs=saved.jobs,
        builds=saved.builds,
        triggers=saved.triggers,
        hint="check the device; remove the file when nobody needs it any more",
    )


def _move(store: Path, aside: Path) -> None:
    """Sets the files aside, the store itself last: where it is, a cut move is over."""
    if aside.exists():
        return
    for ending in (*_COMPANIONS, ""):
        if (file := _ended(store, ending)).exists():
            file.rename(_ended(aside, ending))
    durable.sync_directory(store.parent)


def _rebuild(names: _Names, aside: Path, newest_job: Callable[[], int]) -> Saved:
    _remove(names.fresh)
    Database(names.fresh).close()
    try:
        _copy(aside, names.copy)
        with store_errors(names.fresh):
            saved = salvage(names.copy, names.fresh)
    finally:
        _remove(names.copy)
    with Database(names.fresh) as fresh, fresh.transaction():
        fresh.rows("begin_numbers")
        fresh.rows("skip_numbers", newest=newest_job(), gap=_GAP)
    _remove(names.store)
    names.fresh.rename(names.store)
    durable.sync_directory(names.store.parent)
    return saved


def _copy(aside: Path, copy: Path) -> None:
    _remove(copy)
    for ending in ("-wal", ""):
        if _ended(aside, ending).exists():
            shutil.copyfile(_ended(aside, ending), _ended(copy, ending))


def _remove(path: Path) -> None:
    for ending in (*_COMPANIONS, ""):
        _ended(path, ending).unlink(missing_ok=True)


def _ended(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)
