"""Quantisation by TensorFlow's converter, over the float32 file or the frozen graph it came from.

Integer variants are made from the calibrated float32 file, which every one of them shares; where
TensorFlow's inner doors do not open, the whole public conversion runs instead.
"""

import warnings
from typing import Any, Final

import tensorflow as tf
from tensorflow.lite.python import convert

from tflited.convert.faults.foreign import explained
from tflited.convert.internals import UnfitError
from tflited.convert.lowering.lower import FLOAT_SETS, Lowered
from tflited.convert.quantising.calibrate import Representative
from tflited.convert.quantising.order import Order
from tflited.convert.tflite.claims import io_types
from tflited.convert.tflite.edges import with_io_types
from tflited.domain.policy import OperatorSet, Policy, Variant
from tflited.errors import ConversionError

INT16X8_SET: Final = "EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8"
_BY_COMPILER: Final = frozenset({Variant.DYNAMIC_RANGE, Variant.FLOAT16})
"""Variants that come out of the compiler itself: the graph is lowered once more."""


def make(order: Order) -> bytes:
    """The flatbuffer of one variant.

    Raises:
        ConversionError: the converter cannot make it.
    """
    if order.variant in {Variant.WEIGHT_ONLY_INT8, Variant.WEIGHT_ONLY_INT4}:
        raise ConversionError(
            f"TensorFlow's converter does not make {order.variant}.",
            hint='set quantiser to "auto" or "litert_quantizer"',
            code="quantiser",
        )
    if order.variant in _BY_COMPILER:
        return _compiled(order)
    return _integer(order)


def operator_sets(variant: Variant, policy: Policy) -> frozenset[str]:
    """TensorFlow's names of the operator sets that a variant may use under a policy."""
    floats = FLOAT_SETS & set(policy.ops) or {OperatorSet.TFLITE_BUILTINS}
    match variant:
        case Variant.INT8:
            return frozenset({OperatorSet.TFLITE_BUILTINS_INT8.value})
        case Variant.INT8_FLOAT_FALLBACK:
            return frozenset(name.value for name in floats) | {OperatorSet.TFLITE_BUILTINS.value}
        case Variant.INT16X8:
            return frozenset(name.value for name in FLOAT_SETS & set(policy.ops)) | {INT16X8_SET}
        case _:
            return frozenset(name.value for name in floats)


def _integer(order: Order) -> bytes:
    """From the shared ranges; where these cannot be had, by the whole public conversion."""
    data = order.statistics.representative
    try:
        return _calibrated(order)
    except (UnfitError, ConversionError):
        return _publicly(order, data)


def _calibrated(order: Order) -> bytes:
    inputs, outputs = io_types(order.variant, order.policy)
    if order.variant is Variant.INT16X8:
        allows_float = bool(FLOAT_SETS & set(order.policy.ops))
        made = order.statistics.with_int16(
            allows_float=allows_float, is_per_channel=order.policy.per_channel
        )
        return with_io_types(made, inputs, outputs)
    calibrated = order.statistics.with_ranges
    with explained(f"Making {order.variant}"):
        return bytes(
            convert.mlir_quantize(
                calibrated,
                disable_per_channel=not order.policy.per_channel,
                input_data_type=tf.dtypes.as_dtype(inputs.value),
                output_data_type=tf.dtypes.as_dtype(outputs.value),
            )
        )


def _publicly(order: Order, data: Representative) -> bytes:
    inputs, outputs = io_types(order.variant, order.policy)
    scratch = str(order.lowered.source.directory)
    with explained(f"Making {order.variant}", scratch=scratch), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        made = order.lowered.public_converter(operator_sets(order.variant, order.policy))
        made.optimizations = [tf.lite.Optimize.DEFAULT]
        made.representative_dataset = data
        made.inference_input_type = tf.dtypes.as_dtype(inputs.value)
        made.inference_output_type = tf.dtypes.as_dtype(outputs.value)
        made._experimental_disable_per_channel = not order.policy.per_channel  # noqa: SLF001
        return bytes(made.convert())


def _compiled(order: Order) -> bytes:
    lowered: Lowered = order.lowered
    subject = f"Making {order.variant}"
    with explained(subject, scratch=str(lowered.source.directory)), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        made: Any = lowered.converter(operator_sets(order.variant, order.policy))
        # Without DEFAULT the converter ignores float16 and says nothing.
        made.optimizations = [tf.lite.Optimize.DEFAULT]
        made._experimental_disable_per_channel = not order.policy.per_channel  # noqa: SLF001
        if order.variant is Variant.FLOAT16:
            made.target_spec.supported_types = [tf.float16]
        return lowered.named(bytes(made.convert()))
