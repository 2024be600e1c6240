"""The lock that makes one daemon the only owner of a state folder."""

import fcntl
import os
from pathlib import Path
from typing import Final, Self

from tflited.errors import CannotStartError

LOCK_NAME: Final = "tflited.lock"


class StateLock:
    """Holds ``STATE/tflited.lock`` from construction until ``release`` or the process's end.

    The file stays: removing it would let a third process lock a name the second one still waits on.

    Args:
        state: the state folder; it exists.

    Raises:
        CannotStartError: another process holds it, or the file cannot be made.
    """

    def __init__(self, state: Path) -> None:
        self._path = state / LOCK_NAME
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._descriptor = os.open(self._path, flags, 0o644)
        except OSError as error:
            raise CannotStartError(
                f"Cannot open the lock {self._path}: {error.strerror}.",
                hint="the state folder must exist and belong to the user the daemon runs as",
            ) from error
        try:
            self._take()
        except BaseException:
            self.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Lets go; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _take(self) -> None:
        """Locks, then writes down who holds it, for the message of the next one."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
            raise CannotStartError(
                f"The state folder {self._path.parent} is in use by process {holder or 'unknown'}.",
                hint="stop that daemon, or give this one a state folder of its own",
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
