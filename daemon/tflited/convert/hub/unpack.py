"""Unpacks a module's archive, which is hostile: its own loop over tar headers, with limits.

Python's tarfile ends silently where a header is cut or damaged, and reads extended headers of any
length into memory; only its parser of a single header is used.
"""

import gzip
import tarfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from tflited import durable
from tflited.domain.hub import HubLimits
from tflited.errors import HubError

BLOCK_BYTES: Final = 512
_CHUNK_BYTES: Final = 1 << 20
_LARGEST_HEADER_BYTES: Final = 1 << 16
"""Of a name or a set of pax records; a path has 4096 bytes."""
_GZIP: Final = b"\x1f\x8b"
_FILES: Final = frozenset({tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE})
_WORDS: Final = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
}
_HINT: Final = "pack the SavedModel's folder with: tar -C FOLDER -czf MODULE.tar.gz ."


class Readable(Protocol):
    """What an archive is read from."""

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes; none at the end."""
        ...


class Bounded:
    """A stream that refuses to give more than so many bytes.

    Args:
        stream: read from.
        most_bytes: allowed in all.
        key: the limit's name in the configuration.
    """

    def __init__(self, stream: Readable, most_bytes: int, key: str) -> None:
        self._stream = stream
        self._most = most_bytes
        self._key = key
        self.count = 0

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes.

        Raises:
            HubError: the limit is passed.
        """
        content = self._stream.read(_CHUNK_BYTES if size < 0 else min(size, _CHUNK_BYTES))
        self.count += len(content)
        if self.count > self._most:
            raise HubError(
                f"The module is too large: {self._key} allows {self._most} bytes, it has more.",
                hint=f"raise {self._key} in the [hub] table if you trust the server",
            )
        return content


