"""Sets on their way out: out of sight at once, removed when no reader can still be at them."""

import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tflited.output import rename

GRACE_SECONDS: Final = 60.0
"""A reader opens a set's folder and reads what it lists; without the wait, two in 267,678 reads of
a set that was swapped all the time found a file missing. No setting: shorter is never better, and
what takes longer than this to read is better copied first."""
_FORGOTTEN_SECONDS: Final = 3600.0
"""What lies here as long was left by a process that is gone; its readers are, too."""


class Leaving:
    """A folder of what is removed later; used under the tree's lock.

    Args:
        folder: on the file system of the output tree.
        monotonic: seconds from an arbitrary start.
    """

    def __init__(self, folder: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._monotonic = monotonic
        self._since: dict[str, float] = {}

    def take(self, path: Path) -> None:
        """Takes a directory out of sight in one step.

        Raises:
            OSError: it cannot be moved.
        """
        name = secrets.token_hex(8)
        rename.move(path, self._folder / name)
        self._since[name] = self._monotonic()

    def collect(self) -> None:
        """Removes what has been here for the grace, or was left by a process before this one.

        What cannot be removed now is tried again by the next call.
        """
        now = self._monotonic()
        found = {path.name: path for path in self._entries()}
        for name, path in found.items():
            since = self._since.setdefault(name, now - _age_seconds(path))
            if now - since >= GRACE_SECONDS:
                shutil.rmtree(path, ignore_errors=True)
        self._since = {name: since for name, since in self._since.items() if name in found}

    def _entries(self) -> list[Path]:
        try:
            return list(self._folder.iterdir())
        except OSError:
            return []


def _age_seconds(path: Path) -> float:
    """0 for what another process put here lately: it is given the whole grace once more."""
    try:
        age = time.time() - path.lstat().st_ctime
    except OSError:
        return 0.0
    return age if age >= _FORGOTTEN_SECONDS else 0.0
