"""Checksums of tensors: right ones pass, wrong ones are told, unknown ones are counted."""

import struct
from dataclasses import replace
from pathlib import Path

import google_crc32c
import pytest

from model_trees import masked_checksum, varint
from tflited.sources.bundle import Entry, Index
from tflited.sources.tensors import check_tensors

FLOAT, STRING, VARIANT = 1, 7, 21


def entry(content: bytes, *, offset: int = 0, dtype: int = FLOAT, elements: int = 1) -> Entry:
    return Entry(
        dtype=dtype,
        elements=elements,
        shard=0,
        offset=offset,
        size=len(content),
        checksum=masked_checksum(content),
        is_sliced=False,
    )


def index(*entries: Entry, is_little_endian: bool = True) -> Index:
    return Index(shards=1, is_little_endian=is_little_endian, entries=entries)


def strings(*values: bytes) -> tuple[bytes, int]:
    """A tensor of strings as TensorFlow's writer lays it out, and its checksum."""
    lengths = b"".join(struct.pack("<I", len(value)) for value in values)
    mark = struct.pack("<I", masked_checksum(lengths))
    joined = b"".join(values)
    content = b"".join(varint(len(value)) for value in values) + mark + joined
    return content, masked_checksum(lengths + mark + joined)


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    return tmp_path / "variables.data-00000-of-00001"


def test_right_bytes_pass_and_a_flipped_bit_does_not(shard: Path) -> None:
    """The second of two tensors is damaged in its last byte."""
    one, two = bytes(range(200)), bytes(reversed(range(256))) * 9000
    found = index(entry(one), entry(two, offset=200))
    shard.write_bytes(one + two)
    assert not check_tensors(found, {0: shard}).wrong
    shard.write_bytes(one + two[:-1] + bytes([two[-1] ^ 1]))
    assert f"bytes 200 to {200 + len(two)}" in check_tensors(found, {0: shard}).wrong


def test_a_preallocated_shard_is_wrong(shard: Path) -> None:
    """It has its size and holds zeros."""
    shard.write_bytes(bytes(500))
    assert check_tensors(index(entry(b"x" * 500)), {0: shard}).wrong


def test_strings_have_a_rule_of_their_own(shard: Path) -> None:
    """Lengths, their checksum, then the strings."""
    content, checksum = strings(b"one", b"", b"a longer one" * 30)
    found = index(replace(entry(content, dtype=STRING, elements=3), checksum=checksum))
    shard.write_bytes(content)
    assert not check_tensors(found, {0: shard}).wrong
    shard.write_bytes(content[:-1] + b"?")
    assert check_tensors(found, {0: shard}).wrong
    shard.write_bytes(b"\xff" * len(content))
    assert check_tensors(found, {0: shard}).wrong


@pytest.mark.parametrize(
    "unknown",
    [
        index(entry(b"x", dtype=VARIANT)),
        index(replace(entry(b"x"), checksum=None)),
        index(entry(b"x"), is_little_endian=False),
    ],
)
def test_what_has_no_known_rule_is_counted_not_refused(shard: Path, unknown: Index) -> None:
    """Nothing is claimed of it."""
    shard.write_bytes(b"?")
    assert (
        check_tensors(unknown, {0: shard}).wrong,
        check_tensors(unknown, {0: shard}).unchecked,
    ) == ("", 1)


def test_a_sliced_tensor_is_checked_by_its_slices(shard: Path) -> None:
    """Its own entry has no bytes."""
    shard.write_bytes(b"x")
    whole = replace(entry(b""), is_sliced=True, checksum=google_crc32c.value(b"nothing"))
    checked = check_tensors(index(whole, entry(b"x")), {0: shard})
    assert (checked.wrong, checked.unchecked) == ("", 0)
