"""Finds which tensor of an integer file stands for which of the float32 file it was made from.

Quantisers keep the names of what they quantise and invent some at the edges, where QUANTIZE and
DEQUANTIZE stand; those are followed to a tensor whose name is known.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tflited.convert.tflite.flatbuffer import Flatbuffer, Operator, Subgraph

_NUMERIC: Final = frozenset({"bool", "float32", "int32", "int64"})
"""Element types of float32 files that have a value to compare, unlike resources."""
_COPIES: Final = frozenset({"QUANTIZE", "DEQUANTIZE"})
"""Operators that should change nothing but the form of a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterparts:
    """Tensors that belong together, by index in the first subgraph.

    Attributes:
        of: integer file's tensor to float32 file's.
        made: float32 file's tensor to the first one in the integer file that stands for it.
        copies: output of a QUANTIZE or DEQUANTIZE to its input.
    """

    of: Mapping[int, int]
    made: Mapping[int, int]
    copies: Mapping[int, int]


def counterparts(integer: Flatbuffer, floats: Flatbuffer) -> Counterparts:
    """Matches the tensors of the first subgraphs.

    Args:
        integer: the integer file, with at least one signature.
        floats: the float32 file.
    """
    graph = integer.subgraphs[0]
    of = _by_signature(integer, floats) | _by_name(graph, floats.subgraphs[0])
    copies = {
        operator.outputs[0]: operator.inputs[0]
        for operator in graph.operators
        if operator.name in _COPIES
    }
    for output, source in copies.items():  # in the file's order, so that chains are followed
        if output not in of and source in of:
            of[output] = of[source]
    for output, source in reversed(copies.items()):
        if source not in of and output in of:
            of[source] = of[output]
    return Counterparts(of=of, made=_made(graph, of), copies=copies)


def _by_signature(integer: Flatbuffer, floats: Flatbuffer) -> dict[int, int]:
    """Inputs and outputs by the names that callers know them by."""
    here, there = integer.signatures[0], floats.signatures[0]
    inputs = {here.inputs[name]: there.inputs[name] for name in here.inputs}
    return inputs | {here.outputs[name]: there.outputs[name] for name in here.outputs}


def _by_name(graph: Subgraph, floats: Subgraph) -> dict[int, int]:
    """Computed tensors with a name that only one tensor has."""
    known = _unique(floats)
    found = {index: known[name] for name, index in _unique(graph).items() if name in known}
    return {
        index: match for index, match in found.items() if floats.tensors[match].dtype in _NUMERIC
    }


def _unique(graph: Subgraph) -> dict[str, int]:
    computed = {index for operator in graph.operators for index in operator.outputs}
    counts = Counter(graph.tensors[index].name for index in computed)
    return {
        graph.tensors[index].name: index
        for index in sorted(computed)
        if counts[graph.tensors[index].name] == 1
    }


def _made(graph: Subgraph, of: Mapping[int, int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for index in (*graph.inputs, *_outputs(graph.operators)):
        if index in of:
            found.setdefault(of[index], index)
    return found


def _outputs(operators: tuple[Operator, ...]) -> tuple[int, ...]:
    return tuple(index for operator in operators for index in operator.outputs)
