"""Arrays in a flat file: they come back as they were, and wrong numbers are errors."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflited.convert.evidence.arrays_file import Stored, loading, storing
from tflited.errors import ConversionError

ARRAYS: tuple[Any, ...] = (
    np.arange(6, dtype=np.float32).reshape(2, 3),
    np.array(3, dtype=np.int64),
    np.zeros((0, 4), dtype=np.uint8),
    np.arange(8, dtype=np.int16)[::2],
    np.array([True, False]),
    np.array([[b"a", b"\xff\x00"]], dtype=object),
)


def test_arrays_come_back(tmp_path: Path) -> None:
    """In any order, of any type, also empty, without dimensions, or not contiguous."""
    path = tmp_path / "arrays"
    with path.open("xb") as file:
        stored = [storing(file)(array) for array in ARRAYS]
    for entry, array in reversed(list(zip(stored, ARRAYS, strict=True))):
        found = loading(path)(entry)
        assert (found.dtype, found.shape) == (array.dtype, array.shape)
        assert found.tolist() == array.tolist()


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": (3, 3)},
        {"shape": (-1, 3)},
        {"shape": (2**40, 2**40)},
        {"at": -1},
        {"at": 2**70},
        {"dtype": "no such type"},
        {"dtype": "object"},
        {"dtype": "O"},
        {"dtype": "object", "texts": ("zz",)},
    ],
)
def test_what_is_not_there_is_an_error(tmp_path: Path, changes: dict[str, object]) -> None:
    """The child that wrote it ran a model: a lie is a failure with a reason, and no object."""
    path = tmp_path / "arrays"
    with path.open("xb") as file:
        stored = storing(file)(ARRAYS[0])
    with pytest.raises(ConversionError, match="evidence"):
        loading(path)(replace(stored, **changes))  # type: ignore[arg-type]


def test_a_file_that_is_gone_is_an_error(tmp_path: Path) -> None:
    """Not a traceback."""
    with pytest.raises(ConversionError, match="evidence"):
        loading(tmp_path / "none")(Stored(dtype="int8", shape=(1,)))
