"""Says which kernel limit keeps a folder from being watched, its value, and the value needed."""

import errno
import os
import resource
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tflited.sources.names import is_hidden_directory

LIMIT_ERRORS: Final = frozenset({errno.ENOSPC, errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""What inotify answers when it gives no more."""

_WATCHES: Final = ("fs.inotify.max_user_watches", "user.max_inotify_watches")
_INSTANCES: Final = ("fs.inotify.max_user_instances", "user.max_inotify_instances")
_LEAF_LINKS: Final = 2
"""Its name and its own ``.``: where ``..`` entries count as links, it has no directory in it.

Other file systems say 1. One that said 2 for what has directories would leave them without a
watch, and the audit of every whole scan would find that.
"""
_SYSCTLS: Final = Path("/proc/sys")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """What is missing.

    Attributes:
        sysctl: the setting that is in the way.
        allowed: its value now.
        needed: the least value that would do, as far as can be seen now.
        directories: how many are not watched.
    """

    sysctl: str
    allowed: int
    needed: int
    directories: int

    @property
    def hint(self) -> str:
        """The next step."""
        return (
            f"sysctl -w {self.sysctl}={self.needed} (now {self.allowed}); until then the folders"
            " that are not watched are scanned every few seconds"
        )


def shortage(root: Path, unwatched: Mapping[str, int]) -> Shortage:
    """Counts what is not watched; walks those folders.

    Args:
        root: the watched directory.
        unwatched: path below it to the error number that inotify answered.
    """
    directories = sum(_count(root / top) for top in unwatched)
    if errno.EMFILE in unwatched.values():
        sysctl, allowed = _tightest(_INSTANCES)
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if allowed > files:
            sysctl, allowed = "fs.nr_open and LimitNOFILE", files
        return Shortage(sysctl=sysctl, allowed=allowed, needed=allowed + 1, directories=directories)
    sysctl, allowed = _tightest(_WATCHES)
    # Who is refused has used up the limit, with every other program of the same user.
    needed = allowed + directories
    return Shortage(sysctl=sysctl, allowed=allowed, needed=needed, directories=directories)


def _tightest(names: Iterable[str]) -> tuple[str, int]:
    """Of the limits on one thing, the one that is reached first."""
    found = []
    for name in names:
        try:
            value = int((_SYSCTLS / name.replace(".", "/")).read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue
        found.append((value, name))
    value, name = min(found, key=lambda one: one[0], default=(0, next(iter(names))))
    return name, value


def _count(top: Path) -> int:
    """The directories at and below a path that would be watched."""
    found, pending = 0, [os.fspath(top)]
    while pending:
        directory = pending.pop()
        try:
            below = subdirectories(directory)
        except OSError:
            continue
        found += 1
        pending.extend(below)
    return found


def subdirectories(directory: str) -> list[str]:
    """The directories in one that can hold a part of a model; links are none.

    Raises:
        OSError: it cannot be read.
    """
    if os.stat(directory).st_nlink == _LEAF_LINKS:  # noqa: PTH116  # a Path for each costs more
        return []
    with os.scandir(directory) as entries:
        return [
            entry.path
            for entry in entries
            if entry.is_dir(follow_symlinks=False) and not is_hidden_directory(entry.name)
        ]
