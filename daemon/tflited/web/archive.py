"""Writes files one after the other as a zip archive whose length is known before its first byte.

``zipfile`` can stream too, but then puts each checksum behind its file, which programs that unpack
from a pipe refuse for files that are not compressed. Here nothing is compressed, what is small
enough stays below the limits of zip64, and equal files give equal archives. The format is that of
PKWARE's APPNOTE.TXT, version 6.3.10.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_FITS: Final = 0xFFFFFFFF
"""The largest value of a 32-bit field says: look into the zip64 field (4.4.1.4)."""
_PLAIN, _ZIP64 = 20, 45
_UTF8: Final = 1 << 11
_DATE: Final = (0, 0x21)
"""1 January 1980: an archive has no time, so that the same set is the same bytes."""
_MADE_BY_UNIX: Final = 3 << 8
_MODE: Final = 0o100644 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file of an archive.

    Attributes:
        name: with ``/`` between folders.
        size_bytes: of the content.
        crc: CRC-32 of the content.
    """

    name: str
    size_bytes: int
    crc: int


def length(members: Sequence[Member]) -> int:
    """How many bytes the archive of these files has."""
    headers = sum(len(_local(member)) + member.size_bytes for member in members)
    return headers + len(_end(members))


def archive(members: Sequence[Member], contents: Iterable[Iterable[bytes]]) -> Iterator[bytes]:
    """The archive, part by part.

    Args:
        members: at most 65534, in order.
        contents: the bytes of each.
    """
    for member, content in zip(members, contents, strict=True):
        yield _local(member)
        yield from content
    yield _end(members)


def _local(member: Member) -> bytes:
    """The header before a file (4.3.7)."""
    name, is_large = _name(member), member.size_bytes >= _FITS
    extra = struct.pack("<HHQQ", 1, 16, member.size_bytes, member.size_bytes) if is_large else b""
    size = _FITS if is_large else member.size_bytes
    fixed = struct.pack(
        "<4sHHHHHLLLHH",
        b"PK\x03\x04",
        _ZIP64 if is_large else _PLAIN,
        _UTF8,
        0,
        *_DATE,
        member.crc,
        size,
        size,
        len(name),
        len(extra),
    )
    return fixed + name + extra


def _end(members: Sequence[Member]) -> bytes:
    """The directory of all files and what ends the archive (4.3.12 to 4.3.16)."""
    entries, offset = [], 0
    for member in members:
        entries.append(_entry(member, offset))
        offset += len(_local(member)) + member.size_bytes
    directory, count = b"".join(entries), len(members)
    tail = b""
    if offset >= _FITS:
        record = struct.pack(
            "<4sQHHLLQQQQ", b"PK\x06\x06", 44, _MADE_BY_UNIX | _ZIP64, _ZIP64, 0, 0,
            count, count, len(directory), offset,
        )  # fmt: skip
        tail = record + struct.pack("<4sLQL", b"PK\x06\x07", 0, offset + len(directory), 1)
    at = min(offset, _FITS)
    end = struct.pack(
        "<4sHHHHLLH", b"PK\x05\x06", 0, 0, count, count, len(directory), at, 0
    )  # fmt: skip
    return directory + tail + end


def _entry(member: Member, offset: int) -> bytes:
    """A file's line in the directory (4.3.12)."""
    name, is_large, is_far = _name(member), member.size_bytes >= _FITS, offset >= _FITS
    wide = [member.size_bytes] * (2 * is_large) + [offset] * is_far
    extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    size, version = (_FITS, _ZIP64) if is_large else (member.size_bytes, _PLAIN)
    fixed = struct.pack(
        "<4sHHHHHHLLLHHHHHLL",
        b"PK\x01\x02",
        _MADE_BY_UNIX | _ZIP64,
        _ZIP64 if wide else version,
        _UTF8,
        0,
        *_DATE,
        member.crc,
        size,
        size,
        len(name),
        len(extra),
        0,
        0,
        0,
        _MODE,
        min(offset, _FITS),
    )
    return fixed + name + extra


def _name(member: Member) -> bytes:
    """Its name; a backslash or a colon leads elsewhere in some programs."""
    name = "".join("_" if sign in "\\:" or not sign.isprintable() else sign for sign in member.name)
    return name.encode()
