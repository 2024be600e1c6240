"""Taking back the limit that the converter puts on LSTM cell states."""

from typing import Any

import flatbuffers  # type: ignore[import-untyped]  # neither types nor stubs
import pytest
from ai_edge_litert import schema_py_generated as schema

from tflited.convert.tflite.repair import without_cell_clip

TABLES: list[tuple[type, int]] = [
    (schema.LSTMOptionsT, schema.BuiltinOptions.LSTMOptions),
    (
        schema.UnidirectionalSequenceLSTMOptionsT,
        schema.BuiltinOptions.UnidirectionalSequenceLSTMOptions,
    ),
    (
        schema.BidirectionalSequenceLSTMOptionsT,
        schema.BuiltinOptions.BidirectionalSequenceLSTMOptions,
    ),
]


def recurrent(options: type, kind: int, *, dtype: int = schema.TensorType.FLOAT32) -> bytes:
    """A file with one recurrent operator whose cell state is limited to 10."""
    model, graph, tensor = schema.ModelT(), schema.SubGraphT(), schema.TensorT()
    operator, code = schema.OperatorT(), schema.OperatorCodeT()
    tensor.type, tensor.shape, tensor.name = dtype, [1, 2], "x"
    operator.inputs, operator.outputs = [0], [0]
    operator.builtinOptionsType, operator.builtinOptions = kind, options()
    operator.builtinOptions.cellClip = 10.0
    operator.builtinOptions.projClip = 3.0
    graph.tensors, graph.operators, graph.inputs, graph.outputs = [tensor], [operator], [0], [0]
    model.subgraphs, model.operatorCodes, model.buffers = [graph], [code], [schema.BufferT()]
    builder = flatbuffers.Builder(256)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def options_of(content: bytes) -> Any:
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    return model.subgraphs[0].operators[0].builtinOptions


@pytest.mark.parametrize(("options", "kind"), TABLES)
def test_the_limit_is_taken_out(options: type, kind: int) -> None:
    """Only the cell's limit goes; a projection's limit is the model's own."""
    repaired = options_of(without_cell_clip(recurrent(options, kind)))
    assert repaired.cellClip == 0.0
    assert repaired.projClip == 3.0


def test_integer_layers_keep_it() -> None:
    """Their ranges were calibrated under the limit."""
    options, kind = TABLES[1]
    content = recurrent(options, kind, dtype=schema.TensorType.INT8)
    assert without_cell_clip(content) == content


def test_other_files_stay_as_they_are() -> None:
    """Nothing recurrent, nothing changed."""
    content = recurrent(schema.LSTMOptionsT, schema.BuiltinOptions.LSTMOptions)
    repaired = without_cell_clip(content)
    assert without_cell_clip(repaired) == repaired
    assert len(repaired) == len(content)
