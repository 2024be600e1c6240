"""The samples of one signature, whatever files they come from: chosen first, made when asked for.

Every sample is made and checked once before any is used; what does not fit into memory is made
again when its turn comes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from tflited.convert.arrays import Array
from tflited.convert.data.checks import check_finite, rows_of, spread, wrong
from tflited.domain.figures import TensorSpec

KEPT_BYTES: Final = 256 * 2**20
"""Of the samples of one set; the rest is made anew at each use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Labels that come with the samples, in their order.

    Attributes:
        subject: where they come from, for messages.
        values: one for each row.
        classes: names of the classes 0, 1, ...; empty where the labels are numbers.
    """

    subject: str
    values: Array
    classes: tuple[str, ...] = ()


def _nothing(index: int) -> dict[str, Array]:
    raise IndexError(index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Checked input samples of one signature.

    A sample has the shape of the input, with a batch dimension of 1 where that is dynamic.

    Attributes:
        indices: which samples are used: file and position. What was chosen from many small files
            counts as one file.
        make: gives one of them by its number among the chosen.
        counts: how many samples each file has.
        rows: of how many rows a sample consists.
        labels: gives the labels; None where they stand as ``y`` in the files.
    """

    indices: tuple[tuple[int, int], ...] = ()
    make: Callable[[int], dict[str, Array]] = _nothing
    counts: tuple[int, ...] = ()
    rows: int = 1
    labels: Callable[[], Column] | None = None

    def __len__(self) -> int:
        """How many samples there are."""
        return len(self.indices)

    def __getitem__(self, index: int) -> dict[str, Array]:
        """One sample, input name to array."""
        return dict(self.make(index))


class Units(Protocol):
    """A data set whose rows can be counted cheaply and made one by one."""

    title: str
    """What it is, for messages."""

    def __len__(self) -> int:
        """How many rows there are."""
        ...

    def subject(self, unit: int) -> str:
        """The file, and where in it a row stands."""
        ...

    def load(self, unit: int) -> Mapping[str, Array]:
        """One row: input name to an array with batch 1, in the input's type."""
        ...

    def labels(self, units: Sequence[int]) -> Column:
        """The labels of rows."""
        ...


@dataclass(slots=True)
class Kept:
    """Samples by number; those that fit into memory are made once."""

    made_anew: Callable[[int], dict[str, Array]]
    _kept: dict[int, dict[str, Array]] = field(default_factory=dict)
    _bytes: int = 0

    def __call__(self, index: int) -> dict[str, Array]:
        """One sample."""
        if index in self._kept:
            return self._kept[index]
        made = self.made_anew(index)
        size = sum(array.nbytes for array in made.values())
        if self._bytes + size <= KEPT_BYTES:
            self._bytes += size
            self._kept[index] = made
        return made


def sampled(units: Units, inputs: Sequence[TensorSpec], *, limit: int) -> Samples:
    """Chooses samples evenly, and makes and checks each of them once.

    Args:
        units: the data set.
        inputs: what the model takes.
        limit: at most this many samples.

    Raises:
        ConversionError: there are too few rows, or one of the chosen is not what it must be.
    """
    rows = rows_of(inputs[0])
    _check_batches(units, inputs, rows)
    chosen = spread(len(units) // rows, limit)
    if not chosen:
        raise wrong(units.title, f"{len(units)} samples", f"at least {rows}")
    taken = [place * rows + row for place in chosen for row in range(rows)]
    kept = Kept(lambda index: _joined(units, taken[index * rows : (index + 1) * rows]))
    first = kept(0)
    for index in range(len(chosen)):
        _check(units.subject(taken[index * rows]), kept(index), first)
    return Samples(
        indices=tuple((0, index) for index in range(len(chosen))),
        make=kept,
        counts=(len(chosen),),
        rows=rows,
        labels=lambda: units.labels(taken),
    )


def _check_batches(units: Units, inputs: Sequence[TensorSpec], rows: int) -> None:
    for spec in inputs:
        if spec.shape and spec.shape[0] not in {-1, rows}:
            observed = f"input {spec.name!r} has a batch of {spec.shape[0]}"
            raise wrong(units.title, observed, f"{rows}, as {inputs[0].name!r} has")


def _joined(units: Units, places: Sequence[int]) -> dict[str, Array]:
    parts = [units.load(place) for place in places]
    if len(parts) == 1:
        return dict(parts[0])
    for place, part in zip(places, parts, strict=True):
        _check(units.subject(place), part, parts[0])
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _check(subject: str, sample: Mapping[str, Array], first: Mapping[str, Array]) -> None:
    for name, array in sample.items():
        check_finite(subject, array)
        if array.shape != first[name].shape:
            allowed = f"{list(first[name].shape)}, as the first sample has"
            raise wrong(subject, f"shape {list(array.shape)}", allowed)
