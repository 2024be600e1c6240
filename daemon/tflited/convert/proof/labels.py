"""Reads the labels of evaluation files and checks them against what the model answers.

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
from tflited.convert.data import array_files
from tflited.convert.data.sample_set import Column, Samples
from tflited.convert.proof.accuracy import ERRORS, RANKED, TWO_CLASSES
from tflited.domain.policy import Metric
from tflited.errors import ConversionError

KEY: Final = "y"
"""Key of the labels in an ``.npz`` file."""
_MATRIX: Final = 2
_EXAMPLES: Final = 8
"""Classes that are listed in a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The raw labels, one array for each file, in the order of the samples' files.

    Attributes:
        subjects: file and key, for messages.
        arrays: the labels; the first axis counts rows.
        classes: names of the classes 0, 1, ...; empty where the labels are numbers.
    """

    subjects: tuple[str, ...]
    arrays: tuple[Array, ...]
    classes: tuple[str, ...] = ()


def read(files: Sequence[str], found: Samples) -> Labels:
    """Reads the labels that go with samples.

    Args:
        files: the files the samples came from.
        found: the samples; they tell how many labels there must be, and may bring their own.

    Raises:
        ConversionError: a file has no labels, another number of them, or no finite numbers.
    """
    if found.labels is not None:
        return _brought(found.labels())
    subjects = tuple(f"{Path(file).name}: {KEY}" for file in files)
    arrays = tuple(
        _read(file, subject, _rows(found, index))
        for index, (file, subject) in enumerate(zip(files, subjects, strict=True))
    )
    return Labels(subjects=subjects, arrays=arrays)


def _brought(column: Column) -> Labels:
    return Labels(subjects=(column.subject,), arrays=(column.values,), classes=column.classes)


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
    _check_classes(metric, labels, width)
    checked = [
        _values(subject, array, shape) if metric in ERRORS else _classes(subject, array, width)
        for subject, array in zip(labels.subjects, labels.arrays, strict=True)
    ]
    chosen = [_of_sample(checked[file], found, place) for file, place in found.indices]
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


def _check_classes(metric: Metric, labels: Labels, width: int) -> None:
    """A class without a file has no folder, and every class behind it another number."""
    count = max(width, TWO_CLASSES)
    if metric in ERRORS or not labels.classes or len(labels.classes) == count:
        return
    raise ConversionError(
        f"{labels.subjects[0]}: {len(labels.classes)} classes "
        f"({', '.join(labels.classes[:_EXAMPLES])}); allowed: {count}, as the output has.",
        hint="make a folder with files for each class, or list all of them in preprocess.classes "
        "in the order of the output",
        code="data",
    )


def _read(file: str, subject: str, rows: range) -> Array:
    keys = array_files.keys(Path(file))
    if KEY not in keys:
        raise _wrong(Path(file).name, f"holds {', '.join(keys)}", f"labels as {KEY!r} too")
    array = array_files.array(Path(file), KEY)
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
    return range(found.counts[file] * found.rows, (found.counts[file] + 1) * found.rows)


def _of_sample(labels: Array, found: Samples, place: int) -> Array:
    return np.asarray(labels[place * found.rows : (place + 1) * found.rows])


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
        hint="correct the labels of evaluation.data; the outputs are listed in the report",
        code="data",
    )
