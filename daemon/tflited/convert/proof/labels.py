"""Reads the labels ``y`` of evaluation files and checks them against what the model answers.

Everything that cannot be a label of this model is refused here by file and key: a wrong label
looks like a bad model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Final

import numpy as np

from tflited.convert.arrays import Array
from tflited.convert.data.samples import Samples
from tflited.convert.proof.accuracy import ERRORS, RANKED, TWO_CLASSES
from tflited.domain.policy import Metric
from tflited.errors import ConversionError

KEY: Final = "y"
"""Key of the labels in an ``.npz`` file."""
_MATRIX: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The raw labels, one array for each file, in the order of the samples' files.

    Attributes:
        subjects: file and key, for messages.
        arrays: the labels; the first axis counts rows.
    """

    subjects: tuple[str, ...]
    arrays: tuple[Array, ...]


def read(files: Sequence[str], found: Samples) -> Labels:
    """Reads the labels that go with samples.

    Args:
        files: the ``.npz`` files the samples came from.
        found: the samples; their inputs tell how many labels there must be.

    Raises:
        ConversionError: a file has no labels, another number of them, or no finite numbers.
    """
    subjects = tuple(f"{Path(file).name}: {KEY}" for file in files)
    arrays = tuple(
        _read(file, subject, _rows(found, index))
        for index, (file, subject) in enumerate(zip(files, subjects, strict=True))
    )
    return Labels(subjects=subjects, arrays=arrays)


def targets(metric: Metric, labels: Labels, found: Samples, shape: tuple[int, ...]) -> Array:
    """The labels of the samples in the form that ``accuracy.rows`` takes.

    Args:
        metric: what they are for.
        labels: of every file.
        found: the samples, in whose order the labels are given.
        shape: of the judged output, without the batch.

    Returns:
        Class numbers ``[n]`` for classifiers, values ``[n, *shape]`` for errors.

    Raises:
        ConversionError: a label is no answer that this output could give.
    """
    width = prod(shape)
    _check_output(metric, shape, width)
    checked = [
        _values(subject, array, shape) if metric in ERRORS else _classes(subject, array, width)
        for subject, array in zip(labels.subjects, labels.arrays, strict=True)
    ]
    chosen = [_of_sample(checked[file], found, file, place) for file, place in found.indices]
    made = np.concatenate(chosen)
    if metric is Metric.AUC and len(np.unique(made)) < TWO_CLASSES:
        raise _wrong(labels.subjects[0], f"only the class {made[0]}", "samples of both 0 and 1")
    return made


def _check_output(metric: Metric, shape: tuple[int, ...], width: int) -> None:
    if metric in ERRORS:
        return
    is_flat = width == max(shape, default=1)
    if metric is Metric.AUC:
        fits, allowed = is_flat and width <= TWO_CLASSES, "[n, 1] or [n, 2]"
    else:
        least = RANKED[metric] + 1 if RANKED[metric] > 1 else 1
        fits, allowed = is_flat and width >= least, f"[n, classes] with at least {least}"
    if not fits:
        listed = ", ".join(["n", *map(str, shape)])
        raise ConversionError(
            f"{metric} was asked of an output of shape [{listed}]; allowed: {allowed}.",
            hint="name another evaluation.output or evaluation.metric in the policy",
            code="data",
        )


def _read(file: str, subject: str, rows: range) -> Array:
    try:
        with np.load(file, allow_pickle=False) as archive:
            keys = list(archive.files)
            array = np.asarray(archive[KEY]) if KEY in keys else None
    except (OSError, ValueError, EOFError, TypeError, AttributeError, LookupError) as error:
        raise _wrong(subject, f"cannot be read: {error}", "an array of numbers") from error
    if array is None:
        raise _wrong(Path(file).name, f"holds {', '.join(keys)}", f"labels as {KEY!r} too")
    if array.ndim == 0 or len(array) not in rows:
        count = len(array) if array.ndim else 1
        raise _wrong(subject, f"{count} labels", f"{rows.start}, one for each sample")
    if array.dtype.kind not in "biuf":
        raise _wrong(subject, f"element type {array.dtype}", "numbers")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise _wrong(subject, f"{bad} of {array.size} values are NaN or infinite", "finite values")
    return array


def _rows(found: Samples, file: int) -> range:
    """How many labels a file may hold; samples of a fixed batch leave a rest of rows over."""
    count, batch = _counts(found, file)
    return range(count * batch, (count + 1) * batch)


def _counts(found: Samples, file: int) -> tuple[int, int]:
    """How many samples of a file there are, and of how many rows each consists."""
    array = next(iter(found.batches[file].values()))
    return len(array), array.shape[1] if array.ndim > 1 else 1


def _of_sample(labels: Array, found: Samples, file: int, place: int) -> Array:
    _, batch = _counts(found, file)
    return np.asarray(labels[place * batch : (place + 1) * batch])


def _values(subject: str, array: Array, shape: tuple[int, ...]) -> Array:
    if array.shape[1:] != shape and not (array.ndim == 1 and prod(shape) == 1):
        listed = ", ".join(["n", *map(str, shape)])
        raise _wrong(subject, f"shape {list(array.shape)}", f"[{listed}], as the output")
    return array.astype(np.float64).reshape(len(array), *shape)


def _classes(subject: str, array: Array, width: int) -> Array:
    """Class numbers from class numbers or one-hot rows."""
    count = max(width, TWO_CLASSES)
    if array.ndim == _MATRIX and array.shape[1] > 1:
        return _from_one_hot(subject, array, count)
    if array.size != len(array):
        allowed = f"[n] class numbers or [n, {count}] one-hot rows"
        raise _wrong(subject, f"shape {list(array.shape)}", allowed)
    numbers = array.reshape(len(array))
    if not np.array_equal(numbers, np.round(numbers.astype(np.float64))):
        example = numbers[numbers != np.round(numbers)][0]
        raise _wrong(subject, f"{example:g} among the classes", "whole class numbers")
    classes = numbers.astype(np.int64)
    if classes.min() < 0 or classes.max() >= count:
        observed = f"classes from {classes.min()} to {classes.max()}"
        raise _wrong(subject, observed, f"0 to {count - 1}, as the output has them")
    return classes


def _from_one_hot(subject: str, array: Array, count: int) -> Array:
    if array.shape[1] != count:
        raise _wrong(subject, f"one-hot rows of {array.shape[1]}", f"{count}, as the output has")
    is_one_hot = (np.isin(array, (0, 1)).all(axis=1)) & (array.sum(axis=1) == 1)
    if not is_one_hot.all():
        bad = int((~is_one_hot).sum())
        raise _wrong(subject, f"{bad} rows that are not one-hot", "one 1 in each row, else 0")
    return np.asarray(array.argmax(axis=1))


def _wrong(subject: str, observed: str, allowed: str) -> ConversionError:
    return ConversionError(
        f"{subject}: {observed}; allowed: {allowed}.",
        hint=f"correct the labels {KEY} of evaluation.data; the outputs are listed in the report",
        code="data",
    )
