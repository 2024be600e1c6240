"""Owns what a child writes to its standard output and error: reads all of it, keeps the end.

A pipe, not a file: a child that writes without end costs it time, and the daemon no disk.
"""

import contextlib
import os
from dataclasses import dataclass, field
from typing import Final

from tflited.workers.wire import printable_lines

NOISE_BYTES: Final = 16 * 1024
"""How much of the end is kept."""
_READ_BYTES: Final = 64 * 1024
_LAST_READS: Final = 32
"""More than a pipe holds; a descendant that escaped cannot keep the daemon reading."""


@dataclass(slots=True, kw_only=True)
class Noise:
    """The daemon's end of one child's noise.

    Attributes:
        descriptor: read end of the pipe, not blocking.
    """

    descriptor: int
    _tail: bytearray = field(default_factory=bytearray)

    def read(self) -> bool:
        """Takes what is there; False at the end, or where nothing is there."""
        try:
            part = os.read(self.descriptor, _READ_BYTES)
        except BlockingIOError:
            return False
        self._tail += part
        del self._tail[:-NOISE_BYTES]
        return bool(part)

    def finish(self) -> str:
        """Reads the rest, and gives the end of the noise as text."""
        with contextlib.suppress(OSError):
            for _ in range(_LAST_READS):
                if not self.read():
                    break
        return printable_lines(self._tail.decode(errors="replace"))
