"""Reads one directory: what lies in it, sorted by name; opens no file and walks nowhere.

A symbolic link is left out with the reason, unless links are followed: then it stands for what it
leads to, as long as that lies inside an allowed folder.
"""

import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Final

from tflited.domain.model import FileIdentity

_BY_NAME: Final = attrgetter("name")


def identity_of(status: os.stat_result) -> FileIdentity:
    """The identity in a stat result."""
    return FileIdentity(
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    )


@dataclass(slots=True)
class Listing:
    """One directory's entries, each kind sorted by name.

    Attributes:
        files: regular files.
        directories: directories.
        links: symbolic links that were left out, with the reason.
        followed: names in ``files`` and ``directories`` that are links.
    """

    files: dict[str, os.stat_result] = field(default_factory=dict)
    directories: dict[str, os.stat_result] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    followed: set[str] = field(default_factory=set)


def ignore() -> None:
    """Is told nothing."""


class Lister:
    """Lists directories under one rule on links.

    Args:
        allowed: real folders that links may lead into; None where links are not followed.
        progress: called for every directory and every entry, each of which is a system call that
            may hang.
    """

    def __init__(
        self, allowed: Iterable[Path] | None = None, progress: Callable[[], None] = ignore
    ) -> None:
        self._allowed = None if allowed is None else tuple(map(os.path.realpath, allowed))
        self._progress = progress

    @property
    def follows(self) -> bool:
        """Whether links are followed at all."""
        return self._allowed is not None

    def read(self, path: str, is_wanted: Callable[[str], bool] | None = None) -> Listing:
        """The entries of a directory; pipes, sockets and devices are left out.

        Args:
            path: the directory.
            is_wanted: of a name; None for all of them.

        Raises:
            OSError: it cannot be read.
        """
        listing = Listing()
        self._progress()
        with os.scandir(path) as entries:
            found = [entry for entry in entries if is_wanted is None or is_wanted(entry.name)]
        found.sort(key=_BY_NAME)
        for entry in found:
            self._progress()
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # gone since the listing; the next look decides
            self._sort_in(entry.name, entry.path, status, listing)
        return listing

    def read_some(self, path: str, names: Iterable[str]) -> Listing:
        """Those of some names that are in a directory: far cheaper than ``read`` in a large one."""
        listing = Listing()
        for name in names:
            self._progress()
            entry = f"{path}/{name}"
            try:
                status = os.lstat(entry)
            except OSError:
                continue
            self._sort_in(name, entry, status, listing)
        return listing

    def _sort_in(self, name: str, path: str, status: os.stat_result, listing: Listing) -> None:
        if stat.S_ISREG(status.st_mode):
            listing.files[name] = status
        elif stat.S_ISDIR(status.st_mode):
            listing.directories[name] = status
        elif stat.S_ISLNK(status.st_mode):
            self._link(name, path, listing)

    def _link(self, name: str, path: str, listing: Listing) -> None:
        if self._allowed is None:
            listing.links[name] = "a symbolic link; links are not followed"
            return
        target = os.path.realpath(path)
        if not any(target == base or target.startswith(f"{base}/") for base in self._allowed):
            listing.links[name] = f"a symbolic link to {target}, outside every root"
            return
        try:
            status = os.lstat(target)
        except OSError as error:
            listing.links[name] = f"a symbolic link to {target}: {os.strerror(error.errno or 0)}"
            return
        if not stat.S_ISLNK(status.st_mode):  # realpath leaves a link that leads in a circle
            listing.followed.add(name)
            self._sort_in(name, path, status, listing)
