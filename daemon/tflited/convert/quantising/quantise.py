"""Makes each variant: one interface, two implementations, and which one is the default for what.

Google marks quantisation inside the converter as deprecated in favour of the quantiser that works
on the finished flatbuffer. Neither is better for every variant; docs/adr/0004 has the figures.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from tflited.convert.opening import training_aware
from tflited.convert.quantising import litert_quantizer, tf_converter
from tflited.convert.quantising.order import Order
from tflited.convert.tflite.layout import laid_out
from tflited.convert.tflite.repair import without_cell_clip
from tflited.domain.policy import Policy, Quantiser, Variant
from tflited.errors import ConversionError


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A variant's flatbuffer and which implementation made it."""

    content: bytes
    path: str


DEFAULTS: Final[Mapping[Variant, Quantiser]] = MappingProxyType(
    {
        Variant.DYNAMIC_RANGE: Quantiser.LITERT_QUANTIZER,
        Variant.FLOAT16: Quantiser.LITERT_QUANTIZER,
        Variant.INT8: Quantiser.TF_CONVERTER,
        Variant.INT8_FLOAT_FALLBACK: Quantiser.TF_CONVERTER,
        Variant.INT16X8: Quantiser.TF_CONVERTER,
        Variant.WEIGHT_ONLY_INT8: Quantiser.LITERT_QUANTIZER,
        Variant.WEIGHT_ONLY_INT4: Quantiser.LITERT_QUANTIZER,
    }
)
"""What ``quantiser = "auto"`` means."""

_MAKERS: Final[Mapping[Quantiser, Callable[[Order], bytes]]] = MappingProxyType(
    {
        Quantiser.TF_CONVERTER: tf_converter.make,
        Quantiser.LITERT_QUANTIZER: litert_quantizer.make,
    }
)
_OTHER: Final = {
    Quantiser.LITERT_QUANTIZER: Quantiser.TF_CONVERTER,
    Quantiser.TF_CONVERTER: Quantiser.LITERT_QUANTIZER,
}
_OF_DATA: Final = frozenset({"needs_calibration", "data"})
"""Failures that the other implementation would only repeat."""


def candidates(order: Order) -> Iterator[Made]:
    """What can be published as a variant, the likeliest first; made as they are asked for.

    With ``quantiser = "auto"`` the other implementation gets its turn where the first one fails,
    or its file is not what was asked: neither covers every operator.

    Yields:
        One file, or two.

    Raises:
        ConversionError: no implementation can make the variant; the first one's words.
    """
    if training_aware.is_special(order.lowered.source, order.variant):
        content = training_aware.from_training(order)
        yield Made(content=_finished(content), path=Quantiser.TF_CONVERTER.value)
        return
    chosen = chosen_for(order.variant, order.policy)
    if order.policy.quantiser is not Quantiser.AUTO or order.policy.mixed:
        yield _made(order, chosen)
        return
    failure: ConversionError | None = None
    try:
        yield _made(order, chosen)
    except ConversionError as error:
        if error.code in _OF_DATA:
            raise
        failure = error
    try:
        yield _made(order, _OTHER[chosen])
    except ConversionError:
        if failure is not None:
            raise failure from None


def chosen_for(variant: Variant, policy: Policy) -> Quantiser:
    """The implementation that makes a variant under a policy."""
    if policy.mixed:
        return Quantiser.LITERT_QUANTIZER
    if policy.quantiser is Quantiser.AUTO:
        return DEFAULTS[variant]
    return policy.quantiser


def _made(order: Order, quantiser: Quantiser) -> Made:
    content = _MAKERS[quantiser](order)
    return Made(content=_finished(content), path=quantiser.value)


def _finished(content: bytes) -> bytes:
    return laid_out(without_cell_clip(content))
