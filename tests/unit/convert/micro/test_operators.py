"""TFLM's names for the operators of a file."""

import pytest
from ai_edge_litert import schema_py_generated as schema

from tflited.convert.micro.operators import _BUILTINS, method, unknown


@pytest.mark.parametrize(
    ("operator", "name"),
    [
        ("CONV_2D", "AddConv2D"),
        ("DEPTHWISE_CONV_2D", "AddDepthwiseConv2D"),
        ("FULLY_CONNECTED", "AddFullyConnected"),
        ("SPLIT_V", "AddSplitV"),
        ("L2_POOL_2D", "AddL2Pool2D"),
        ("PADV2", "AddPadV2"),
        ("CUMSUM", "AddCumSum"),
        ("BATCH_MATMUL", "AddBatchMatMul"),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "AddUnidirectionalSequenceLSTM"),
        ("TFLite_Detection_PostProcess", "AddDetectionPostprocess"),
    ],
)
def test_names_are_those_of_the_resolver(operator: str, name: str) -> None:
    """Regular ones by TFLM's own rule, the four that it gets wrong by hand, and custom ones."""
    assert method(operator) == name


def test_every_name_is_one_of_the_schema() -> None:
    """A misspelt operator would never be found in a file."""
    assert not [name for name in _BUILTINS if not hasattr(schema.BuiltinOperator, name)]


def test_what_tflm_lacks_is_told() -> None:
    """Select operators, operators of LiteRT alone, and custom ones nobody knows."""
    assert unknown(("FlexErf", "ADD", "STABLEHLO_ADD", "MyOperator")) == [
        "FlexErf",
        "STABLEHLO_ADD",
        "MyOperator",
    ]
