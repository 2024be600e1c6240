"""Samples from ``.npz`` and ``.npy`` files: arrays whose first axis counts them.

The headers tell how many there are; only the arrays that hold chosen samples are read, and only
those samples are kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tflited.convert.arrays import Array
from tflited.convert.data import array_files
from tflited.convert.data.array_files import Header
from tflited.convert.data.checks import (
    ONLY_INPUT,
    check_finite,
    dtype_of,
    only_input,
    rows_of,
    spread,
    wrong,
)
from tflited.convert.data.sample_set import Column, Samples
from tflited.domain.figures import TensorSpec

_Read = Callable[[], Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """One input's array in a file; not read yet."""

    spec: TensorSpec
    subject: str
    header: Header
    read: _Read

    @property
    def count(self) -> int:
        """Samples in it; a fixed batch takes as many rows as it needs."""
        return self.header.shape[0] // rows_of(self.spec) if self.header.shape else 0


def from_npz(files: Sequence[str], inputs: Sequence[TensorSpec], *, limit: int) -> Samples:
    """Samples from archives with an array for each input.

    Args:
        files: ``.npz`` files: arrays by input name, or ``x`` for an only input.
        inputs: what the model takes.
        limit: at most this many samples.

    Raises:
        ConversionError: a file does not open, lacks an input, or holds values that do not fit.
    """
    return _read([_archive(Path(file), inputs) for file in files], inputs, limit)


def from_npy(files: Sequence[str], inputs: Sequence[TensorSpec], *, limit: int) -> Samples:
    """Samples from bare arrays, for a model with one input; they have no labels.

    Raises:
        ConversionError: as ``from_npz``.
    """
    spec = only_input("An .npy file holds one array", inputs)
    sources = [(_bare(Path(file), spec),) for file in files]
    return _read(sources, inputs, limit, labels=lambda: _no_labels(files))


def _no_labels(files: Sequence[str]) -> Column:
    raise wrong(
        Path(files[0]).name,
        "an .npy file holds no labels",
        "labels for evaluation.metric",
        hint="save inputs x and labels y together: numpy.savez(file, x=x, y=y)",
    )


def _archive(file: Path, inputs: Sequence[TensorSpec]) -> tuple[_Source, ...]:
    keys = array_files.keys(file)
    return tuple(_member(file, _key(file, keys, spec, inputs), spec) for spec in inputs)


def _member(file: Path, key: str, spec: TensorSpec) -> _Source:
    return _checked(
        _Source(
            spec=spec,
            subject=f"{file.name}: {key}",
            header=array_files.header(file, key),
            read=lambda: array_files.array(file, key),
        )
    )


def _bare(file: Path, spec: TensorSpec) -> _Source:
    array = array_files.mapped(file)
    header = Header(shape=array.shape, dtype=array.dtype)
    return _checked(
        _Source(
            spec=spec,
            subject=file.name,
            header=header,
            read=lambda: array_files.mapped(file),
        )
    )


def _key(file: Path, keys: list[str], spec: TensorSpec, inputs: Sequence[TensorSpec]) -> str:
    if spec.name in keys:
        return spec.name
    if len(inputs) == 1 and ONLY_INPUT in keys:
        return ONLY_INPUT
    names = ", ".join(repr(entry.name) for entry in inputs)
    allowed = f"{names} or {ONLY_INPUT!r}" if len(inputs) == 1 else names
    listed = ", ".join(map(repr, keys)) or "nothing"
    raise wrong(file.name, f"holds {listed}, no array for input {spec.name!r}", allowed)


def _checked(source: _Source) -> _Source:
    spec, found = source.spec, source.header
    dtype = dtype_of(source.subject, spec)
    wanted = spec.shape[1:]
    fits = len(found.shape) == max(len(spec.shape), 1) and all(
        want in {-1, have} for want, have in zip(wanted, found.shape[1:], strict=True)
    )
    if not fits:
        listed = ", ".join(["samples", *map(str, wanted)])
        raise wrong(source.subject, f"shape {list(found.shape)}", f"[{listed}] (-1: any)")
    if not np.can_cast(found.dtype, dtype, casting="same_kind"):
        raise wrong(source.subject, f"element type {found.dtype}", spec.dtype)
    if not source.count or not found.nbytes:
        raise wrong(
            source.subject,
            f"{found.shape[0]} samples, shape {list(found.shape)}",
            f"at least {rows_of(spec)}",
        )
    return source


def _read(
    files: Sequence[tuple[_Source, ...]],
    inputs: Sequence[TensorSpec],
    limit: int,
    labels: Callable[[], Column] | None = None,
) -> Samples:
    counts = tuple(_count(sources) for sources in files)
    every = [(file, place) for file, count in enumerate(counts) for place in range(count)]
    indices = tuple(every[number] for number in spread(len(every), limit))
    wanted: dict[int, list[int]] = {}
    for file, place in indices:
        wanted.setdefault(file, []).append(place)
    kept: list[dict[str, Array]] = []
    for file, places in wanted.items():
        kept += _chosen(files[file], places)
    return Samples(
        indices=indices,
        make=kept.__getitem__,
        counts=counts,
        rows=rows_of(inputs[0]),
        labels=labels,
    )


def _count(sources: tuple[_Source, ...]) -> int:
    counts = {source.spec.name: source.count for source in sources}
    if len(set(counts.values())) > 1:
        file = sources[0].subject.partition(":")[0]
        raise wrong(file, f"sample counts {counts}", "the same count for every input")
    return sources[0].count


def _chosen(sources: tuple[_Source, ...], places: Sequence[int]) -> list[dict[str, Array]]:
    taken: dict[str, list[Array]] = {}
    for source in sources:
        array, rows = source.read(), rows_of(source.spec)
        if not source.spec.shape:
            parts = [array[place] for place in places]
        else:
            parts = [array[place * rows : (place + 1) * rows] for place in places]
        # Copied, so that the rest of the file's array is let go.
        with np.errstate(over="ignore"):
            parts = [np.array(part, dtype=np.dtype(source.spec.dtype)) for part in parts]
        _check_parts(source, parts)
        taken[source.spec.name] = parts
    return [{name: taken[name][n] for name in taken} for n in range(len(places))]


def _check_parts(source: _Source, parts: Sequence[Array]) -> None:
    if not all(np.isfinite(part).all() for part in parts if part.dtype.kind == "f"):
        check_finite(source.subject, np.stack(parts))
