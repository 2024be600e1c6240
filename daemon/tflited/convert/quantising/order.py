"""What a quantiser is asked for: the one argument of both implementations."""

from dataclasses import dataclass

from tflited.convert.lowering.lower import Lowered
from tflited.convert.quantising.calibrate import Statistics
from tflited.domain.policy import Policy, Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a quantiser is asked for.

    Attributes:
        variant: which.
        lowered: the float32 flatbuffer and its source.
        policy: ``ops``, ``input_type``, ``output_type``, ``per_channel`` and ``mixed``.
        statistics: the ranges; asked only by variants that need them.
    """

    variant: Variant
    lowered: Lowered
    policy: Policy
    statistics: Statistics
