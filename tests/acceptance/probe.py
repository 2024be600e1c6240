"""Tries what the unit must refuse; prints each attempt and what came of it.

``python probe.py PORT [FOLDER...]``, with a port that something listens on and folders that are to
be written to. Runs under the packaged Python in place of the daemon, so it imports nothing of ours.
"""

import ctypes
import json
import mmap
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

WRITABLE = ("/srv/tflited/published", "/var/lib/tflited", "/run/tflited", "/tmp", "/var/tmp")
FAMILIES = ("AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET")


class NotReachedError(Exception):
    """What was to be tried could not be prepared, so nothing is known of it."""


def write(folder: str) -> None:
    """Makes a file."""
    path = Path(folder) / f"probe-{os.getpid()}"
    path.write_bytes(b"x")
    path.unlink()


def copied(source: str | Path, folder: str) -> Path:
    """A copy of a program or a library that may be executed."""
    copy = Path(folder) / f"probe-{Path(source).name}"
    try:
        shutil.copy(source, copy)
        copy.chmod(0o755)
    except OSError as error:
        raise NotReachedError(str(error)) from error
    return copy


def execute(folder: str) -> None:
    """Runs a copy of a program."""
    copy = copied("/usr/bin/true", folder)
    try:
        subprocess.run([str(copy)], check=True)
    finally:
        copy.unlink()


def load(folder: str) -> None:
    """Maps a copy of a library as code."""
    copy = copied(next(path for path in libraries() if path.exists()), folder)
    try:
        ctypes.CDLL(str(copy))
    finally:
        copy.unlink()


def libraries() -> Iterator[Path]:
    """Where a small library may be."""
    yield from Path("/usr/lib").glob("*/libz.so.1")


def map_code(protection: str) -> None:
    """Asks for memory that is written and executed, or made so afterwards."""
    both = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
    first = both if protection == "at once" else mmap.PROT_READ | mmap.PROT_WRITE
    memory = mmap.mmap(-1, mmap.PAGESIZE, prot=first)
    libc = ctypes.CDLL(None, use_errno=True)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    if libc.mprotect(ctypes.c_void_p(address), mmap.PAGESIZE, both) != 0:
        raise OSError(ctypes.get_errno(), "mprotect")


def open_socket(family: str) -> None:
    """Makes a socket of a family."""
    kind = socket.SOCK_RAW if family in {"AF_PACKET", "AF_NETLINK"} else socket.SOCK_STREAM
    socket.socket(getattr(socket, family), kind).close()


def connect(port: str) -> None:
    """Reaches a listener on this machine."""
    socket.create_connection(("127.0.0.1", int(port)), timeout=10).close()


def attempts() -> Iterator[tuple[str, Callable[[str], None], str]]:
    """Every attempt with its name, its action and the action's argument."""
    port, *folders = sys.argv[1:]
    yield from ((f"write {folder}", write, folder) for folder in (*WRITABLE, *folders))
    yield from ((f"execute {folder}", execute, folder) for folder in (*WRITABLE, "/dev/shm"))
    yield from ((f"load {folder}", load, folder) for folder in (*WRITABLE, "/dev/shm"))
    yield from ((f"map {when}", map_code, when) for when in ("at once", "afterwards"))
    yield from ((f"socket {family}", open_socket, family) for family in FAMILIES)
    yield "connect", connect, port


def main() -> None:
    """Prints one JSON object: done, refused, or not reached, each with the reason."""
    found = {}
    for name, action, argument in attempts():
        try:
            action(argument)
        except NotReachedError as error:
            found[name] = f"not reached: {error}"
        except OSError as error:
            found[name] = f"refused: {error}"
        else:
            found[name] = "done"
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
