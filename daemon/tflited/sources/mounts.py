"""Which file system a folder lies on, and whether its changes can come from another machine.

inotify tells what this kernel did. What another machine writes to a network file system, or what a
FUSE server changes behind it, raises no event here.

Source: proc_pid_mountinfo(5).
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MOUNTINFO: Final = Path("/proc/self/mountinfo")
_REMOTE: Final = frozenset(
    {
        "9p",
        "acfs",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "davfs",
        "fuse",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "orangefs",
        "prl_fs",
        "smb3",
        "smbfs",
        "vboxsf",
        "virtiofs",
        "vmhgfs",
    }
)
_OCTAL: Final = re.compile(r"\\([0-7]{3})")
_LAYERS: Final = re.compile(r"(?:^|,)(?:lowerdir|upperdir)\+?=((?:\\.|[^,\\])*)")
_MOST_LAYERS: Final = 8


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of the mount table.

    Attributes:
        point: where it is mounted.
        kind: the file system's type.
        options: of its super block.
    """

    point: str
    kind: str
    options: str = ""


class MountTable:
    """The mounts of this process at one moment.

    Args:
        mounts: in the order of the mount table; a later one covers an earlier one.
    """

    def __init__(self, mounts: Iterable[Mount]) -> None:
        self._by_point = {mount.point: mount for mount in mounts}

    @classmethod
    def read(cls, path: Path = _MOUNTINFO) -> "MountTable":
        """The present mount table; an empty one where there is none."""
        try:
            lines = os.fsdecode(path.read_bytes()).splitlines()
        except OSError:
            return cls(())
        return cls(mount for line in lines if (mount := _parsed(line)) is not None)

    def of(self, path: Path) -> Mount | None:
        """The mount that a folder lies on."""
        real = os.path.realpath(path)
        while real not in self._by_point and real != "/":
            real = os.path.dirname(real)  # noqa: PTH120  # bytes of any encoding stay as they are
        return self._by_point.get(real)

    def remote_kind(self, path: Path, depth: int = 0) -> str:
        """Type of the file system of a folder where its changes may raise no event; "" elsewhere.

        An overlay is as remote as the most remote of its layers.
        """
        mount = self.of(path)
        if mount is None:
            return ""
        kind = mount.kind
        if kind in _REMOTE or kind.startswith("fuse."):
            return kind
        if kind == "overlay" and depth < _MOST_LAYERS:
            for layer in _layers(mount.options):
                if below := self.remote_kind(Path(layer), depth + 1):
                    return f"overlay on {below}"
        return ""


def _parsed(line: str) -> Mount | None:
    before, _, after = line.partition(" - ")
    head, tail = before.split(" "), after.split(" ")
    if len(head) < 6 or len(tail) < 3:  # noqa: PLR2004  # the fields that are always there
        return None
    return Mount(_plain(head[4]), tail[0], _plain(tail[2]))


def _plain(text: str) -> str:
    """Blanks and backslashes stand in octal."""
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)


def _layers(options: str) -> list[str]:
    found = [match.replace("\\:", "\0") for match in _LAYERS.findall(options)]
    layers = [layer.replace("\0", ":") for text in found for layer in text.split(":")]
    return [layer for layer in layers if layer.startswith("/")]
