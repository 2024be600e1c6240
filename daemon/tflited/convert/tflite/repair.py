"""Takes back what the converter adds to a model and the source does not have.

The converter fuses a Keras LSTM with a limit of 10 on its cell state (``cell_clip`` in
tensorflow/compiler/mlir/lite/utils/lstm_utils.cc). Keras has none, so long sequences drift apart.
"""

import struct
from typing import Any, Final

from ai_edge_litert import schema_py_generated as schema

_OPTIONS: Final = {
    schema.BuiltinOptions.LSTMOptions,
    schema.BuiltinOptions.UnidirectionalSequenceLSTMOptions,
    schema.BuiltinOptions.BidirectionalSequenceLSTMOptions,
}
_CELL_CLIP_FIELD: Final = 6
"""The field's place in the table's index of offsets; the same in all three tables."""


def without_cell_clip(content: bytes) -> bytes:
    """The file with the limit on float LSTM cell states set to none.

    Integer LSTM layers keep it: their ranges were calibrated under it.

    Args:
        content: a flatbuffer; is not changed.

    Returns:
        The same bytes where there is nothing to take back.
    """
    model = schema.Model.GetRootAs(content, 0)
    repaired = bytearray(content)
    for number in range(model.SubgraphsLength()):
        graph = model.Subgraphs(number)
        for index in range(graph.OperatorsLength()):
            position = _position(graph, graph.Operators(index))
            if position:
                struct.pack_into("<f", repaired, position, 0.0)
    return bytes(repaired)


def _position(graph: Any, operator: Any) -> int:
    """Where the limit of one operator stands in the file; 0 where it has none."""
    if operator.BuiltinOptionsType() not in _OPTIONS or not operator.InputsLength():
        return 0
    if graph.Tensors(operator.Inputs(0)).Type() != schema.TensorType.FLOAT32:
        return 0
    table = operator.BuiltinOptions()
    offset = table.Offset(_CELL_CLIP_FIELD)
    return int(table.Pos + offset) if offset else 0
