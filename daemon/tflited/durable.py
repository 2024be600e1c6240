"""The one way to write a file that must survive: temporary, write, fsync, rename, fsync directory.

Every other write path is banned by lint. A reader sees the old content or the new, never a part.
The order is that of the PostgreSQL and LevelDB write paths: data before name, name before its
directory (see Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014).
"""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from tflited.errors import StorageFailedError, StoragePausedError

_PAUSING: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
_TEMPORARY: Final = (".tflited-", ".tmp")


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turns the operating system's storage errors into the two that the engine knows.

    Args:
        path: what was being written, for the message.

    Raises:
        StoragePausedError: no space, over quota, or read-only file system.
        StorageFailedError: an input/output error; nothing written since may be trusted.
    """
    try:
        yield
    except OSError as error:
        reason = f"{os.strerror(error.errno or 0)} on {path}"
        if error.errno in _PAUSING:
            raise StoragePausedError(
                f"Cannot write: {reason}.", hint="free space there; work resumes by itself"
            ) from error
        if error.errno == errno.EIO:
            raise StorageFailedError(
                f"Writing failed: {reason}.", hint="check the device, then start the daemon again"
            ) from error
        raise


def write(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Writes a whole file so that it survives a power cut, replacing what was there.

    Args:
        path: the file; its directory exists.
        content: all of its bytes.
        mode: permission bits of the new file.

    Raises:
        StoragePausedError: no space, over quota, or read-only file system.
        StorageFailedError: an input/output error.
    """
    # No process id: in a container it is the same after a crash, and the leftover would block.
    temporary = path.with_name(f"{_TEMPORARY[0]}{secrets.token_hex(8)}{_TEMPORARY[1]}")
    with storage_errors(path):
        try:
            write_new(temporary, content, mode=mode)
            temporary.rename(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_directory(path.parent)


def write_new(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Writes and syncs a file below a name that no reader looks at yet.

    Args:
        path: the new file; it must not exist.
        content: all of its bytes.
        mode: permission bits of the new file, whatever the umask.
    """
    with new_file(path, mode=mode) as stream:
        stream.write(content)


@contextmanager
def new_file(path: Path, *, mode: int = 0o644) -> Iterator[BinaryIO]:
    """Opens a file below a name that no reader looks at yet, and syncs it at the block's end.

    Args:
        path: the new file; it must not exist.
        mode: permission bits of the new file, whatever the umask.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, mode)
    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(stream.fileno(), mode)
        yield stream
        stream.flush()
        os.fsync(stream.fileno())


def move(source: Path, target: Path) -> None:
    """Gives a synced file its name, on the same file system, so that it survives a power cut."""
    source.rename(target)
    sync_directory(target.parent)


def sync_directory(path: Path) -> None:
    """Makes the names inside a directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Removes what interrupted calls of ``write`` left in a folder that nobody writes now."""
    begin, end = _TEMPORARY
    for left in folder.glob(f"{begin}*{end}"):
        left.unlink(missing_ok=True)
