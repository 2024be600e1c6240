"""TFLM's names for operators: what ``MicroMutableOpResolver`` calls the one that adds each.

The names are those of tensorflow/lite/micro/micro_mutable_op_resolver.h. TFLM's own generator
(tools/gen_micro_mutable_op_resolver) derives them from the schema's, which is wrong for four of
them; these stand in ``_IRREGULAR``.
"""

from collections.abc import Iterable
from typing import Final

_BUILTINS: Final = frozenset(
    """
    ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE AVERAGE_POOL_2D BATCH_MATMUL BATCH_TO_SPACE_ND
    BROADCAST_ARGS BROADCAST_TO CALL_ONCE CAST CEIL CONCATENATION CONV_2D COS CUMSUM DEPTH_TO_SPACE
    DEPTHWISE_CONV_2D DEQUANTIZE DIV DYNAMIC_UPDATE_SLICE ELU EMBEDDING_LOOKUP EQUAL EXP EXPAND_DIMS
    FILL FLOOR FLOOR_DIV FLOOR_MOD FULLY_CONNECTED GATHER GATHER_ND GREATER GREATER_EQUAL HARD_SWISH
    IF L2_NORMALIZATION L2_POOL_2D LEAKY_RELU LESS LESS_EQUAL LOG LOG_SOFTMAX LOGICAL_AND
    LOGICAL_NOT LOGICAL_OR LOGISTIC MAX_POOL_2D MAXIMUM MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL
    PACK PAD PADV2 PRELU QUANTIZE READ_VARIABLE REDUCE_ALL REDUCE_MAX REDUCE_MIN RELU RELU6 RESHAPE
    RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR REVERSE_V2 ROUND RSQRT SELECT_V2 SHAPE SIN SLICE SOFTMAX
    SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE
    STRIDED_SLICE SUB SUM SVDF TANH TRANSPOSE TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK
    VAR_HANDLE WHILE ZEROS_LIKE
    """.split()  # noqa: SIM905 - a hundred quoted words read worse
)
_IRREGULAR: Final = {
    "BATCH_MATMUL": "AddBatchMatMul",
    "CUMSUM": "AddCumSum",
    "PADV2": "AddPadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
}
_CUSTOM: Final = {
    "CIRCULAR_BUFFER": "AddCircularBuffer",
    "TFLite_Detection_PostProcess": "AddDetectionPostprocess",
}


def method(operator: str) -> str:
    """The resolver's method that adds an operator; empty where TFLM has none.

    Args:
        operator: the schema's name, or a custom operator's own.
    """
    if operator in _CUSTOM:
        return _CUSTOM[operator]
    if operator not in _BUILTINS:
        return ""
    regular = "Add" + "".join(_word(part) for part in operator.split("_"))
    return _IRREGULAR.get(operator, regular)


def unknown(operators: Iterable[str]) -> list[str]:
    """Those that TFLM has no method for."""
    return [name for name in operators if not method(name)]


def _word(part: str) -> str:
    # As the generator has it: 2D stays as it is, everything else is a capitalised word.
    return part if part[0].isdigit() else part.capitalize()
