"""Reads TFRecord files: where each record lies, and one record with its checksums proven.

The format stands in tensorflow/core/lib/io/record_writer.h: a length of 8 bytes, its checksum, the
record, its checksum. TensorFlow's reader takes memory for any length whose checksum holds, so the
lengths are first held against the file's size here.
"""

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import tensorflow as tf
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # no stubs
from tensorflow.python.lib.io import tf_record

from tflited.convert.data.checks import readable, reason_of, wrong

LARGEST_RECORD: Final = 64 * 2**20
MOST_RECORDS: Final = 2_000_000
"""Of one set; finding them all takes about a microsecond each."""
_HEAD: Final = 12
_TAIL: Final = 4
_DAMAGED: Final = (tf.errors.OpError, DecodeError, IndexError, OSError, ValueError)
_WHOLE: Final = "whole records (a file of tf.io.TFRecordWriter, without compression)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a record lies; ``number`` counts from 0 in its file."""

    file: Path
    number: int
    offset: int

    @property
    def subject(self) -> str:
        """File and number, for messages."""
        return f"{self.file.name}: record {self.number}"


def places(file: Path, *, most: int = MOST_RECORDS) -> list[Place]:
    """Where every record of a file lies; only lengths are read.

    Args:
        file: an uncompressed TFRecord file; an empty one has no record.
        most: how many records are allowed.

    Raises:
        ConversionError: the file ends inside a record, or has too many.
    """
    found: list[Place] = []
    offset = 0
    with readable(file), file.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        while offset < size:
            place = Place(file=file, number=len(found), offset=offset)
            stream.seek(offset)
            offset += _HEAD + _length(place, stream.read(8), size - offset) + _TAIL
            found.append(place)
            if len(found) > most:
                raise wrong(file.name, f"more than {most} records", f"at most {most} in a set")
    return found


def example(place: Place) -> tf.train.Example:
    """One record, its checksums proven.

    Raises:
        ConversionError: it is damaged, or no ``tf.train.Example``.
    """
    try:
        reader = tf_record.tf_record_random_reader(str(place.file))
        try:
            content, _ = reader.read(place.offset)
        finally:
            reader.close()
        return tf.train.Example.FromString(content)
    except _DAMAGED as error:
        raise wrong(place.subject, f"is damaged: {reason_of(error)}", _WHOLE) from error


def _length(place: Place, head: bytes, remaining: int) -> int:
    length = struct.unpack("<Q", head)[0] if len(head) == 8 else remaining  # noqa: PLR2004 - bytes
    if length > remaining - _HEAD - _TAIL:
        raise wrong(place.subject, f"claims {length} bytes, {remaining} are left", _WHOLE)
    if length > LARGEST_RECORD:
        raise wrong(place.subject, f"{length} bytes", f"at most {LARGEST_RECORD}")
    return int(length)