@dataclass(slots=True, kw_only=True)
class _Unpacking:
    """One archive on its way into one folder."""

    tar: Bounded
    folder: Path
    most_files: int
    made: set[tuple[str, ...]] = field(default_factory=set)
    name: str = ""

    def run(self) -> None:
        while True:
            block = self._exactly(BLOCK_BYTES)
            if not any(block):
                return  # one block of zeros suffices, as for GNU tar
            self._member(tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape"))

    def _member(self, member: tarfile.TarInfo) -> None:
        if member.size < 0:
            raise _refused(f"{member.name!r} has a negative size")
        if member.type in {tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}:
            text = self._small(member).partition(b"\0")[0].decode("utf-8", "surrogateescape")
            self.name = text if member.type == tarfile.GNUTYPE_LONGNAME else self.name
            return
        if member.type in {tarfile.XHDTYPE, tarfile.XGLTYPE}:
            records = _pax(self._small(member))
            if member.type == tarfile.XHDTYPE:
                self.name = records.get("path", self.name)
            return
        name, self.name = self.name or member.name, ""
        parts = _parts(name)
        if member.type == tarfile.DIRTYPE:
            self._folder(parts)
        elif member.type in _FILES and parts:
            self._file(parts, member.size)
        else:
            raise _refused(f"{name!r} is {_WORDS.get(member.type, 'of an unknown kind')}")

    def _folder(self, parts: tuple[str, ...]) -> None:
        for end in range(1, len(parts) + 1):
            if parts[:end] not in self.made:
                self._count(parts[:end])
                self.folder.joinpath(*parts[:end]).mkdir(mode=0o755)

    def _file(self, parts: tuple[str, ...], size: int) -> None:
        self._folder(parts[:-1])
        if parts in self.made:
            raise _refused(f"{'/'.join(parts)!r} stands in it twice")
        self._count(parts)
        with durable.new_file(self.folder.joinpath(*parts)) as target:
            left = size
            while left:
                content = self._exactly(min(left, _CHUNK_BYTES))
                target.write(content)
                left -= len(content)
        self._exactly(-size % BLOCK_BYTES)

    def _count(self, parts: tuple[str, ...]) -> None:
        self.made.add(parts)
        if len(self.made) > self.most_files:
            raise HubError(
                f"The module has more than {self.most_files} files and folders.",
                hint="raise most_files in the [hub] table if you trust the server",
            )

    def _small(self, member: tarfile.TarInfo) -> bytes:
        if member.size > _LARGEST_HEADER_BYTES:
            raise _refused(f"an extended header has {member.size} bytes")
        content = self._exactly(member.size)
        self._exactly(-member.size % BLOCK_BYTES)
        return content

    def _exactly(self, size: int) -> bytes:
        content = b""
        while len(content) < size:
            part = self.tar.read(size - len(content))
            if not part:
                raise _refused("it is cut short")
            content += part
        return content


def unpack(stream: Readable, folder: Path, limits: HubLimits) -> None:
    """Unpacks a tar archive, gzipped or not, and syncs what it writes.

    Args:
        stream: the archive.
        folder: an empty one.
        limits: counted on what is really read and written, never taken from headers.

    Raises:
        HubError: not such an archive, more than the limits allow, or something in it that a module
            does not have: an absolute path, ``..``, a link, a device.
    """
    try:
        tar = Bounded(_plain(stream), limits.largest_unpacked_bytes, "largest_unpacked_bytes")
        _Unpacking(tar=tar, folder=folder, most_files=limits.most_files).run()
        while tar.read():
            pass  # to the end: gzip's checksum stands there
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise _refused(f"it is no tar archive, or damaged or cut short: {error}") from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise _refused("a file stands where a folder should") from error
    except OSError as error:
        raise HubError(
            f"Unpacking the module failed: {error.strerror or error}.",
            hint="free space in the cache folder, or shorten names in the archive",
            is_transient=True,
        ) from error
    _sync(folder)


class _Joined:
    """Bytes that were read ahead, and the stream that they came from."""

    def __init__(self, head: bytes, stream: Readable) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes."""
        if self._head:
            size = len(self._head) if size < 0 else size
            part, self._head = self._head[:size], self._head[size:]
            return part
        return self._stream.read(_CHUNK_BYTES if size < 0 else size)


def _plain(stream: Readable) -> Readable:
    head = stream.read(len(_GZIP))
    while 0 < len(head) < len(_GZIP) and (more := stream.read(len(_GZIP) - len(head))):
        head += more
    joined = _Joined(head, stream)
    if head != _GZIP:
        return joined
    opened: BinaryIO = gzip.GzipFile(fileobj=joined, mode="rb")  # type: ignore[call-overload]  # reads only
    return opened


def _parts(name: str) -> tuple[str, ...]:
    """The components of a name that stays inside; none for the folder itself."""
    parts = name.split("/")
    if not name.isprintable():
        raise _refused(f"{name!r} has characters that no file name needs")
    if name.startswith("/") or ".." in parts:
        raise _refused(f"{name!r} leads out of the module")
    return tuple(part for part in parts if part not in {"", "."})


def _pax(content: bytes) -> dict[str, str]:
    """The records of an extended header (POSIX.1-2001, pax interchange format)."""
    records: dict[str, str] = {}
    while content and content[0]:
        length_text, _, rest = content.partition(b" ")
        length = int(length_text)
        record = rest[: length - len(length_text) - 1]
        key, is_there, value = record.partition(b"=")
        if length <= len(length_text) + 1 or not is_there or not value.endswith(b"\n"):
            raise _refused("an extended header is damaged")
        name = key.decode("utf-8", "surrogateescape")
        if name in {"size", "linkpath"} or name.startswith("GNU.sparse."):
            raise _refused(f"an extended header sets {name!r}")
        records[name] = value[:-1].decode("utf-8", "surrogateescape")
        content = content[length:]
    return records


def _refused(reason: str) -> HubError:
    return HubError(f"The module's archive is refused: {reason}.", hint=_HINT)


def _sync(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            durable.sync_directory(path)
    durable.sync_directory(folder)
