"""Eight ways to break durability, each planted in a running daemon for a test to catch.

They are the mistakes that programs make; a harness that misses one of them proves nothing.
"""

import os
import shutil
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tflited import durable
from tflited.domain.job import JobState, TriggerSource
from tflited.output import rename
from tflited.output.tree import OutputTree
from tflited.store import database
from tflited.store.queue import SqliteStore
from tflited.triggers import spool

Plant = Callable[[pytest.MonkeyPatch], None]


def file_by_file(patch: pytest.MonkeyPatch) -> None:
    """A set is published by putting each file in its place, durably, one after the other."""

    def place(new: Path, target: Path) -> bool:
        for file in sorted(path for path in new.rglob("*") if path.is_file()):
            there = target / file.relative_to(new)
            there.parent.mkdir(parents=True, exist_ok=True)
            durable.write(there, file.read_bytes())
        return False

    patch.setattr(rename, "place", place)


def remove_and_rename(patch: pytest.MonkeyPatch) -> None:
    """The old set is removed, then the new one is renamed into its place."""

    def place(new: Path, target: Path) -> bool:
        shutil.rmtree(target, ignore_errors=True)
        new.rename(target)
        durable.sync_directory(target.parent)
        durable.sync_directory(new.parent)
        return False

    patch.setattr(rename, "place", place)


def trigger_removed_first(patch: pytest.MonkeyPatch) -> None:
    """A document leaves the spool before its job is durable."""

    def removed_first(self: spool.Spool, path: Path) -> dict[str, Any]:
        content = path.read_bytes()
        path.unlink()
        durable.sync_directory(path.parent)
        receipt = self._control.submit(spool._with_id(path.name, content), TriggerSource.SPOOL)
        path.write_bytes(content)  # so that filing it does not fail
        return spool._plain(receipt)

    patch.setattr(spool.Spool, "_answer", removed_first)


def done_before_publish(patch: pytest.MonkeyPatch) -> None:
    """The store says that a job is published before its set is in its place."""
    swap, finish = OutputTree._swap, SqliteStore.finish
    late: list[Callable[[], None]] = []

    def later(self: OutputTree, *arguments: Any) -> None:
        late.append(lambda: swap(self, *arguments))

    def finished(self: SqliteStore, job_id: int, state: JobState, *more: Any, **named: Any) -> Any:
        job = finish(self, job_id, state, *more, **named)
        while late:
            late.pop()()
        return job

    patch.setattr(OutputTree, "_swap", later)
    patch.setattr(SqliteStore, "finish", finished)


def no_file_sync(patch: pytest.MonkeyPatch) -> None:
    """Files are written and renamed without an fsync of their bytes."""
    sync = os.fsync

    def only_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            sync(descriptor)

    patch.setattr(os, "fsync", only_folders)


def no_folder_sync(patch: pytest.MonkeyPatch) -> None:
    """Names are made and changed without an fsync of the folder that holds them."""
    patch.setattr(durable, "sync_directory", lambda _: None)


def no_stage_sync(patch: pytest.MonkeyPatch) -> None:
    """The stage is swapped into its place without an fsync of the names inside it."""
    sync = durable.sync_directory

    def outside(path: Path) -> None:
        if path.parent.name != "staging" and path.parent.parent.name != "staging":
            sync(path)

    patch.setattr(durable, "sync_directory", outside)


def normal_synchronous(patch: pytest.MonkeyPatch) -> None:
    """The store commits without an fsync of its log."""
    configure = database._configure

    def weakly(connection: Any, path: Path) -> None:
        configure(connection, path)
        connection.execute("PRAGMA synchronous = NORMAL")

    patch.setattr(database, "_configure", weakly)


MUTANTS: Final[Mapping[str, Plant]] = {
    plant.__name__: plant
    for plant in (
        file_by_file,
        remove_and_rename,
        trigger_removed_first,
        done_before_publish,
        no_file_sync,
        no_folder_sync,
        no_stage_sync,
        normal_synchronous,
    )
}
