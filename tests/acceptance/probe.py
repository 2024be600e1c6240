"""Tries from inside the unit what the unit must refuse; prints each attempt and what came of it.

Runs under the packaged Python in place of the daemon, so it imports nothing of ours.
"""

import ctypes
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

WRITABLE = ("/srv/tflited/models", "/var/lib/tflited", "/run/tflited", "/tmp", "/var/tmp")
CLOSED = ("/", "/etc", "/etc/tflited", "/usr", "/opt/tflited", "/srv", "/var/lib", "/root", "/home")
FAMILIES = ("AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET", "AF_VSOCK")


def write(folder: str) -> str:
    """Makes a file."""
    path = Path(folder) / f"probe-{os.getpid()}"
    path.write_bytes(b"x")
    path.unlink()
    return "written"


def execute(folder: str) -> str:
    """Runs a copy of a program."""
    copy = Path(folder) / "probe-true"
    try:
        shutil.copy("/usr/bin/true", copy)
        copy.chmod(0o755)
        subprocess.run([str(copy)], check=True)
    finally:
        copy.unlink(missing_ok=True)
    return "executed"


def load(folder: str) -> str:
    """Maps a copy of a library as code."""
    copy = Path(folder) / "probe-library.so"
    try:
        shutil.copy("/usr/lib/x86_64-linux-gnu/libz.so.1", copy)
        ctypes.CDLL(str(copy))
    finally:
        copy.unlink(missing_ok=True)
    return "loaded"


def open_socket(family: str) -> str:
    """Makes a socket of a family."""
    kind = socket.SOCK_RAW if family in {"AF_PACKET", "AF_NETLINK"} else socket.SOCK_STREAM
    socket.socket(getattr(socket, family), kind).close()
    return "opened"


def attempts() -> Iterator[tuple[str, Callable[[str], str], str]]:
    """Every attempt with its name, its action and the action's argument."""
    yield from ((f"write {folder}", write, folder) for folder in (*WRITABLE, *CLOSED))
    yield from ((f"execute {folder}", execute, folder) for folder in (*WRITABLE, "/dev/shm"))
    yield from ((f"load {folder}", load, folder) for folder in (*WRITABLE, "/dev/shm"))
    yield from ((f"socket {family}", open_socket, family) for family in FAMILIES)


def main() -> None:
    """Prints one JSON object."""
    found = {}
    for name, action, argument in attempts():
        try:
            found[name] = action(argument)
        except OSError as error:
            found[name] = f"refused: {error}"
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
