"""Makes each variant; one interface over the two implementations.

Google marks quantisation inside the converter as deprecated in favour of the quantiser that works
on the finished flatbuffer, so what makes a variant is a detail of this module.
"""

import contextlib
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, assert_never

import tensorflow as tf
from ai_edge_quantizer import quantizer, recipe

from tflited.convert import training_aware
from tflited.convert.calibrate import Representative
from tflited.convert.claims import io_types
from tflited.convert.foreign import explained
from tflited.convert.layout import aligned
from tflited.convert.lower import FLOAT_SETS, Lowered, converter
from tflited.convert.repair import without_cell_clip
from tflited.domain.policy import OperatorSet, Policy, Variant

TF_CONVERTER: Final = "tf_converter"
LITERT_QUANTIZER: Final = "litert_quantizer"
_INT16X8: Final = "EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A variant's flatbuffer and which implementation made it."""

    content: bytes
    path: str


def quantise(
    variant: Variant,
    lowered: Lowered,
    policy: Policy,
    representative: Callable[[], Representative],
) -> Made:
    """Makes one variant.

    Args:
        variant: which.
        lowered: the float32 flatbuffer and its source.
        policy: ``ops``, ``input_type`` and ``output_type``.
        representative: gives the calibration data; asked only by variants that need it.

    Raises:
        ConversionError: the variant cannot be made.
    """
    if training_aware.is_special(lowered.source, variant):
        content = training_aware.from_training(variant, lowered, policy)
        return Made(content=content, path=TF_CONVERTER)
    match variant:
        case Variant.FLOAT32:
            return Made(content=lowered.content, path=TF_CONVERTER)
        case Variant.WEIGHT_ONLY_INT8:
            return _weight_only(lowered, recipe.weight_only_wi8_afp32(), variant)
        case Variant.WEIGHT_ONLY_INT4:
            return _weight_only(lowered, recipe.weight_only_wi4_afp32(), variant)
        case Variant.DYNAMIC_RANGE | Variant.FLOAT16:
            return _converted(variant, lowered, policy, None)
        case Variant.INT8 | Variant.INT8_FLOAT_FALLBACK | Variant.INT16X8:
            return _converted(variant, lowered, policy, representative())
        case _:
            assert_never(variant)


def operator_sets(variant: Variant, policy: Policy) -> frozenset[str]:
    """TensorFlow's names of the operator sets that a variant may use under a policy."""
    floats = FLOAT_SETS & set(policy.ops) or {OperatorSet.TFLITE_BUILTINS}
    match variant:
        case Variant.INT8:
            return frozenset({OperatorSet.TFLITE_BUILTINS_INT8.value})
        case Variant.INT8_FLOAT_FALLBACK:
            return frozenset(name.value for name in floats) | {OperatorSet.TFLITE_BUILTINS.value}
        case Variant.INT16X8:
            return frozenset(name.value for name in FLOAT_SETS & set(policy.ops)) | {_INT16X8}
        case _:
            return frozenset(name.value for name in floats)


def _converted(
    variant: Variant, lowered: Lowered, policy: Policy, data: Representative | None
) -> Made:
    subject = f"Making {variant}"
    with explained(subject, scratch=str(lowered.source.directory)), warnings.catch_warnings():
        # The calibrator inside the converter uses tensorflow's own, deprecated interpreter.
        warnings.simplefilter("ignore", UserWarning)
        made = _configured(variant, lowered, policy, data)
        return Made(content=aligned(without_cell_clip(bytes(made.convert()))), path=TF_CONVERTER)


def _configured(
    variant: Variant, lowered: Lowered, policy: Policy, data: Representative | None
) -> Any:
    made = converter(lowered.source, policy.ops, keeps_tensor_lists=lowered.keeps_tensor_lists)
    # Without DEFAULT the converter ignores float16, int8 and the data alike, and says nothing.
    made.optimizations = [tf.lite.Optimize.DEFAULT]
    names = sorted(operator_sets(variant, policy))
    made.target_spec.supported_ops = [tf.lite.OpsSet[name] for name in names]
    if variant is Variant.FLOAT16:
        made.target_spec.supported_types = [tf.float16]
    if data is not None:
        asked_input, asked_output = io_types(variant, policy)
        made.representative_dataset = data
        made.inference_input_type = tf.dtypes.as_dtype(asked_input.value)
        made.inference_output_type = tf.dtypes.as_dtype(asked_output.value)
    return made


def _weight_only(lowered: Lowered, rules: Any, variant: Variant) -> Made:
    # The quantiser tells its progress and its success on standard output.
    with explained(f"Making {variant}"), contextlib.redirect_stdout(io.StringIO()):
        engine = quantizer.Quantizer(bytearray(lowered.content))
        engine.load_quantization_recipe(rules)
        content = aligned(bytes(engine.quantize().quantized_model))
    return Made(content=content, path=LITERT_QUANTIZER)
