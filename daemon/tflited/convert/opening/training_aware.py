"""Tells models that were trained for integers, by their fake-quant operators."""

from dataclasses import replace
from typing import Final

from tflited.convert.faults.hints import NEEDS_CUSTOM_OPS
from tflited.convert.opening.operators import operators_of
from tflited.convert.opening.source import Source
from tflited.errors import ConversionError

FAKE_QUANT: Final = frozenset(
    {
        "FakeQuantWithMinMaxArgs",
        "FakeQuantWithMinMaxVars",
        "FakeQuantWithMinMaxVarsPerChannel",
        "QuantizeAndDequantizeV2",
        "QuantizeAndDequantizeV4",
    }
)
"""Operators that round as an integer would, and that the converter can turn into integers."""

_UNCONVERTIBLE: Final = "QuantizeAndDequantizeV3"
NOTE: Final = (
    "The model was trained for 8 bits: the ranges of int8 and int8_float_fallback come from "
    "training, calibration data is not used for them. float32 keeps the rounding of the training "
    "as pairs of QUANTIZE and DEQUANTIZE around float operators, so it computes what the source "
    "computes and is slower than an ordinary float model."
)


def recognised(source: Source) -> Source:
    """The source, marked and noted where its graph holds fake-quant operators.

    Raises:
        ConversionError: it holds one that no converter knows.
    """
    operators = {
        name for entry in source.signatures for name in operators_of(entry.reference.graph)
    }
    if _UNCONVERTIBLE in operators:
        raise ConversionError(
            f"The model holds {_UNCONVERTIBLE}, which has no form in TensorFlow Lite.",
            hint="use tf.quantization.fake_quant_with_min_max_vars or "
            "tf.quantization.quantize_and_dequantize_v2 for its ranges",
            code=NEEDS_CUSTOM_OPS.code,
        )
    if not FAKE_QUANT & operators:
        return source
    return replace(source.noted(NOTE), is_training_aware=True)
