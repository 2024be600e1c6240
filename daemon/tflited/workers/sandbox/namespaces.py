"""The layer that gives a child a network, IPC and host name of its own: empty ones.

Where an outer sandbox forbids namespaces the child goes on without: seccomp forbids sockets.
"""

import os
from pathlib import Path
from typing import Final

from tflited.workers.sandbox.confinement import Confinement, Taken
from tflited.workers.sandbox.kernel import unshare

CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWNET: Final = 0x40000000
"""From linux/sched.h."""
OWN: Final = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
NAMES: Final = ("net", "ipc", "uts")


def enter(_: Confinement, taken: Taken) -> None:
    """Directly as root, else through a user namespace that maps this user to itself.

    Raises:
        OSError: the user namespace has no map: the child would be nobody.
    """
    taken.namespaces = _inodes()
    uid, gid = os.geteuid(), os.getegid()
    try:
        unshare(OWN if uid == 0 else OWN | CLONE_NEWUSER)
    except OSError:
        taken.has_own_namespaces = False
        return
    taken.has_own_namespaces = True
    if uid != 0:
        taken.has_user_namespace = True
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            _write(f"/proc/self/{name}", text)


def lacking(_: Confinement, taken: Taken) -> str:
    """What is short; empty where nothing is."""
    if taken.has_own_namespaces is None:
        return "no namespace was left"
    now = _inodes()
    same = [name for name in NAMES if now[name] == taken.namespaces.get(name)]
    return f"still in the parent's {', '.join(same)}" if same and taken.has_own_namespaces else ""


def _inodes() -> dict[str, int]:
    return {name: Path("/proc/self/ns", name).stat().st_ino for name in NAMES}


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
