"""Trees of models on disk, and checkpoint indexes written by hand after the format's text.

The format is LevelDB's table (tensorflow/core/lib/io/table_format.txt).
"""

import struct
from collections.abc import Mapping
from pathlib import Path

import farmhash
import google_crc32c

MAGIC = bytes.fromhex("57fb808b247547db")


def varint(value: int) -> bytes:
    """A number as protocol buffers and LevelDB write it."""
    encoded = b""
    while value >= 0x80:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return encoded + bytes([value])


def field(number: int, value: int | bytes) -> bytes:
    """One field of a protocol buffer message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def block(entries: Mapping[bytes, bytes], *, compression: int = 0) -> bytes:
    """A block of a LevelDB table, with its trailer; keys share their prefix with the one before."""
    body, before = b"", b""
    for key, value in entries.items():
        shared = 0
        while shared < min(len(key), len(before)) and key[shared] == before[shared]:
            shared += 1
        body += varint(shared) + varint(len(key) - shared) + varint(len(value))
        body += key[shared:] + value
        before = key
    return body + struct.pack("<II", 0, 1) + bytes([compression]) + bytes(4)


def masked_checksum(content: bytes) -> int:
    """CRC32C with LevelDB's mask."""
    checksum: int = google_crc32c.value(content)
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) % 2**32


def fingerprint(folder: Path) -> bytes:
    """A ``fingerprint.pb`` that belongs to a folder's index."""
    index = (folder / "variables" / "variables.index").read_bytes()
    return field(5, farmhash.Fingerprint64(index))


def checkpoint_index(
    tensors: Mapping[bytes, tuple[int, int, int]],
    *,
    shards: int = 1,
    contents: Mapping[bytes, bytes] | None = None,
) -> bytes:
    """A ``variables.index`` with (shard, offset, size) of every tensor; zeros without contents."""
    entries = {b"": field(1, shards)}
    for name, (shard, offset, size) in sorted(tensors.items()):
        entries[name] = field(1, 1) + field(3, shard) + field(4, offset) + field(5, size)
        entries[name] += varint(6 << 3 | 5) + struct.pack(
            "<I", masked_checksum((contents or {}).get(name, bytes(size)))
        )
    data = block(entries)
    top = block({b"z": varint(0) + varint(len(data) - 5)})
    footer = varint(0) + varint(0) + varint(len(data)) + varint(len(top) - 5)
    return data + top + footer.ljust(40, b"\0") + MAGIC


def write(path: Path, content: bytes = b"x") -> Path:
    """A file with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def saved_model(folder: Path, *, data_bytes: int = 100) -> Path:
    """A directory that passes admission: a graph, an index and the shard that it asks for."""
    write(folder / "saved_model.pb", field(1, 1) + field(2, field(2, b"graph")))
    write(folder / "variables" / "variables.index", checkpoint_index({b"dense": (0, 60, 40)}))
    write(folder / "variables" / "variables.data-00000-of-00001", bytes(data_bytes))
    return folder
