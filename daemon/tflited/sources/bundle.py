"""Reads TensorFlow's checkpoint index to learn how large each data shard must be.

The index is a table of the LevelDB format (tensorflow/core/lib/io/table_format.txt) whose values
are ``BundleHeaderProto`` under the empty key and ``BundleEntryProto`` under every tensor's name
(tensorflow/core/protobuf/tensor_bundle.proto). Only sizes are read here; tensorflow checks the
checksums when it restores. Nothing is trusted: every length is bounded by the file's.
"""

import struct
from collections.abc import Iterator
from typing import Final

_FOOTER_BYTES: Final = 48
_MAGIC: Final = bytes.fromhex("57fb808b247547db")
_TRAILER_BYTES: Final = 5
_VARINT: Final = 0
_FIXED64: Final = 1
_BYTES: Final = 2
_FIXED32: Final = 5


class BundleError(ValueError):
    """The index is cut short or is no index."""


def shard_sizes(index: bytes) -> dict[int, int]:
    """Least size of each data shard that an index asks for.

    Args:
        index: content of ``variables.index``.

    Returns:
        Shard number to bytes; every shard the header counts has an entry.

    Raises:
        BundleError: the index is cut short or is no index.
    """
    if len(index) < _FOOTER_BYTES or index[-8:] != _MAGIC:
        raise BundleError("the end mark of a checkpoint index is missing")
    _, _, position = _handle(index, len(index) - _FOOTER_BYTES)
    offset, size, _ = _handle(index, position)
    sizes: dict[int, int] = {}
    for _, handle in _entries(_block(index, offset, size)):
        block_offset, block_size, _ = _handle(handle, 0)
        for key, value in _entries(_block(index, block_offset, block_size)):
            _take(key, value, sizes)
    return sizes


def _take(key: bytes, value: bytes, sizes: dict[int, int]) -> None:
    fields = dict(message_fields(value))
    if not key:
        for shard in range(min(_number(fields.get(1, 1)), 100_000)):
            sizes.setdefault(shard, 0)
        return
    shard, start, length = (_number(fields.get(number, 0)) for number in (3, 4, 5))
    sizes[shard] = max(sizes.get(shard, 0), start + length)


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
        shared, position = _varint(block, position)
        unshared, position = _varint(block, position)
        length, position = _varint(block, position)
        if shared > len(key) or position + unshared + length > end:
            raise BundleError("an entry of the checkpoint index runs past its block")
        key = key[:shared] + block[position : position + unshared]
        position += unshared
        yield key, block[position : position + length]
        position += length


def _handle(data: bytes, position: int) -> tuple[int, int, int]:
    offset, position = _varint(data, position)
    size, position = _varint(data, position)
    return offset, size, position


def _varint(data: bytes, position: int) -> tuple[int, int]:
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
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise BundleError("a field has the number 0")
        if wire == _VARINT:
            value, position = _varint(data, position)
            yield number, value
            continue
        if wire == _BYTES:
            length, position = _varint(data, position)
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
