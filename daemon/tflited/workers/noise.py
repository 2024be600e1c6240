"""Owns what processes write to their standard output and error: reads all of it, keeps a part.

A pipe, not a file: a child that writes without end costs it time, and the daemon no disk.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from tflited.workers.wire import printable_lines

HEAD_BYTES: Final = 8 * 1024
"""How much of the beginning is kept, where the first complaint stands."""
TAIL_BYTES: Final = 24 * 1024
"""How much of the end, where the last words are."""
LONGEST_LINE: Final = 1000
"""Characters of a line that is told by itself."""
_READ_BYTES: Final = 64 * 1024
_LAST_READS: Final = 32
"""More than a pipe holds; a descendant that escaped cannot keep the daemon reading."""
_COMMANDS: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
"""Colours and movements of a terminal's cursor (ECMA-48, section 5.4)."""


@dataclass(slots=True, kw_only=True)
class Noise:
    """The daemon's end of one child's noise.

    Attributes:
        descriptor: read end of the pipe, not blocking.
    """

    descriptor: int
    _head: bytearray = field(default_factory=bytearray)
    _tail: bytearray = field(default_factory=bytearray)
    _left_out: int = 0

    def read(self) -> bool:
        """Takes what is there; False at the end, or where nothing is there."""
        try:
            part = os.read(self.descriptor, _READ_BYTES)
        except BlockingIOError:
            return False
        fits = HEAD_BYTES - len(self._head)
        self._head += part[:fits]
        self._tail += part[fits:]
        self._left_out += max(0, len(self._tail) - TAIL_BYTES)
        del self._tail[:-TAIL_BYTES]
        return bool(part)

    def finish(self) -> str:
        """Reads the rest; gives the beginning and the end of the noise as printable text."""
        with contextlib.suppress(OSError):
            for _ in range(_LAST_READS):
                if not self.read():
                    break
        if not self._left_out:
            return spoken(bytes(self._head + self._tail))
        gap = f"\n[{self._left_out} bytes are left out here]\n"
        return f"{spoken(bytes(self._head))}{gap}{spoken(bytes(self._tail))}"


@dataclass(slots=True, kw_only=True)
class Lines:
    """Cuts what a process writes into lines, each of which is told as soon as it is whole.

    Attributes:
        descriptor: read end of the pipe, not blocking.
    """

    descriptor: int
    _rest: bytes = b""

    def read(self) -> list[str] | None:
        """The lines that became whole; None once the process and its children have closed."""
        try:
            part = os.read(self.descriptor, _READ_BYTES)
        except BlockingIOError:
            return []
        *whole, self._rest = (self._rest + part).split(b"\n")
        if not part or len(self._rest) > LONGEST_LINE:
            whole, self._rest = [*whole, self._rest], b""
        lines = list(_told(whole))
        return lines if part or lines else None


def spoken(content: bytes) -> str:
    """What a process wrote as printable text: lines and tabs, without colours or bare returns."""
    text = _COMMANDS.sub("", content.decode(errors="replace"))
    return printable_lines(text.replace("\r\n", "\n").replace("\r", "\n"))


def _told(lines: list[bytes]) -> Iterator[str]:
    for line in lines:
        text = spoken(line).strip()
        if text:
            yield text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}…"
