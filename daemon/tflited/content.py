"""The bytes of files: digests, and copies that are proven to be what was digested.

Any adapter may use it; who keeps digests for later is the caller's own matter.
"""

import errno
import fcntl
import hashlib
import os
from collections.abc import Iterable
from io import BufferedWriter, RawIOBase
from pathlib import Path
from typing import Final

from tflited.domain.build_key import combine
from tflited.domain.model import Digest

_CHUNK_BYTES: Final = 1 << 20
_FICLONE: Final = 0x40049409
"""``_IOW(0x94, 9, int)`` of linux/fs.h; Python has a name for it from 3.14 on."""
_CANNOT_CLONE: Final = frozenset(
    {
        errno.EBADF,  # an overlay over file systems that differ
        errno.EINVAL,
        errno.ENOSYS,
        errno.ENOTTY,
        errno.EOPNOTSUPP,
        errno.EPERM,
        errno.ETXTBSY,
        errno.EXDEV,
    }
)
"""What says that these two files cannot share blocks; anything else is a failure to write."""


def combine_files(files: Iterable[tuple[str, Digest]]) -> Digest:
    """One digest of several files, from their names and digests in the given order."""
    return combine(*(part for name, digest in files for part in (name, digest)))


def file_digest(path: Path) -> Digest:
    """SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return Digest(digest.hexdigest())


def copy_with_digest(source: Path, destination: Path) -> Digest:
    """Copies a regular file and digests exactly the bytes of the copy.

    Where the file system can, the copy shares the source's blocks (``FICLONE``, ioctl_ficlone(2)):
    a snapshot at one moment, which no later write to the source reaches.

    Args:
        source: read without following a symbolic link at its end.
        destination: a new file, left read-only; not synced, since a copy can be made again.
    """
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as reading, destination.open("xb") as writing:
        if _clone(reading.fileno(), writing.fileno()):
            digest = file_digest(destination)
        else:
            digest = _copied(reading, writing)
    destination.chmod(0o444)
    return digest


def _clone(reading: int, writing: int) -> bool:
    try:
        fcntl.ioctl(writing, _FICLONE, reading)
    except OSError as error:
        if error.errno in _CANNOT_CLONE:
            return False
        raise
    return True


def _copied(reading: RawIOBase, writing: BufferedWriter) -> Digest:
    digest = hashlib.sha256()
    while chunk := reading.read(_CHUNK_BYTES):
        digest.update(chunk)
        writing.write(chunk)
    return Digest(digest.hexdigest())
