"""What a file that is called a variant claims to be; known before anything is made."""

from typing import Final

from tflited.domain.policy import NEEDS_CALIBRATION, Policy, TensorType, Variant

WEIGHT_TYPES: Final = {
    Variant.DYNAMIC_RANGE: "int8",
    Variant.FLOAT16: "float16",
    Variant.INT8: "int8",
    Variant.INT8_FLOAT_FALLBACK: "int8",
    Variant.INT16X8: "int8",
    Variant.WEIGHT_ONLY_INT8: "int8",
    Variant.WEIGHT_ONLY_INT4: "int4",
}
"""Element type of the weights."""

ACTIVATION_TYPES: Final = {
    Variant.INT8: "int8",
    Variant.INT8_FLOAT_FALLBACK: "int8",
    Variant.INT16X8: "int16",
}
"""Element type of what operators compute; absent where it is float."""


def io_types(variant: Variant, policy: Policy) -> tuple[TensorType, TensorType]:
    """Element types of a variant's float inputs and outputs: integers for integer variants only."""
    if variant in NEEDS_CALIBRATION:
        return policy.input_type, policy.output_type
    return TensorType.FLOAT32, TensorType.FLOAT32
