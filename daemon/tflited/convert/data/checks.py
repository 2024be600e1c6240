"""What every kind of data is checked for, and the words that refuse it."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from tflited.convert.arrays import Array
from tflited.domain.figures import TensorSpec
from tflited.domain.preprocess import Preprocess
from tflited.errors import ConversionError

ONLY_INPUT: Final = "x"
"""Name of the input's values where the model has a single input."""
HINT: Final = "correct the data file; the model's inputs are listed in its report"


def wrong(subject: str, observed: str, allowed: str, *, hint: str = HINT) -> ConversionError:
    """The error of data that cannot be used.

    Args:
        subject: the file, and what in it.
        observed: what is there.
        allowed: what would be right.
        hint: the next step.
    """
    return ConversionError(f"{subject}: {observed}; allowed: {allowed}.", hint=hint, code="data")


def reason_of(error: Exception) -> str:
    """TensorFlow's or NumPy's own words without the place in TensorFlow that they came from."""
    text = str(getattr(error, "message", error)) or type(error).__name__
    return text.rpartition("}} ")[2].partition(" [Op:")[0].strip().rstrip(".")


@contextmanager
def readable(file: Path) -> Iterator[None]:
    """Reads a file in the block; that it cannot be is told by its name.

    Raises:
        ConversionError: the system refused.
    """
    try:
        yield
    except OSError as error:
        observed = f"cannot be read: {os.strerror(error.errno or 0)}"
        raise wrong(file.name, observed, "a readable file") from error


def size_of(file: Path, *, largest: int) -> int:
    """Bytes of a file that is about to be read.

    Raises:
        ConversionError: it is gone, empty, or larger than is read of its kind.
    """
    with readable(file):
        size = file.stat().st_size
    if not 0 < size <= largest:
        raise wrong(file.name, f"{size} bytes", f"1 to {largest} bytes")
    return size


def dtype_of(subject: str, spec: TensorSpec) -> np.dtype[Any]:
    """NumPy's element type of an input.

    Raises:
        ConversionError: the input is no number.
    """
    try:
        return np.dtype(spec.dtype)
    except TypeError as error:
        raise wrong(subject, f"the model takes {spec.dtype}", "a numeric input") from error


def check_finite(subject: str, array: Array) -> None:
    """Refuses what TensorFlow takes in silence.

    Raises:
        ConversionError: a value is NaN or infinite.
    """
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise wrong(subject, f"{bad} of {array.size} values are NaN or infinite", "finite values")


def check_channels(title: str, rules: Preprocess, channels: int) -> None:
    """Refuses means and deviations that do not go with the channels.

    Raises:
        ConversionError: there is neither one number nor one for each channel.
    """
    for key, numbers in (("mean", rules.mean), ("std", rules.std)):
        if len(numbers) not in {1, channels}:
            allowed = f"1, or {channels} as the channels of {title}"
            raise wrong(f"preprocess.{key}", f"{len(numbers)} numbers", allowed)


def prepared(values: Array, rules: Preprocess, dtype: np.dtype[Any]) -> Array:
    """Pixels or sound, scaled, in an input's type: rounded and limited where that is an integer.

    Args:
        values: with the channels last.
        rules: scale, mean and deviation.
        dtype: the input's.
    """
    made: Array = values.astype(np.float32) * np.float32(rules.scale)
    made = (made - np.array(rules.mean, np.float32)) / np.array(rules.std, np.float32)
    if dtype.kind not in "iu":
        return made.astype(dtype)
    limits = np.iinfo(dtype)
    # Limited as doubles: the nearest single of 2**31 - 1 lies outside of int32.
    return np.clip(np.rint(made.astype(np.float64)), limits.min, limits.max).astype(dtype)


def only_input(kind: str, inputs: Sequence[TensorSpec]) -> TensorSpec:
    """The input that files feed that hold one thing each.

    Raises:
        ConversionError: the model has another number of inputs.
    """
    if len(inputs) != 1:
        names = ", ".join(repr(spec.name) for spec in inputs)
        raise wrong(
            kind,
            f"the model has {len(inputs)} inputs ({names})",
            "a model with one input",
            hint="use .npz files with an array for each input, or TFRecord files",
        )
    return inputs[0]


def spread(count: int, limit: int) -> list[int]:
    """At most ``limit`` of ``count`` positions, evenly spread: files are often sorted by class."""
    if count <= limit:
        return list(range(count))
    return [int(place) for place in np.linspace(0, count - 1, max(limit, 1)).round()]


def rows_of(spec: TensorSpec) -> int:
    """How many rows of data one sample of a signature takes: its fixed batch, else 1."""
    return max(spec.shape[0], 1) if spec.shape else 1
