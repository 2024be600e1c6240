"""Owns the control groups of one build host: a place of its own, and nothing left of it.

systemd-nspawn makes the groups of its system beside the process that starts it. Two systems that
were started from one group would manage the same tree, and an ended one leaves its groups behind.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from waiting import wait_until

MOUNTED: Final = Path("/proc/self/mountinfo")
OWN: Final = Path("/proc/self/cgroup")
_END_SECONDS: Final = 30
_KINDS: Final = ("cgroup", "cgroup2")
_CLOSED: Final = ("cpuset",)
"""A new group of these takes no process until it is told processors and memory."""


def hierarchies() -> dict[str, Path]:
    """Where each hierarchy is mounted, by its controllers; that of version 2 has none: ``""``.

    A controller that is mounted with others has the name of all: ``cpu,cpuacct``.
    """
    named = [line.split(":", 2)[1] for line in OWN.read_text("ascii").splitlines()]
    found: dict[str, Path] = {}
    for line in MOUNTED.read_text("utf-8").splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if kind in _KINDS:
            names = {""} if kind == "cgroup2" else set(named) & _names(options)
            found |= dict.fromkeys(names, Path(before.split()[4]))
    return found


def _names(options: str) -> set[str]:
    """What /proc/self/cgroup may call a hierarchy that is mounted with these options."""
    words = [word for word in options.split(",") if word not in {"rw", "ro"}]
    return {",".join(words), *words}


def groups(name: str) -> list[Path]:
    """A group of this name in every hierarchy.

    In version 2 it is below the topmost group, where systemd gives out every controller; elsewhere
    below the group of this process, whose limits go on to hold.

    Args:
        name: of the group.
    """
    lines = [line.split(":", 2) for line in OWN.read_text("ascii").splitlines()]
    places = {names: path.lstrip("/") if names else "" for _, names, path in lines}
    mounts = hierarchies().items()
    return [mount / places[names] / name for names, mount in mounts if names not in _CLOSED]


@contextlib.contextmanager
def own_group(name: str) -> Iterator[list[str]]:
    """A group in every hierarchy for a process that is started, removed with all that it made.

    Yields:
        What the process's command line begins with: it joins the group before it becomes it.
    """
    join = "".join(f'echo $$ >"{group}/cgroup.procs" && ' for group in groups(name))
    try:
        for group in groups(name):
            group.mkdir()
        yield ["sh", "-c", f'{join} exec "$@"', "sh"]
    finally:
        remove(name)


def end(name: str) -> None:
    """Kills what is left in a group, and waits until nothing is."""

    def is_empty() -> bool:
        left = [
            int(number)
            for group in groups(name)
            for file in group.rglob("cgroup.procs")
            for number in file.read_text("ascii").split()
        ]
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not left

    wait_until(is_empty, _END_SECONDS, what=f"an empty group {name}")


def remove(name: str) -> None:
    """Removes a group with those below it; one that a process is in stays, and is an error."""
    for group in groups(name):
        for folder, _, _ in os.walk(group, topdown=False):
            Path(folder).rmdir()
