"""Models trained for integers: found by their fake-quant operators, converted without data.

The graph holds the ranges that training learnt, so integer variants take them from there; ranges
from calibration data would throw away what the training was for.
"""

import warnings
from dataclasses import replace
from typing import Final

import tensorflow as tf

from tflited.convert.faults.foreign import explained
from tflited.convert.faults.hints import NEEDS_CUSTOM_OPS
from tflited.convert.lowering.frozen import operators_of
from tflited.convert.opening.source import Source
from tflited.convert.quantising.order import Order
from tflited.convert.tflite.claims import io_types
from tflited.domain.policy import OperatorSet, Variant
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
FROM_TRAINING: Final = frozenset({Variant.INT8, Variant.INT8_FLOAT_FALLBACK})
"""Variants whose ranges training has learnt."""

SPOILT: Final = frozenset({Variant.DYNAMIC_RANGE, Variant.FLOAT16, Variant.INT16X8})
"""Variants that the converter answers with the 8-bit file for such a source, saying nothing."""

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


def is_special(source: Source, variant: Variant) -> bool:
    """Whether ``from_training`` makes this variant of this source."""
    return source.is_training_aware and variant in FROM_TRAINING | SPOILT


def from_training(order: Order) -> bytes:
    """The flatbuffer of an integer variant with the ranges of the training.

    Args:
        order: the variant, the source and how it was lowered, ``ops`` and the edges' types.

    Raises:
        ConversionError: training has no ranges for this variant, or it cannot be made.
    """
    variant, lowered, policy = order.variant, order.lowered, order.policy
    if variant in SPOILT:
        raise ConversionError(
            f"The model was trained for 8-bit integers; {variant} would ignore that.",
            hint="use int8 or int8_float_fallback, which need no calibration data here",
            code="trained_for_int8",
        )
    # TFLITE_BUILTINS_INT8 is refused without data although no data is used; that nothing stays in
    # float is proven on the result.
    allowed = {OperatorSet.TFLITE_BUILTINS} | ({OperatorSet.SELECT_TF_OPS} & set(policy.ops))
    made = lowered.converter({name.value for name in allowed})
    made.has_trained_ranges = True
    made.optimizations = [tf.lite.Optimize.DEFAULT]
    asked_input, asked_output = io_types(variant, policy)
    made.inference_input_type = tf.dtypes.as_dtype(asked_input.value)
    made.inference_output_type = tf.dtypes.as_dtype(asked_output.value)
    scratch = str(lowered.source.directory)
    with explained(f"Making {variant}", scratch=scratch), warnings.catch_warnings():
        # The compiler asks for a mean and a deviation of the inputs, which the ranges replace.
        warnings.simplefilter("ignore", UserWarning)
        return lowered.named(bytes(made.convert()))
