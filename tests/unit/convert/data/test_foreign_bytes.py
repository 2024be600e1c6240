"""Damage that nobody thought of: every file is read, or refused in the project's own words."""

import io
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import data_files
from tflited.convert.data import samples
from tflited.domain.figures import TensorSpec
from tflited.errors import ConversionError

IMAGE = TensorSpec(index=0, name="x", shape=(-1, 4, 4, 3), dtype="float32")
VECTOR = TensorSpec(index=0, name="x", shape=(-1, 8), dtype="float32")
NOISE = np.random.default_rng(4).integers(0, 256, (9, 9, 3))


def _saved(save: Callable[..., None]) -> bytes:
    stream = io.BytesIO()
    save(stream)
    return stream.getvalue()


@cache
def whole(ending: str) -> bytes:
    """A good file of a kind."""
    match ending:
        case "npz":
            return _saved(lambda stream: np.savez(stream, x=np.ones((3, 8), "f4")))
        case "npy":
            return _saved(lambda stream: np.save(stream, np.ones((3, 8), "f4")))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, f"a.{ending}")
        match ending:
            case "png":
                data_files.png(file, NOISE)
            case "jpg":
                data_files.jpeg(file, NOISE)
            case "bmp":
                data_files.bmp(file, NOISE)
            case "wav":
                data_files.wav(file, np.sin(np.arange(20)))
            case _:
                data_files.records(file, [{"x": [1.0] * 8}] * 3)
        return file.read_bytes()


@pytest.mark.filterwarnings("ignore:Reading .*additional header parsing")
@pytest.mark.parametrize("ending", ["npz", "npy", "png", "jpg", "bmp", "wav", "tfrecord"])
@settings(max_examples=60, deadline=None)
@given(
    edits=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=8)), max_size=4),
    kept=st.one_of(st.just(1.0), st.floats(0, 1)),
)
def test_a_damaged_file_is_read_or_refused(
    ending: str, edits: list[tuple[float, bytes]], kept: float
) -> None:
    """No other error than ours leaves a reader, whatever bytes are overwritten or cut off."""
    content = bytearray(whole(ending))
    for place, replacement in edits:
        start = int(place * len(content))
        content[start : start + len(replacement)] = replacement
    spec = IMAGE if ending in {"png", "jpg", "bmp"} else VECTOR
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, f"a.{ending}")
        file.write_bytes(content[: int(kept * len(content))])
        try:
            found = samples.read([str(file)], (spec,), limit=3)
        except ConversionError as error:
            assert "a." in error.message  # noqa: PT017 - success is right as well
        else:
            assert all(np.isfinite(found[n]["x"]).all() for n in range(len(found)))
