"""Reads TensorFlow's checkpoint index: where in the shards each tensor lies, and its checksum.

The index is a table of the LevelDB format (tensorflow/core/lib/io/table_format.txt) whose values
are ``BundleHeaderProto`` under the empty key and ``BundleEntryProto`` under every tensor's name
(tensorflow/core/protobuf/tensor_bundle.proto). Nothing is trusted: every length is bounded by the
file's.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_FOOTER_BYTES: Final = 48
_MAGIC: Final = bytes.fromhex("57fb808b247547db")
_TRAILER_BYTES: Final = 5
_MOST_SHARDS: Final = 100_000
_SLICES: Final = 7
"""``BundleEntryProto.slices``."""
_VARINT: Final = 0
_FIXED64: Final = 1
_BYTES: Final = 2
_FIXED32: Final = 5


class BundleError(ValueError):
    """The index is cut short or is no index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Where one tensor's bytes lie.

    Attributes:
        dtype: TensorFlow's number of the element type.
        elements: how many there are.
        shard: which data file.
        offset: of the first byte in it.
        size: bytes.
        checksum: masked CRC32C; None where the index has none.
        is_sliced: the tensor's bytes lie in slices, which have entries of their own.
    """

    dtype: int
    elements: int
    shard: int
    offset: int
    size: int
    checksum: int | None
    is_sliced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A checkpoint index.

    Attributes:
        shards: how many data files its header counts.
        is_little_endian: byte order of what the shards hold.
        entries: tensors and slices, in the order of their names.
    """

    shards: int
    is_little_endian: bool
    entries: tuple[Entry, ...]

    def least_sizes(self) -> dict[int, int]:
        """Bytes that each shard must have at least, by shard number."""
        sizes = dict.fromkeys(range(self.shards), 0)
        for entry in self.entries:
            sizes[entry.shard] = max(sizes.get(entry.shard, 0), entry.offset + entry.size)
        return sizes


def read_index(content: bytes) -> Index:
    """What a checkpoint index says.

    Args:
        content: of ``variables.index``.

    Raises:
        BundleError: the index is cut short or is no index.
    """
    if len(content) < _FOOTER_BYTES or content[-8:] != _MAGIC:
        raise BundleError("the end mark of a checkpoint index is missing")
    _, _, position = _handle(content, len(content) - _FOOTER_BYTES)
    offset, size, _ = _handle(content, position)
    header: dict[int, int | bytes] = {}
    entries: list[Entry] = []
    for _, handle in _entries(_block(content, offset, size)):
        block_offset, block_size, _ = _handle(handle, 0)
        for key, value in _entries(_block(content, block_offset, block_size)):
            if key:
                entries.append(_entry(value))
            else:
                header = dict(message_fields(value))
    return Index(
        shards=min(_number(header.get(1, 1)), _MOST_SHARDS),
        is_little_endian=_number(header.get(2, 0)) == 0,
        entries=tuple(entries),
    )


def _entry(value: bytes) -> Entry:
    fields = dict(message_fields(value))
    dtype, shard, offset, size = (_number(fields.get(number, 0)) for number in (1, 3, 4, 5))
    shape, checksum = fields.get(2, b""), fields.get(6)
    if not isinstance(shape, bytes) or not isinstance(checksum, bytes | None):
        raise BundleError("an entry of the checkpoint index has the wrong type")
    return Entry(
        dtype=dtype,
        elements=_elements(shape),
        shard=shard,
        offset=offset,
        size=size,
        checksum=None if checksum is None else int.from_bytes(checksum, "little"),
        is_sliced=_SLICES in fields,
    )


def _elements(shape: bytes) -> int:
    dimensions = (value for number, value in message_fields(shape) if number == 2)  # noqa: PLR2004  # TensorShapeProto.dim
    return math.prod(
        _number(dict(message_fields(value)).get(1, 0))
        for value in dimensions
        if isinstance(value, bytes)
    )


def _number(value: int | bytes) -> int:
    if isinstance(value, bytes):
        raise BundleError("an entry of the checkpoint index has the wrong type")
    return value


def _block(data: bytes, offset: int, size: int) -> bytes:
    end = offset + size + _TRAILER_BYTES
    if end > len(data):
        raise BundleError(f"a block ends at byte {end}, the index has {len(data)}")
    if data[offset + size] != 0:
        raise BundleError("a block of the checkpoint index is compressed")
    return data[offset : offset + size]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block; keys share a prefix with the one before."""
    if len(block) < 4:  # noqa: PLR2004  # the restart count at the end
        raise BundleError("a block of the checkpoint index is empty")
    (restarts,) = struct.unpack_from("<I", block, len(block) - 4)
    end = len(block) - 4 - 4 * restarts
    position, key = 0, b""
    while position < end:
        shared, position = varint(block, position)
        unshared, position = varint(block, position)
        length, position = varint(block, position)
        if shared > len(key) or position + unshared + length > end:
            raise BundleError("an entry of the checkpoint index runs past its block")
        key = key[:shared] + block[position : position + unshared]
        position += unshared
        yield key, block[position : position + length]
        position += length


def _handle(data: bytes, position: int) -> tuple[int, int, int]:
    offset, position = varint(data, position)
    size, position = varint(data, position)
    return offset, size, position


def varint(data: bytes, position: int) -> tuple[int, int]:
    """A number of variable length, and the position after it.

    Raises:
        BundleError: it is cut short.
    """
    value = shift = 0
    while position < len(data) and shift < 64:  # noqa: PLR2004  # a varint has at most 64 bits
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004  # the high bit says that more follows
            return value, position
        shift += 7
    raise BundleError("a number is cut short")


def message_fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Top-level fields of a protocol buffer message, by field number.

    Args:
        data: the serialised message.

    Yields:
        Field number and its value: an integer, or the bytes of a length-delimited field.

    Raises:
        BundleError: the message is cut short or is none.
    """
    position = 0
    while position < len(data):
        tag, position = varint(data, position)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise BundleError("a field has the number 0")
        if wire == _VARINT:
            value, position = varint(data, position)
            yield number, value
            continue
        if wire == _BYTES:
            length, position = varint(data, position)
        elif wire in {_FIXED32, _FIXED64}:
            length = 4 if wire == _FIXED32 else 8
        else:
            raise BundleError(f"a field has the wire type {wire}")
        if position + length > len(data):
            raise BundleError(
                f"field {number} ends at byte {position + length}, there are {len(data)}"
            )
        yield number, data[position : position + length]
        position += length
