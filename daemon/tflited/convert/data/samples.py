"""Reads input samples from ``.npz`` files and checks them before anything is fed with them.

TensorFlow accepts a wrong rank in silence and says nothing of NaN; everything is refused here, by
file name and key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from tflited.convert.arrays import Array
from tflited.domain.report import TensorSpec
from tflited.errors import ConversionError

ONLY_INPUT: Final = "x"
"""Key of the input's array where the model has a single input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Checked input samples of one signature.

    A sample has the shape of the input, with a batch dimension of 1 where that is dynamic.

    Attributes:
        batches: for each file, input name to an array of samples.
        indices: which samples are used: file and position.
    """

    batches: tuple[Mapping[str, Array], ...]
    indices: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        """How many samples there are."""
        return len(self.indices)

    def __getitem__(self, index: int) -> dict[str, Array]:
        """One sample, input name to array."""
        file, position = self.indices[index]
        return {name: array[position] for name, array in self.batches[file].items()}


def read(files: Sequence[str], inputs: Sequence[TensorSpec], *, limit: int) -> Samples:
    """Reads and checks samples.

    Args:
        files: absolute paths of ``.npz`` files: arrays by input name, or ``x`` for an only input;
            the first axis counts the samples.
        inputs: what the model takes; the first dimension of each is its batch.
        limit: at most this many samples are used, spread evenly over all.

    Raises:
        ConversionError: a file does not open, lacks an input, or holds values that do not fit.
    """
    batches = tuple(_batch(Path(file), inputs) for file in files)
    indices = tuple(
        (file, position)
        for file, batch in enumerate(batches)
        for position in range(len(next(iter(batch.values()))))
    )
    if not indices:
        raise _wrong("The data", "holds 0 samples", "at least 1")
    return Samples(batches=batches, indices=_spread(indices, limit))


def _spread(indices: tuple[tuple[int, int], ...], limit: int) -> tuple[tuple[int, int], ...]:
    if len(indices) <= limit:
        return indices
    chosen = np.linspace(0, len(indices) - 1, max(limit, 1)).round().astype(int)
    return tuple(indices[position] for position in chosen)


def _batch(file: Path, inputs: Sequence[TensorSpec]) -> dict[str, Array]:
    try:
        with np.load(file, allow_pickle=False) as archive:
            keys = {spec.name: _key(file, list(archive.files), spec, inputs) for spec in inputs}
            arrays = {name: np.asarray(archive[key]) for name, key in keys.items()}
    except (OSError, ValueError, EOFError, TypeError, AttributeError, LookupError) as error:
        # np.load gives an array, which is no context manager, for an .npy under another name.
        raise _wrong(file.name, f"cannot be read: {error}", "a NumPy .npz archive") from error
    checked = {
        spec.name: _checked(f"{file.name}: {keys[spec.name]}", arrays[spec.name], spec)
        for spec in inputs
    }
    counts = {name: len(array) for name, array in checked.items()}
    if len(set(counts.values())) > 1:
        raise _wrong(file.name, f"sample counts {counts}", "the same count for every input")
    return checked


def _key(file: Path, keys: list[str], spec: TensorSpec, inputs: Sequence[TensorSpec]) -> str:
    if spec.name in keys:
        return spec.name
    if len(inputs) == 1 and ONLY_INPUT in keys:
        return ONLY_INPUT
    names = ", ".join(repr(entry.name) for entry in inputs)
    allowed = f"{names} or {ONLY_INPUT!r}" if len(inputs) == 1 else names
    listed = ", ".join(map(repr, keys)) or "nothing"
    raise _wrong(file.name, f"holds {listed}, no array for input {spec.name!r}", allowed)


def _checked(subject: str, array: Array, spec: TensorSpec) -> Array:
    dtype = _dtype(subject, spec)
    wanted = spec.shape[1:]
    fits = array.ndim == max(len(spec.shape), 1) and all(
        want in {-1, have} for want, have in zip(wanted, array.shape[1:], strict=True)
    )
    if not fits:
        listed = ", ".join(["samples", *map(str, wanted)])
        raise _wrong(subject, f"shape {list(array.shape)}", f"[{listed}] (-1: any)")
    if not np.can_cast(array.dtype, dtype, casting="same_kind"):
        raise _wrong(subject, f"element type {array.dtype}", spec.dtype)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise _wrong(subject, f"{bad} of {array.size} values are NaN or infinite", "finite values")
    return _grouped(subject, array.astype(dtype), spec)


def _dtype(subject: str, spec: TensorSpec) -> np.dtype[Any]:
    try:
        return np.dtype(spec.dtype)
    except TypeError as error:
        raise _wrong(subject, f"the model takes {spec.dtype}", "a numeric input") from error


def _grouped(subject: str, array: Array, spec: TensorSpec) -> Array:
    """One entry for each sample: a fixed batch takes as many rows as it needs."""
    if not spec.shape:
        return array
    rows = max(spec.shape[0], 1)
    count = len(array) // rows
    if not count or array.size == 0:
        raise _wrong(
            subject, f"{len(array)} samples, shape {list(array.shape)}", f"at least {rows}"
        )
    return array[: count * rows].reshape(count, rows, *array.shape[1:])


def _wrong(subject: str, observed: str, allowed: str) -> ConversionError:
    return ConversionError(
        f"{subject}: {observed}; allowed: {allowed}.",
        hint="correct the data file; the model's inputs are listed in its report",
        code="data",
    )
