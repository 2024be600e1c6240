"""Counts from a file's shapes what one invocation takes: multiply-accumulates and live memory.

Shapes are those of a dynamic batch of 1; what is only known at run time is told, not guessed.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Final

from tflited.convert.tflite.flatbuffer import Flatbuffer, Operator, Subgraph, Tensor
from tflited.domain.profile import Work

_BITS: Final = {
    "bool": 8, "int4": 4, "int8": 8, "uint8": 8, "int16": 16, "uint16": 16, "float16": 16,
    "int32": 32, "uint32": 32, "float32": 32, "int64": 64, "uint64": 64, "float64": 64,
    "complex64": 64, "complex128": 128,
}  # fmt: skip
_OPAQUE: Final = frozenset(
    {"WHILE", "IF", "CALL_ONCE", "UNIDIRECTIONAL_SEQUENCE_RNN", "BIDIRECTIONAL_SEQUENCE_LSTM",
     "BIDIRECTIONAL_SEQUENCE_RNN", "LSTM", "RNN", "SVDF", "CONV_3D_TRANSPOSE"}
)  # fmt: skip
"""Builtins that multiply, and whose multiplications are not counted here."""

Shape = tuple[int, ...]


class _UnknownShapeError(Exception):
    """A shape is only known at run time."""


def counted(file: Flatbuffer) -> Work:
    """What one invocation of every signature takes."""
    graphs = _called(file)
    macs, uncounted = 0, set[str]()
    for graph in graphs:
        for entry in graph.operators:
            try:
                macs += _macs(graph, entry)
            except _UnknownShapeError:
                uncounted.add(entry.name)
    return Work(
        macs=macs, uncounted=tuple(sorted(uncounted)), activation_bytes=_alive_in_all(graphs)
    )


def _called(file: Flatbuffer) -> list[Subgraph]:
    """The subgraphs a caller invokes; those inside WHILE and IF run who knows how often."""
    indices = sorted({entry.subgraph for entry in file.signatures}) or [0]
    return [file.subgraphs[index] for index in indices]


def _macs(graph: Subgraph, entry: Operator) -> int:
    """Multiply-accumulates of one operator; 0 for those that do not multiply matrices.

    Raises:
        _UnknownShapeError: they cannot be counted.
    """
    if entry.name in _COUNTERS:
        inputs = [graph.tensors[index] if index >= 0 else None for index in entry.inputs]
        return _COUNTERS[entry.name](inputs, _shape(graph.tensors[entry.outputs[0]]))
    if entry.name in _OPAQUE or entry.name.startswith(("Flex", "BUILTIN_")):
        raise _UnknownShapeError
    return 0


def _shape(tensor: Tensor | None) -> Shape:
    if tensor is None or not tensor.is_ranked:
        raise _UnknownShapeError
    first = tuple(1 if size < 0 else size for size in tensor.shape[:1])
    shape = first + tensor.shape[1:]
    if any(size < 0 for size in shape):
        raise _UnknownShapeError
    return shape


Inputs = Sequence[Tensor | None]


def _convolution(inputs: Inputs, output: Shape) -> int:
    """Filter ``[out, height, width, in]``."""
    return prod(output) * prod(_shape(inputs[1])[1:])


def _depthwise(inputs: Inputs, output: Shape) -> int:
    """Filter ``[1, height, width, out]``."""
    return prod(output) * prod(_shape(inputs[1])[1:3])


def _convolution_3d(inputs: Inputs, output: Shape) -> int:
    """Filter ``[depth, height, width, in, out]``."""
    return prod(output) * prod(_shape(inputs[1])[:4])


def _transposed(inputs: Inputs, _: Shape) -> int:
    """Inputs: output shape, filter ``[out, height, width, in]``, values."""
    return prod(_shape(inputs[2])) * prod(_shape(inputs[1])[:3])


def _dense(inputs: Inputs, output: Shape) -> int:
    """Every input element meets every output; weights may have no rank before they are run."""
    return prod(_shape(inputs[0])) * output[-1]


def _batched(inputs: Inputs, output: Shape) -> int:
    """Left ``[..., rows, inner]``, or ``[..., inner, rows]`` where it is adjoined."""
    left = _shape(inputs[0])
    inner = left[-1] if left[-2] == output[-2] else left[-2]
    return prod(output) * inner


def _sequence_lstm(inputs: Inputs, output: Shape) -> int:
    """A fused LSTM: one step for each row of the input but its last axis (lstm_eval.cc)."""
    steps = prod(_shape(inputs[0])[:-1])
    cells, width = _shape(inputs[2])
    recurrent = _shape(inputs[6])[1]
    gates = 3 if inputs[1] is None else 4
    projection = 0 if len(inputs) <= _PROJECTION or inputs[_PROJECTION] is None else output[-1]
    return steps * cells * (gates * (width + recurrent) + projection)


_PROJECTION: Final = 16
"""Input of a fused LSTM that holds its projection."""
_COUNTERS: Final[dict[str, Callable[[Inputs, Shape], int]]] = {
    "CONV_2D": _convolution,
    "CONV_3D": _convolution_3d,
    "DEPTHWISE_CONV_2D": _depthwise,
    "TRANSPOSE_CONV": _transposed,
    "FULLY_CONNECTED": _dense,
    "BATCH_MATMUL": _batched,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _sequence_lstm,
}


def _alive_in_all(graphs: Sequence[Subgraph]) -> int | None:
    try:
        return max(_alive(graph) for graph in graphs)
    except _UnknownShapeError:
        return None


def _alive(graph: Subgraph) -> int:
    """Greatest sum of bytes between two operators of what is computed and still needed."""
    end = len(graph.operators)
    begins = dict.fromkeys(graph.inputs, 0)
    ends = dict.fromkeys(graph.inputs, 0)
    for place, entry in enumerate(graph.operators):
        for index in entry.inputs:
            ends[index] = place
        for index in entry.outputs:
            begins.setdefault(index, place)
            ends.setdefault(index, place)
    kept = {index for index, tensor in enumerate(graph.tensors) if tensor.is_variable}
    begins |= dict.fromkeys(kept, 0)
    ends |= dict.fromkeys((*graph.outputs, *kept), end)
    changes = [0] * (end + 2)
    for index, begin in begins.items():
        size = _bytes(graph.tensors[index])
        changes[begin] += size
        changes[ends[index] + 1] -= size
    return _greatest_sum(changes)


def _greatest_sum(changes: Sequence[int]) -> int:
    total = greatest = 0
    for change in changes:
        total += change
        greatest = max(greatest, total)
    return greatest


def _bytes(tensor: Tensor) -> int:
    if tensor.is_constant:
        return 0
    if tensor.dtype not in _BITS:
        raise _UnknownShapeError
    return (prod(_shape(tensor)) * _BITS[tensor.dtype] + 7) // 8
