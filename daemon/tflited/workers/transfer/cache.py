"""A worker's cache of files by content, below a size limit; several processes may share one.

What is given out is a copy that was digested while it was made, so a damaged entry is noticed
whatever damaged it, a power cut included, and nobody who has a copy can change the cache. The
price is one digest of each use, some 2 GB/s, next to a conversion nothing.

``objects/SHA256`` is complete; ``parts/SHA256.SIZE`` is being fetched by whoever holds its lock,
and what a dead process left of it is where the next one goes on.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Final

import structlog

from tflited.content import copy_with_digest
from tflited.errors import TransferEndedError, TransferError
from tflited.workers.transfer.offer import FileEntry

PART_SECONDS: Final = 24 * 3600.0
"""How long what a dead process left is kept for the next one."""
_POLL_SECONDS: Final = 0.05

_LOG = structlog.get_logger()

Fill = Callable[[int], None]
"""Writes a file's whole content to a descriptor that may hold the beginning already."""


class Cache:
    """Files by content; any thread and process may use it.

    Args:
        folder: its own directory, made when missing.
        most_bytes: what it may hold; files that are being copied out do not count as too much.
    """

    def __init__(self, folder: Path, *, most_bytes: int) -> None:
        self._objects = folder / "objects"
        self._parts = folder / "parts"
        self._lock = folder / "lock"
        self._most_bytes = most_bytes
        for each in (self._objects, self._parts):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)

    def copy(self, file: FileEntry, target: Path, fill: Fill, cancel: Event) -> None:
        """Copies a file out of the cache, and into it first where it is not there.

        Args:
            file: its size and content.
            target: a new file; left read-only.
            fill: called where the cache does not have it, by one process at a time.
            cancel: ends the wait for another process that fetches the same file.

        Raises:
            TransferError: what was fetched is not what it should be, or the wait was cancelled.
            OSError: there is no room for it.
        """
        for _ in range(3):
            with self._opened(file, fill, cancel) as found:
                try:
                    observed = copy_with_digest(found, target)
                except FileNotFoundError:  # another process found it damaged
                    target.unlink(missing_ok=True)
                    continue
                if observed == file.sha256:
                    self._keep_small(file, found)
                    return
                _LOG.warning("cache_entry_damaged", sha256=file.sha256, observed=observed)
                target.unlink()
                found.unlink(missing_ok=True)
        raise TransferError(
            f"{file.path}: the cache in {self._objects.parent} does not keep what it is given.",
            hint="check that disk; the cache may be removed while no worker runs",
        )

    def _keep_small(self, file: FileEntry, found: Path) -> None:
        """Lets a file that alone is larger than the cache go after its use."""
        if file.size_bytes > self._most_bytes:
            found.unlink(missing_ok=True)

    @contextmanager
    def _opened(self, file: FileEntry, fill: Fill, cancel: Event) -> Iterator[Path]:
        """Gives the entry, which nobody evicts until the block's end."""
        found = self._objects / file.sha256
        while True:
            try:
                descriptor = os.open(found, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError:
                self._bring(file, fill, cancel)
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH)
                if os.fstat(descriptor).st_nlink:  # else evicted between the two calls
                    os.utime(descriptor)
                    yield found
                    return
            finally:
                os.close(descriptor)

    def _bring(self, file: FileEntry, fill: Fill, cancel: Event) -> None:
        """Fetches a file, unless another process did so while this one waited."""
        part = self._parts / f"{file.sha256}.{file.size_bytes}"
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            while not _locked(descriptor):
                if cancel.wait(_POLL_SECONDS):
                    raise TransferEndedError(
                        f"{file.path}: cancelled while another one fetched it."
                    )
            target = self._objects / file.sha256
            if not os.fstat(descriptor).st_nlink or target.exists():
                return
            if file.size_bytes <= self._most_bytes:
                self._make_room()
            fill(descriptor)
            os.fchmod(descriptor, 0o400)
            part.rename(target)
        finally:
            os.close(descriptor)

    def _make_room(self) -> None:
        """Evicts what was used longest ago until what is there and what is coming fits."""
        lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            entries = sorted([*self._entries(self._objects), *self._entries(self._parts)])
            size_bytes = sum(size for _, size, _ in entries)
            oldest = time.time() - PART_SECONDS
            for used_at, size, path in entries:
                is_forgotten = path.parent == self._parts and used_at < oldest
                if (size_bytes > self._most_bytes or is_forgotten) and _evicted(path):
                    size_bytes -= size
        finally:
            os.close(lock)

    @staticmethod
    def _entries(folder: Path) -> Iterator[tuple[float, int, Path]]:
        """Time of the last use, size that it has or will have, and path of everything there."""
        for path in folder.iterdir():
            with suppress(OSError):
                status = path.stat(follow_symlinks=False)
                told = path.suffix.removeprefix(".")
                size = int(told) if told.isascii() and told.isdecimal() else status.st_size
                yield status.st_mtime, size, path


def _locked(descriptor: int) -> bool:
    """Whether a lock on an open file could be had at once."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _evicted(path: Path) -> bool:
    """Removes an entry unless somebody uses it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if not _locked(descriptor):
            return False
        path.unlink(missing_ok=True)
        return True
    finally:
        os.close(descriptor)
