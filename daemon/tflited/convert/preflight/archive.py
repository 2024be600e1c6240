"""Looks at a ``.keras`` archive: what its members are called, and what they would become."""

import io
import os
import shutil
import stat
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from tflited.convert.faults.foreign import explained
from tflited.convert.preflight.hdf5 import look_at_hdf5
from tflited.domain.archive import UNREADABLE
from tflited.domain.limits import Limits, most_unpacked_bytes
from tflited.errors import ConversionError

CODE: Final = "refused_archive"
MOST_MEMBERS: Final = 10_000
_HEADER_BYTES: Final = 30
_HINT: Final = "save it again with model.save()"


def look_at_archive(path: Path, limits: Limits, scratch: Path) -> int:
    """Looks at an archive and at the weights in it.

    Args:
        path: the archive.
        limits: ``archive_bytes`` bounds what it may become.
        scratch: takes the weights for the time of the look where they are compressed.

    Returns:
        Bytes of the weights.

    Raises:
        ConversionError: a member leads out, it is a bomb, or its weights are refused.
    """
    with explained(f"Reading {path.name}", scratch=str(path)):
        try:
            archive = zipfile.ZipFile(path)
        except UNREADABLE as error:
            raise ConversionError(
                f"{path.name} is no Keras archive: {error}.", hint=_HINT, code="not_keras"
            ) from error
    with archive:
        _look_at_members(archive, path.name)
        _look_at_size(archive, path, limits)
        weights = [entry for entry in archive.infolist() if entry.filename.endswith(".h5")]
        for entry in weights:
            with _opened(archive, path, entry, scratch) as file:
                look_at_hdf5(file, f"{entry.filename} in {path.name}")
    return sum(entry.file_size for entry in weights)


def _look_at_members(archive: zipfile.ZipFile, name: str) -> None:
    names = archive.namelist()
    if len(names) > MOST_MEMBERS:
        raise _refused(f"{name} has {len(names)} members, allowed {MOST_MEMBERS}")
    if len(set(names)) != len(names):
        twice = next(entry for entry in names if names.count(entry) > 1)
        raise _refused(f"{name} has the member {twice!r} twice: readers would differ")
    for entry in archive.infolist():
        path = PurePosixPath(entry.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in entry.filename:
            raise _refused(f"{name} has a member that leads out of it: {entry.filename!r}")
        if entry.header_offset < 0:  # zipfile reckons it from the end, and seeks there
            raise _refused(f"{name} has a member that begins before it: {entry.filename!r}")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise _refused(f"{name} has a member that is no file: {entry.filename!r}")


def _look_at_size(archive: zipfile.ZipFile, path: Path, limits: Limits) -> None:
    # A reader takes no more of a member than is declared, so that the declared sizes are a bound.
    total, packed = sum(entry.file_size for entry in archive.infolist()), path.stat().st_size
    allowed = most_unpacked_bytes(packed, limits.archive_bytes)
    if total > allowed:
        raise ConversionError(
            f"{path.name} would become too large: observed {total} bytes out of {packed}, allowed "
            f"{allowed}.",
            hint=f"{_HINT}, which compresses nothing, or raise limits.archive_bytes in the policy",
            code=CODE,
        )


@contextmanager
def _opened(
    archive: zipfile.ZipFile, path: Path, entry: zipfile.ZipInfo, scratch: Path
) -> Iterator[IO[bytes]]:
    """A member that can be read to and fro, as HDF5 does: in its place, or as a copy."""
    if entry.compress_type == zipfile.ZIP_STORED:
        with path.open("rb") as stream:
            yield io.BufferedReader(_Part(stream, _begin(stream, entry), entry.file_size))
        return
    with tempfile.TemporaryFile(dir=scratch) as copy:
        try:
            with archive.open(entry) as member:
                shutil.copyfileobj(member, copy)
        except UNREADABLE as error:
            raise _refused(
                f"{entry.filename} in {path.name} cannot be unpacked: {error}"
            ) from error
        yield copy


def _begin(stream: IO[bytes], entry: zipfile.ZipInfo) -> int:
    """Where a member's bytes begin: behind its own header (APPNOTE.TXT, section 4.3.7)."""
    stream.seek(entry.header_offset)
    header = stream.read(_HEADER_BYTES).ljust(_HEADER_BYTES, b"\0")
    name, extra = struct.unpack_from("<HH", header, 26)
    return int(entry.header_offset + _HEADER_BYTES + name + extra)


class _Part(io.RawIOBase):
    """A part of a file as a file; ``zipfile`` reads from the start again for each step back."""

    def __init__(self, stream: IO[bytes], begin: int, size: int) -> None:
        self._stream, self._begin, self._size, self._at = stream, begin, size, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves to a place in the part."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Reads what fits, and nothing beyond the part."""
        wanted = max(min(len(buffer), self._size - self._at), 0)
        part = os.pread(self._stream.fileno(), wanted, self._begin + self._at)
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)


def _refused(what: str) -> ConversionError:
    return ConversionError(f"{what}.", hint=_HINT, code=CODE)
