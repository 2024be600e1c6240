"""Cuts a float32 file's operators apart, so that each can be fed with values of one's choosing."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import flatbuffers  # type: ignore[import-untyped]  # neither types nor stubs
from ai_edge_litert import schema_py_generated as schema

_IDENTIFIER: Final = b"TFL3"
_FED: Final = frozenset(
    {
        schema.TensorType.BOOL,
        schema.TensorType.FLOAT32,
        schema.TensorType.INT32,
        schema.TensorType.INT64,
    }
)
"""Types that a caller can hand over; resources and variants stay connected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Severed:
    """A file without edges between its operators.

    Attributes:
        content: the flatbuffer; its further inputs are the stand-ins.
        stand_ins: a computed tensor to the input that its consumers read instead.
    """

    content: bytes
    stand_ins: Mapping[int, int]


def severed(content: bytes) -> Severed:
    """The same operators over the same constants, each reading inputs of the file.

    Only the first subgraph is cut; tensors keep their indices.

    Args:
        content: a float32 flatbuffer, laid out.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    graph = model.subgraphs[0]
    stand_ins: dict[int, int] = {}
    for tensor in _computed(graph):
        if graph.tensors[tensor].type in _FED:
            stand_ins[tensor] = len(graph.tensors)
            graph.tensors.append(_stand_in(graph.tensors[tensor]))
    for operator in graph.operators:
        operator.inputs = [stand_ins.get(index, index) for index in _indices(operator.inputs)]
    graph.inputs = [*_indices(graph.inputs), *stand_ins.values()]
    model.signatureDefs = []
    builder = flatbuffers.Builder(len(content) + 1024)
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return Severed(content=bytes(builder.Output()), stand_ins=stand_ins)


def _computed(graph: Any) -> list[int]:
    """Tensors that one operator gives to another."""
    read = {index for operator in graph.operators for index in _indices(operator.inputs)}
    made = {index for operator in graph.operators for index in _indices(operator.outputs)}
    return sorted(read & made)


def _stand_in(tensor: Any) -> Any:
    made = copy.copy(tensor)
    made.name = b"fed"
    made.buffer = 0
    return made


def _indices(values: Any) -> list[int]:
    return [] if values is None else [int(value) for value in values]
