"""Owns the control groups of one build host: a place of its own, and nothing left of it.

systemd-nspawn makes the groups of its system beside the process that starts it. Two systems that
were started from one group would manage the same tree, and an ended one leaves its groups behind.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MOUNTED: Final = Path("/proc/self/mountinfo")
OWN: Final = Path("/proc/self/cgroup")
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


@contextlib.contextmanager
def own_group(name: str) -> Iterator[list[str]]:
    """A group in every hierarchy for a process that is started, removed with all that it made.

    In version 2 it is below the topmost group, where systemd gives out every controller; elsewhere
    below the group of this process, whose limits go on to hold.

    Args:
        name: of the group.

    Yields:
        What the process's command line begins with: it joins the group before it becomes it.
    """
    lines = [line.split(":", 2) for line in OWN.read_text("ascii").splitlines()]
    places = {names: path.lstrip("/") if names else "" for _, names, path in lines}
    groups = [
        mount / places[names] / name
        for names, mount in hierarchies().items()
        if names not in _CLOSED
    ]
    join = "".join(f'echo $$ >"{group}/cgroup.procs" && ' for group in groups)
    try:
        for group in groups:
            group.mkdir()
        yield ["sh", "-c", f'{join} exec "$@"', "sh"]
    finally:
        for group in groups:
            _remove(group)


def _remove(group: Path) -> None:
    """Removes a group and those below it; one that a process is in stays, and is an error."""
    for folder, _, _ in os.walk(group, topdown=False):
        Path(folder).rmdir()
