"""The atomic swap of directories: Linux's ``renameat2`` with its two flags (rename(2))."""

import ctypes
import errno
import os
import secrets
import tempfile
from pathlib import Path
from typing import Final

from tflited import durable

_NOREPLACE: Final = 1
_EXCHANGE: Final = 2
_AT_FDCWD: Final = -100
_LIBC: Final = ctypes.CDLL(None, use_errno=True)

UNSUPPORTED: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})
"""What file systems without these flags answer, such as NFS and some of FUSE."""


def place(new: Path, target: Path) -> bool:
    """Puts a directory in its place, durably, taking out what was there in the same instant.

    Args:
        new: a complete, synced directory on the target's file system.
        target: its place; the parent exists.

    Returns:
        Whether something was there; it stands at ``new`` now.

    Raises:
        OSError: the rename was refused, or syncing failed.
    """
    try:
        _renameat2(new, target, _NOREPLACE)
        was_there = False
    except FileExistsError:
        _renameat2(new, target, _EXCHANGE)
        was_there = True
    durable.sync_directory(target.parent)
    durable.sync_directory(new.parent)
    return was_there


def move(old: Path, new: Path) -> None:
    """Renames to a free name, durably.

    Raises:
        FileExistsError: the name is taken.
        OSError: the rename was refused, or syncing failed.
    """
    try:
        _renameat2(old, new, _NOREPLACE)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        if os.path.lexists(new):  # only strangers could come between
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(new)) from error
        old.rename(new)
    durable.sync_directory(new.parent)
    durable.sync_directory(old.parent)


def link(text: str, place: Path, folder: Path) -> None:
    """Makes a place a symbolic link, durably, in one step whether or not it was one before.

    Args:
        text: what the link says.
        place: free, or a link.
        folder: where the link is made, on the same file system.

    Raises:
        OSError: the file system has no links, or syncing failed.
    """
    new = folder / f"link.{secrets.token_hex(8)}"
    new.symlink_to(text)
    try:
        new.rename(place)
    except OSError:
        new.unlink()
        raise
    durable.sync_directory(place.parent)


def unlink(place: Path) -> None:
    """Takes a link away, durably.

    Raises:
        OSError: it cannot be removed.
    """
    place.unlink()
    durable.sync_directory(place.parent)


def can_exchange(directory: Path) -> bool:
    """Tries an exchange on a directory's file system.

    Raises:
        OSError: the trial could not be made.
    """
    with tempfile.TemporaryDirectory(dir=directory, prefix="probe.") as folder:
        first, second = Path(folder, "1"), Path(folder, "2")
        first.mkdir()
        second.mkdir()
        try:
            _renameat2(first, second, _EXCHANGE)
        except OSError as error:
            if error.errno in UNSUPPORTED:
                return False
            raise
    return True


def can_link(directory: Path) -> bool:
    """Tries to replace a symbolic link by another on a directory's file system.

    Raises:
        OSError: the trial could not be made.
    """
    with tempfile.TemporaryDirectory(dir=directory, prefix="probe.") as folder:
        try:
            for text in ("1", "2"):
                link(text, Path(folder, "link"), Path(folder))
        except OSError as error:
            if error.errno in UNSUPPORTED | {errno.EPERM}:  # what FAT says
                return False
            raise
    return True


def _renameat2(old: Path, new: Path, flags: int) -> None:
    """Calls the C library's ``renameat2``.

    Raises:
        OSError: with the call's errno; ENOSYS where the C library lacks it.
    """
    call = getattr(_LIBC, "renameat2", None)
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(old), None, str(new))
    if call(_AT_FDCWD, os.fsencode(old), _AT_FDCWD, os.fsencode(new), ctypes.c_uint(flags)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(old), None, str(new))
