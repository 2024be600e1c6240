"""The checkpoint index: sizes of shards are read, damage is told, nothing runs past the end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_trees import block, checkpoint_index, field, masked_checksum, varint
from tflited.sources.bundle import BundleError, message_fields, read_index

INDEX = checkpoint_index({b"dense/bias": (0, 0, 40), b"dense/kernel": (0, 40, 4000)})


def test_a_shard_must_hold_its_last_tensor() -> None:
    """The least size of a shard is the end of the tensor that ends last."""
    assert read_index(INDEX).least_sizes() == {0: 4040}


def test_every_shard_of_the_header_is_asked_for() -> None:
    """A shard without tensors must still be there."""
    index = checkpoint_index({b"a": (0, 0, 8), b"b": (2, 8, 8)}, shards=3)
    assert read_index(index).least_sizes() == {0: 8, 1: 0, 2: 16}


def test_an_index_without_variables() -> None:
    """A model without variables has one empty shard."""
    assert read_index(checkpoint_index({})).least_sizes() == {0: 0}


def test_an_entry_has_its_place_and_checksum() -> None:
    """Where a tensor lies and what its bytes must be."""
    (entry,) = read_index(checkpoint_index({b"a": (0, 60, 40)})).entries
    assert (entry.shard, entry.offset, entry.size, entry.is_sliced) == (0, 60, 40, False)
    assert entry.checksum == masked_checksum(bytes(40))


@given(cut=st.integers(min_value=0, max_value=len(INDEX) - 1))
def test_every_truncation_is_seen(cut: int) -> None:
    """No prefix of an index passes for an index."""
    with pytest.raises(BundleError):
        read_index(INDEX[:cut])


@given(noise=st.binary(max_size=200))
def test_bytes_before_an_end_mark_never_crash(noise: bytes) -> None:
    """Whatever a hostile index says, the answer is sizes or a BundleError."""
    try:
        sizes = read_index(noise + INDEX[-48:]).least_sizes()
    except BundleError:
        return
    assert all(size >= 0 for size in sizes.values())


@given(position=st.integers(min_value=0, max_value=len(INDEX) - 9), value=st.integers(0, 255))
def test_a_changed_byte_never_crashes(position: int, value: int) -> None:
    """One flipped byte anywhere gives sizes or a BundleError, no other error."""
    damaged = INDEX[:position] + bytes([value]) + INDEX[position + 1 :]
    try:
        read_index(damaged)
    except BundleError as error:
        assert str(error)  # noqa: PT017 - either outcome is right, another error is not


def test_a_compressed_block_is_told() -> None:
    """TensorFlow writes no compressed index; one that says so is not guessed at."""
    data = block({b"": field(1, 1)}, compression=1)
    top = block({b"z": varint(0) + varint(len(data) - 5)})
    footer = varint(0) + varint(0) + varint(len(data)) + varint(len(top) - 5)
    index = data + top + footer.ljust(40, b"\0") + INDEX[-8:]
    with pytest.raises(BundleError, match="compressed"):
        read_index(index)


def test_fields_of_a_message() -> None:
    """Numbers and byte fields come in the order of the message."""
    message = field(1, 300) + field(2, b"abc") + varint(3 << 3 | 5) + b"1234"
    assert list(message_fields(message)) == [(1, 300), (2, b"abc"), (3, b"1234")]


@pytest.mark.parametrize(
    "message",
    [
        field(2, b"abcdef")[:-1],
        b"\x80",
        b"\x08\x80",
        b"\x00\x01",
        varint(1 << 3 | 3),
        varint(1 << 3 | 1) + b"1234567",
    ],
    ids=["field", "tag", "number", "zero", "group", "fixed64"],
)
def test_a_message_cut_short_is_told(message: bytes) -> None:
    """A graph that lost its end, or is something else, is no graph."""
    with pytest.raises(BundleError):
        list(message_fields(message))
