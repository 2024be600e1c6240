"""Counts the zeros of pruned weights in a finished file, whatever form the weights took there.

What the pruning meant to do is not asked: the elements are read from the file's own buffers.
"""

import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflited.convert.arrays import Array
from tflited.convert.pruning.prune import Pruning, zeros_asked
from tflited.convert.tflite.flatbuffer import read
from tflited.domain.figures import Check, CheckResult, PrunedWeight, VariantPruning
from tflited.domain.policy import SparseEncoding

_PARTS: Final = (1, 4)
"""A fused LSTM has its matrix in four tensors, one for each gate."""
_LEVEL: Final = 6
"""As gzip takes by default; level 9 costs five times the time for 2 % of the size."""
_MIN_RANK: Final = 2
_NIBBLES: Final = 2
_INT4: Final[int] = schema.TensorType.INT4
_DTYPES: Final[Mapping[int, np.dtype[Any]]] = {
    schema.TensorType.FLOAT32: np.dtype("<f4"),
    schema.TensorType.FLOAT16: np.dtype("<f2"),
    schema.TensorType.INT8: np.dtype("i1"),
    schema.TensorType.UINT8: np.dtype("u1"),
    schema.TensorType.INT16: np.dtype("<i2"),
    _INT4: np.dtype("i1"),
}
"""Element types that weights have; int4 holds two elements in a byte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Zeros of one weight, found in ``parts`` tensors of the file."""

    weight: PrunedWeight
    zeros: int


def counted(content: bytes, weights: Sequence[PrunedWeight]) -> tuple[Count, ...]:
    """The weights that the file holds, each with its zeros there.

    A file has its own names and its own order of dimensions, so that a weight is known by its
    number of elements; of several the one with most zeros belongs to the one that asked for most.

    Args:
        content: the bytes of a ``.tflite``.
        weights: what was pruned.
    """
    tensors: dict[int, list[int]] = {}
    for elements, zeros in _tensors(content):
        tensors.setdefault(elements, []).append(zeros)
    for entries in tensors.values():
        entries.sort()
    found = []
    for weight in sorted(weights, key=lambda entry: (-entry.asked, entry.name)):
        for parts in _PARTS:
            there = tensors.get(weight.elements // parts, [])
            if weight.elements % parts == 0 and len(there) >= parts:
                taken = [there.pop() for _ in range(parts)]
                found.append(Count(weight=weight, zeros=sum(taken)))
                break
    return tuple(found)


def record(content: bytes, weights: Sequence[PrunedWeight]) -> VariantPruning:
    """What pruning came to in a file.

    Args:
        content: the bytes of a ``.tflite``.
        weights: what was pruned.
    """
    counts = counted(content, weights)
    elements = sum(count.weight.elements for count in counts)
    zeros = sum(count.zeros for count in counts)
    return VariantPruning(
        weights=len(counts),
        elements=elements,
        zeros=zeros,
        sparsity=zeros / elements if elements else 0.0,
        encoding=SparseEncoding.SPARSE if read(content).sparse_tensors else SparseEncoding.DENSE,
        size_bytes=len(content),
        compressed_bytes=len(zlib.compress(content, _LEVEL)),
    )


def check(content: bytes, pruning: Pruning) -> Check:
    """Whether the zeros that were asked for are in the file.

    Args:
        content: the bytes of a ``.tflite``.
        pruning: what was pruned, and by which rules.
    """
    weights = pruning.weights
    if not weights:
        return _check(
            CheckResult.UNPROVEN,
            observed="the model has no weight that the policy prunes",
            allowed=f"at least 1 weight with {pruning.rules.min_elements} elements or more",
            hint="lower prune.min_elements, or name the kind of its layers in [prune.by_kind]",
        )
    counts = counted(content, weights)
    total = sum(count.weight.elements for count in counts)
    zeros = sum(count.zeros for count in counts)
    asked = sum(zeros_asked(entry.elements, entry.asked) for entry in weights)
    observed = (
        f"{zeros} of {total} elements in {len(counts)} of {len(weights)} pruned weights are zero"
        + (f" ({zeros / total:.1%})" if total else "")
    )
    allowed = f"at least {asked} of {sum(entry.elements for entry in weights)}"
    short = [
        count.weight.name
        for count in counts
        if count.zeros < zeros_asked(count.weight.elements, count.weight.asked)
    ]
    if short:
        hint = f"{short[0]} has fewer: report the model, the conversion changed its zeros"
        return _check(CheckResult.FAILED, observed=observed, allowed=allowed, hint=hint)
    if len(counts) < len(weights):
        hint = "the converter gave some weights another shape, so that they were not found"
        return _check(CheckResult.UNPROVEN, observed=observed, allowed=allowed, hint=hint)
    return _check(CheckResult.PASSED, observed=observed, allowed=allowed, hint="")


def _tensors(content: bytes) -> Iterator[tuple[int, int]]:
    """Elements and zeros of every constant that can be a weight."""
    model = schema.Model.GetRootAs(content, 0)
    for number in range(model.SubgraphsLength()):
        graph = model.Subgraphs(number)
        for index in range(graph.TensorsLength()):
            tensor = graph.Tensors(index)
            values = _values(tensor, model.Buffers(tensor.Buffer()), content)
            if values is not None:
                elements = int(np.prod(tensor.ShapeAsNumpy(), dtype=np.int64))
                yield elements, elements - _others(values, tensor, elements)


def _values(tensor: Any, buffer: Any, content: bytes) -> Array | None:
    dtype = _DTYPES.get(tensor.Type())
    if dtype is None or tensor.ShapeLength() < _MIN_RANK or tensor.IsVariable():
        return None
    if buffer.DataLength():
        return np.asarray(np.frombuffer(buffer.DataAsNumpy().tobytes(), dtype))
    if buffer.Size():
        data = content[buffer.Offset() : buffer.Offset() + buffer.Size()]
        return np.asarray(np.frombuffer(data, dtype))
    return None


def _others(values: Array, tensor: Any, elements: int) -> int:
    """Elements that are not zero; a sparse tensor's buffer holds these alone, and some zeros."""
    if tensor.Type() == _INT4:
        bytes_ = values.view(np.uint8)
        values = np.stack([bytes_ & 0xF, bytes_ >> 4], axis=1).reshape(-1)[:elements]
        return int(np.count_nonzero(values))  # symmetric in every writer: zero is 0
    return int(np.count_nonzero(values != _zero(tensor, values.dtype)))


def _zero(tensor: Any, dtype: Any) -> int:
    parameters = tensor.Quantization()
    if dtype.kind == "f" or parameters is None or not parameters.ZeroPointLength():
        return 0
    ((zero, _),) = Counter(
        parameters.ZeroPoint(index) for index in range(parameters.ZeroPointLength())
    ).most_common(1)
    return int(zero)


def _check(result: CheckResult, *, observed: str, allowed: str, hint: str) -> Check:
    return Check(name="sparsity", result=result, observed=observed, allowed=allowed, hint=hint)
