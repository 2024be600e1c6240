"""Quantisation by ai-edge-quantizer, which works on the finished float32 file.

Its recipes are lists of rules by output name and operator, the later ones winning; the policy's
``mixed`` rules are put behind the variant's own.
"""

import contextlib
import io
import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from ai_edge_quantizer import quantizer

from tflited.convert.faults.foreign import explained
from tflited.convert.quantising.order import Order
from tflited.convert.tflite.claims import io_types
from tflited.convert.tflite.edges import with_io_types
from tflited.domain.policy import NEEDS_CALIBRATION, Variant

Rule = dict[str, Any]

SMALL_LAYER: Final = 1024
"""Weights with fewer elements stay in float in a dynamic range file, as with TensorFlow's own."""
_UNIFORM: Final = "min_max_uniform_quantize"
_CAST: Final = "float_casting"
_NONE: Final = "no_quantize"
_EDGES: Final = ("INPUT", "OUTPUT")


def make(order: Order) -> bytes:
    """The flatbuffer of one variant.

    Raises:
        ConversionError: the quantiser cannot make it.
    """
    # The quantiser tells its progress and its success on standard output.
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        made = _quantised(order)
    inputs, outputs = io_types(order.variant, order.policy)
    return with_io_types(made, inputs, outputs) if order.variant in NEEDS_CALIBRATION else made


def recipe(order: Order) -> list[Rule]:
    """The rules of a variant under a policy, in the quantiser's own form."""
    is_per_channel = order.policy.per_channel
    rules = [rule(order.variant, is_per_channel=is_per_channel)]
    for mixed in order.policy.mixed:
        form = rule(mixed.form, is_per_channel=is_per_channel)
        rules.append(form | {"regex": mixed.scope, "operation": mixed.operator})
    if order.variant in NEEDS_CALIBRATION:
        # Floats at the edges first; another type is set afterwards, as with TensorFlow's own.
        rules += [rule(Variant.FLOAT32) | {"operation": edge} for edge in _EDGES]
    return rules


def rule(form: Variant, *, is_per_channel: bool = True) -> Rule:
    """The rule that gives every operator one form."""
    made = {"regex": ".*", "operation": "*", "algorithm_key": _ALGORITHMS.get(form, _UNIFORM)}
    if form is Variant.FLOAT32:
        return made
    return made | {"op_config": _config(form, is_per_channel=is_per_channel)}


def _config(form: Variant, *, is_per_channel: bool) -> Rule:
    weights, activations, is_integer = _FORMS[form]
    config: Rule = {
        "weight_tensor_config": {
            "num_bits": weights,
            "symmetric": True,
            "granularity": "CHANNELWISE"
            if is_per_channel and form is not Variant.FLOAT16
            else "TENSORWISE",
            "dtype": "FLOAT" if form is Variant.FLOAT16 else "INT",
        },
        "compute_precision": "INTEGER" if is_integer else "FLOAT",
        "explicit_dequantize": not is_integer,
        "skip_checks": False,
        "min_weight_elements": SMALL_LAYER if form is Variant.DYNAMIC_RANGE else 0,
    }
    if activations:
        config["activation_tensor_config"] = {
            "num_bits": activations,
            "symmetric": activations == 16,  # noqa: PLR2004 - TensorFlow Lite's 16x8 scheme
            "granularity": "TENSORWISE",
            "dtype": "INT",
        }
    return config


_ALGORITHMS: Final[Mapping[Variant, str]] = MappingProxyType(
    {Variant.FLOAT16: _CAST, Variant.FLOAT32: _NONE}
)
_FORMS: Final[Mapping[Variant, tuple[int, int, bool]]] = MappingProxyType(
    {
        Variant.DYNAMIC_RANGE: (8, 0, True),
        Variant.FLOAT16: (16, 0, False),
        Variant.INT8: (8, 8, True),
        Variant.INT8_FLOAT_FALLBACK: (8, 8, True),
        Variant.INT16X8: (8, 16, True),
        Variant.WEIGHT_ONLY_INT8: (8, 0, False),
        Variant.WEIGHT_ONLY_INT4: (4, 0, False),
    }
)
"""Bits of the weights, of the activations (0: float), and whether the operators are integer."""


def _quantised(order: Order) -> bytes:
    with explained(f"Making {order.variant}"):
        engine = quantizer.Quantizer(bytearray(order.lowered.content))
        engine.load_quantization_recipe(recipe(order))
        ranges = None
        if engine.need_calibration:
            ranges = engine.calibrate(order.statistics.representative.by_signature(), num_threads=1)
        made = engine.quantize(ranges, enable_progress_bar=False, enable_progress_report=False)
        return bytes(made.quantized_model)
