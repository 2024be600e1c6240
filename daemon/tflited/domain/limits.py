"""What one attempt may use. A limit decides whether there is a set, never which bytes it has."""

from dataclasses import dataclass, fields
from typing import Final

GIB: Final = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of a policy; 0 means none. No part of the build key.

    Attributes:
        wall_seconds: from the request to the child's end; ``attempt_timeout_seconds`` of the main
            file holds beside it.
        cpu_seconds: processor time of all threads of the child together.
        memory_bytes: resident memory of the child and what it started, shared pages included.
        scratch_bytes: what the child's folder may take on disk; no single file may be larger.
        output_bytes: the files of the set together.
        model_files: files of the model.
        model_bytes: the model's files together.
        archive_bytes: what a ``.keras`` archive may become when it is unpacked.
    """

    wall_seconds: float = 0.0
    cpu_seconds: int = 7200
    memory_bytes: int = 8 * GIB
    scratch_bytes: int = 16 * GIB
    output_bytes: int = 8 * GIB
    model_files: int = 10_000
    model_bytes: int = 16 * GIB
    archive_bytes: int = 8 * GIB


LIMIT_NAMES: Final = tuple(entry.name for entry in fields(Limits))

LARGEST_RATIO: Final = 100
"""Keras stores without compression; above this, what is unpacked is next to nothing but zeros."""
SMALL_BYTES: Final = 64 * 2**20
"""What any archive may become, whatever the ratio."""


def most_unpacked_bytes(packed_bytes: int, archive_bytes: int = 0) -> int:
    """What an archive may become.

    Args:
        packed_bytes: its size.
        archive_bytes: the policy's limit; 0 for none.
    """
    allowed = max(SMALL_BYTES, LARGEST_RATIO * packed_bytes)
    return min(allowed, archive_bytes) if archive_bytes else allowed
