"""Checks a checkpoint's bytes against the checksums of its index; interprets nothing.

The rules are those of TensorFlow's writer (tensorflow/core/util/tensor_bundle/tensor_bundle.cc):
CRC32C over a tensor's bytes, for strings over their lengths first, and a mask on top.
"""

import struct
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import google_crc32c

from tflited.sources.bundle import BundleError, Entry, Index, varint

_CHUNK_BYTES: Final = 1 << 20
_STRING: Final = 7
_SPECIAL: Final = frozenset({20, 21})
"""Resources and variants: what their checksum covers is no plain run of bytes."""
_MASK: Final = 0xA282EAD8
_LARGEST_STRINGS: Final = 64 << 20
"""Strings are checked in memory; larger tensors of them are left to tensorflow."""
_WORD: Final = 2**32


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of a check.

    Attributes:
        wrong: the data file with wrong bytes and where in it, or empty.
        unchecked: tensors that the rules known here do not cover.
    """

    wrong: str = ""
    unchecked: int = 0


def check_tensors(index: Index, shards: Mapping[int, Path]) -> Checked:
    """Reads every tensor once, a little at a time, and stops at the first wrong one.

    Args:
        index: says where tensors lie.
        shards: a file for every shard that an entry names.
    """
    by_shard: defaultdict[int, list[Entry]] = defaultdict(list)
    for entry in index.entries:
        if not entry.is_sliced:
            by_shard[entry.shard].append(entry)
    unchecked = 0
    for shard, entries in sorted(by_shard.items()):
        entries.sort(key=lambda entry: entry.offset)
        checked = _check_shard(shards[shard], entries, is_little=index.is_little_endian)
        if checked.wrong:
            return checked
        unchecked += checked.unchecked
    return Checked(unchecked=unchecked)


def _check_shard(path: Path, entries: Sequence[Entry], *, is_little: bool) -> Checked:
    unchecked = 0
    with path.open("rb", buffering=_CHUNK_BYTES) as stream:
        for entry in entries:
            observed = _checksum(stream, entry) if is_little else None
            if observed is None or entry.checksum is None:
                unchecked += 1
            elif observed != entry.checksum:
                end = entry.offset + entry.size
                return Checked(wrong=f"bytes {entry.offset} to {end} of {path}")
    return Checked(unchecked=unchecked)


def _checksum(stream: BinaryIO, entry: Entry) -> int | None:
    """The masked checksum of the bytes that are there; None without a rule for them."""
    if entry.dtype in _SPECIAL or (entry.dtype == _STRING and entry.size > _LARGEST_STRINGS):
        return None
    stream.seek(entry.offset)
    if entry.dtype == _STRING:
        return _masked(_of_strings(stream.read(entry.size), entry.elements))
    checksum, left = 0, entry.size
    while left and (chunk := stream.read(min(left, _CHUNK_BYTES))):
        checksum = google_crc32c.extend(checksum, chunk)
        left -= len(chunk)
    return _masked(checksum)


def _of_strings(content: bytes, elements: int) -> int:
    """Lengths as varints, their masked checksum, the strings: as in ``WriteStringTensor``."""
    checksum = position = 0
    try:
        for _ in range(elements):
            length, position = varint(content, position)
            checksum = google_crc32c.extend(
                checksum, struct.pack("<I" if length < _WORD else "<Q", length)
            )
    except BundleError:
        return -1  # no checksum of any bytes: what is there is no list of strings
    checksum = google_crc32c.extend(checksum, struct.pack("<I", _masked(checksum)))
    return int(google_crc32c.extend(checksum, content[position + 4 :]))


def _masked(checksum: int) -> int:
    """LevelDB's mask: the checksum of data that hold checksums would be weak (crc32c.h)."""
    return ((checksum >> 15 | checksum << 17) + _MASK) % _WORD
