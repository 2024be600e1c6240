"""The kernel's inotify interface, bare: descriptors, masks and raw events; keeps no state of trees.

Source: inotify(7). watchdog's own wrapper drops overflow and watch-limit errors, so the emitter
of this package stands on this file instead.
"""

import ctypes
import ctypes.util
import fcntl
import os
import select
import struct
import termios
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

IN_MODIFY: Final = 0x2
IN_ATTRIB: Final = 0x4
IN_CLOSE_WRITE: Final = 0x8
IN_OPEN: Final = 0x20
IN_MOVED_FROM: Final = 0x40
IN_MOVED_TO: Final = 0x80
IN_CREATE: Final = 0x100
IN_DELETE: Final = 0x200
IN_DELETE_SELF: Final = 0x400
IN_MOVE_SELF: Final = 0x800
IN_UNMOUNT: Final = 0x2000
IN_Q_OVERFLOW: Final = 0x4000
IN_IGNORED: Final = 0x8000
IN_ONLYDIR: Final = 0x0100_0000
IN_DONT_FOLLOW: Final = 0x0200_0000
IN_EXCL_UNLINK: Final = 0x0400_0000
IN_ISDIR: Final = 0x4000_0000

WATCHED: Final = (
    IN_MODIFY
    | IN_ATTRIB
    | IN_CLOSE_WRITE
    | IN_MOVED_FROM
    | IN_MOVED_TO
    | IN_CREATE
    | IN_DELETE
    | IN_DELETE_SELF
    | IN_MOVE_SELF
)
_HEADER: Final = struct.Struct("iIII")
_BUFFER_BYTES: Final = 1 << 18

_libc = ctypes.CDLL(ctypes.util.find_library("c"), use_errno=True)


@dataclass(frozen=True, slots=True)
class Event:
    """One event: the watch it belongs to (-1 for an overflow), its mask, and the entry's name."""

    watch: int
    mask: int
    name: str


class Inotify:
    """One inotify instance. ``close`` may be called from another thread to end a ``read``."""

    def __init__(self) -> None:
        self._fd: int = _checked(_libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK), "inotify_init1")
        self._stop_reading, self._stop_writing = os.pipe2(os.O_CLOEXEC)
        self._lock = Lock()
        self._is_closed = False

    def watch(self, path: str | Path, events: int = WATCHED) -> int:
        """Watches one directory; the same inode gives the same watch again.

        Raises:
            OSError: ENOSPC at the watch limit, ENOENT or ENOTDIR when it is gone.
        """
        mask = events | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK
        return _checked(_libc.inotify_add_watch(self._fd, os.fsencode(path), mask), str(path))

    def unwatch(self, watch: int) -> None:
        """Ends a watch; one that the kernel ended already is no error."""
        _libc.inotify_rm_watch(self._fd, watch)

    def read(self, timeout_seconds: float) -> Iterator[Event]:
        """Events that came within the timeout; none when it passed or the instance was closed."""
        readable, _, _ = select.select([self._fd, self._stop_reading], [], [], timeout_seconds)
        if self._fd not in readable or self._stop_reading in readable:
            return
        data = os.read(self._fd, _BUFFER_BYTES)
        position = 0
        while position < len(data):
            watch, mask, _, length = _HEADER.unpack_from(data, position)
            position += _HEADER.size
            name = data[position : position + length].rstrip(b"\0")
            position += length
            yield Event(watch, mask, os.fsdecode(name))

    def has_unread(self) -> bool:
        """Whether events wait to be read."""
        with self._lock:
            if self._is_closed:
                return False
            waiting = array("i", [0])
            fcntl.ioctl(self._fd, termios.FIONREAD, waiting)
            return waiting[0] > 0

    def wake(self) -> None:
        """Makes ``read`` return at once, now and ever after; does nothing once closed."""
        with self._lock:
            if not self._is_closed:
                os.write(self._stop_writing, b"\0")

    def close(self) -> None:
        """Frees the kernel's part; nothing may be reading any more."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            for descriptor in (self._fd, self._stop_reading, self._stop_writing):
                os.close(descriptor)


def _checked(result: int, subject: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), subject)
    return result
