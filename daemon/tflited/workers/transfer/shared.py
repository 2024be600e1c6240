"""A path that daemon and worker both see: believed only as far as the digests of what is read."""

import errno
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tflited.content import copy_with_digest
from tflited.workers.transfer.offer import FileEntry, Item

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


def copy_shared(item: Item, target: Path) -> bool:
    """Copies an item from the daemon's own path where this machine has the same content there.

    The copy is digested while it is made, so neither another host's file of that name nor a change
    meanwhile gets through; on a file system that shares blocks it costs none.

    Args:
        item: what was offered.
        target: a new file or folder; not there afterwards where the answer is False.

    Raises:
        OSError: there is no room for it.
    """
    seen = Path(item.seen_at)
    if not item.seen_at or not _looks_same(item, seen):
        return False
    try:
        if all(_is_copied(item, seen, target)):
            return True
    except OSError as error:
        if error.errno in NO_ROOM:
            raise
    remove(target)
    return False


def make_folders(item: Item, target: Path) -> None:
    """Makes every folder of an item, where it is one."""
    if item.is_folder:
        target.mkdir()
    parents = (str(Path(file.path).parent) for file in item.files if item.is_folder)
    for below in sorted({*item.folders, *parents}):
        (target / below).mkdir(parents=True, exist_ok=True)


def remove(target: Path) -> None:
    """Removes what is there of a copy."""
    if target.is_dir():
        shutil.rmtree(target, ignore_errors=True)
    else:
        target.unlink(missing_ok=True)


def _looks_same(item: Item, seen: Path) -> bool:
    """Whether every file is there with its size; reads none."""
    try:
        found = [(place_of(item, seen, file).lstat(), file.size_bytes) for file in item.files]
    except (OSError, ValueError):
        return False
    return all(stat.S_ISREG(status.st_mode) and status.st_size == size for status, size in found)


def _is_copied(item: Item, seen: Path, target: Path) -> Iterator[bool]:
    """Copies file after file, and says of each whether it is the one that was offered."""
    make_folders(item, target)
    for file in item.files:
        yield (
            copy_with_digest(place_of(item, seen, file), place_of(item, target, file))
            == file.sha256
        )


def place_of(item: Item, top: Path, file: FileEntry) -> Path:
    """Where a file of an item is, if the item is at ``top``."""
    return top / file.path if item.is_folder else top
