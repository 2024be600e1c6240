"""Asks how much room the output tree has, on a thread of its own, so that no scrape waits.

A file system that hangs holds this thread and nobody else; the last answer then grows old.
"""

import shutil
from math import nan
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Final

INTERVAL_SECONDS: Final = 5.0
OLD_SECONDS: Final = 30.0
"""An answer older than this is no answer."""


class RoomWatch:
    """Knows how many bytes a file system has left.

    Args:
        path: a place on it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stop = Event()
        # A daemon thread: one that hangs on a dead mount must not keep the process from ending.
        self._thread = Thread(target=self._run, name="room", daemon=True)
        self._answer = (nan, 0.0)

    def start(self) -> None:
        """Starts asking."""
        self._thread.start()

    def stop(self, deadline_seconds: float) -> None:
        """Ends the thread, waiting at most so long."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(deadline_seconds)

    def free_bytes(self) -> float:
        """The last answer; NaN without one, after an error, and when it is too old."""
        free, asked_at = self._answer
        return free if monotonic() - asked_at < OLD_SECONDS else nan

    def _run(self) -> None:
        while True:
            self._answer = (self._ask(), monotonic())
            if self._stop.wait(INTERVAL_SECONDS):
                return

    def _ask(self) -> float:
        try:
            return float(shutil.disk_usage(self._path).free)
        except OSError:  # readiness tells of it; a figure there is none
            return nan
