"""Owns a cgroup (version 2) for each child, where systemd delegated a tree to the service.

With ``Delegate=memory`` and ``DelegateSubgroup=supervisor`` the daemon lives in a leaf, and makes
others beside it. Nothing is moved but children; where anything is missing there is no cgroup, and
the poll of ``usage.py`` stands alone. Read from the kernel's admin-guide/cgroup-v2.rst.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MOUNT: Final = Path("/sys/fs/cgroup")
OWN: Final = Path("/proc/self/cgroup")
_VERSION_2: Final = "0::/"
_BESIDE: Final = {"memory.swap.max": "0", "memory.oom.group": "1"}


@dataclass(frozen=True, slots=True)
class Cgroup:
    """The group of one child.

    Attributes:
        folder: in the cgroup file system.
    """

    folder: Path

    @property
    def has_killed(self) -> bool:
        """Whether the kernel ended the child for want of memory in this group."""
        with contextlib.suppress(OSError):
            lines = (self.folder / "memory.events").read_text("ascii").splitlines()
            return any(line.startswith("oom_kill ") and line != "oom_kill 0" for line in lines)
        return False

    def remove(self) -> None:
        """Removes the group, once its child is reaped."""
        with contextlib.suppress(OSError):
            self.folder.rmdir()


def delegated(*, mount: Path = MOUNT, own: Path = OWN) -> Path | None:
    """The folder in which groups for children may be made; None without a delegated tree.

    Args:
        mount: of the cgroup file system.
        own: tells this process's group.
    """
    with contextlib.suppress(OSError, StopIteration):
        lines = own.read_text("utf-8").splitlines()
        place = next(line for line in lines if line.startswith(_VERSION_2))
        above = (mount / place.removeprefix(_VERSION_2)).parent
        if above == mount.parent or not above.is_relative_to(mount):
            return None
        if "memory" not in (above / "cgroup.controllers").read_text("ascii").split():
            return None
        if not os.access(above / "cgroup.procs", os.W_OK) or not os.access(above, os.W_OK):
            return None
        if "memory" not in (above / "cgroup.subtree_control").read_text("ascii").split():
            _write(above / "cgroup.subtree_control", "+memory")
        return above
    return None


def caged(above: Path | None, pid: int, memory_bytes: int) -> Cgroup | None:
    """Puts a child into a group of its own.

    Args:
        above: what ``delegated`` gave.
        pid: the child.
        memory_bytes: of the policy; 0 for no limit.

    Returns:
        The group; None where there is none, or the kernel refused.
    """
    if above is None or not memory_bytes:
        return None
    made = Cgroup(above / f"attempt-{pid}")
    try:
        made.folder.mkdir(exist_ok=True)
        _write(made.folder / "memory.max", str(memory_bytes))
        for name, value in _BESIDE.items():
            with contextlib.suppress(FileNotFoundError):  # a kernel without swap accounting
                _write(made.folder / name, value)
        _write(made.folder / "cgroup.procs", str(pid))
    except OSError:
        made.remove()
        return None
    return made


def _write(file: Path, value: str) -> None:
    """Writes to a file of the kernel's, which is there or not; nothing of it lies on a disk."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, value.encode("ascii"))
    finally:
        os.close(descriptor)
