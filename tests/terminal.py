"""A command on a pseudo-terminal of its own, as a person runs it: what it shows, and keys."""

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from waiting import wait_until

ROWS: Final = 40
COLUMNS: Final = 120
END_SECONDS: Final = 60
CONTROL_C: Final = b"\x03"
_COMMANDS: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_START: Final = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "tflited", *sys.argv[1:]])
"""
"""Makes the terminal the session's own, so that Ctrl-C reaches the command."""


class Terminal:
    """One command.

    Args:
        ours: the terminal's other end.
        process: the command.
    """

    def __init__(self, ours: int, process: subprocess.Popen[bytes]) -> None:
        self._ours = ours
        self._process = process
        self._raw = bytearray()

    @property
    def raw(self) -> str:
        """Everything so far, with its movements and colours."""
        with suppress(OSError):  # EIO: the command has ended
            while select.select([self._ours], [], [], 0)[0] and (
                part := os.read(self._ours, 65536)
            ):
                self._raw += part
        return self._raw.decode(errors="replace")

    @property
    def text(self) -> str:
        """Everything so far, as words."""
        return _COMMANDS.sub("", self.raw)

    def wait_for(self, words: str, deadline_seconds: float, *, after: int = 0) -> int:
        """Waits until words are shown; gives the place behind them, for the next ``after``."""
        where = wait_until(
            lambda: self.text.find(words, after) + 1,
            deadline_seconds,
            what=f"{words!r} on the terminal, which shows {self.text[-2000:]!r}",
        )
        return where - 1 + len(words)

    def press(self, keys: bytes) -> None:
        """Types."""
        os.write(self._ours, keys)

    def wait(self) -> int:
        """Waits until the command has ended; its exit code."""

        def ended() -> bool:
            _ = self.raw
            return self._process.poll() is not None

        wait_until(ended, END_SECONDS, what="the command's end")
        return int(self._process.returncode)


@contextmanager
def terminal(*arguments: str) -> Iterator[Terminal]:
    """Runs ``tflited`` with these arguments on a terminal; ends it where it has not ended."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color"}
    environment.pop("COLUMNS", None)
    process = subprocess.Popen(
        [sys.executable, "-c", _START, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env=environment,
    )
    os.close(theirs)
    try:
        yield Terminal(ours, process)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
