"""Noise in the place of calibration data, on request only; what is made with it is never proven.

Noise drives a network into ranges that no real input reaches, and leaves others unvisited: the
files are well formed and their numbers a guess.
"""

import itertools
from collections.abc import Sequence
from typing import Final

from tflited.convert.arrays import Array
from tflited.convert.data.reference import (
    DYNAMIC_SIZES,
    INTEGER_BOUNDS,
    RANDOM_SAMPLES,
    random_inputs,
)
from tflited.convert.data.sample_set import Samples
from tflited.convert.opening.source import Signature, Source
from tflited.domain.figures import Check, CheckResult
from tflited.domain.policy import NEEDS_CALIBRATION, Policy, Variant
from tflited.errors import ConversionError

_FIRST: Final = RANDOM_SAMPLES
"""The numbers before it are the inputs that variants are compared on."""
_REASON: Final = "synthetic noise stood in for calibration data"
_HINT: Final = (
    "give real inputs: calibration.data with 100 to 500 unlabelled samples, and calibration."
    "synthetic = false"
)


def noise(signature: Signature, count: int) -> Samples:
    """Seeded noise that the source can compute with; the same on every machine.

    Args:
        signature: what is fed.
        count: how many samples.

    Raises:
        ConversionError: an input has no random values, or the source refuses all of them.
    """
    size, bound = _plan(signature)

    def made(index: int) -> dict[str, Array]:
        return random_inputs(signature.inputs, _FIRST + index, size, bound)

    return Samples(indices=tuple((0, index) for index in range(count)), make=made, counts=(count,))


def is_used(policy: Policy) -> bool:
    """Whether noise stands in for data under a policy."""
    rules = policy.calibration
    return rules is not None and rules.synthetic and not rules.data


def checks(variant: Variant, policy: Policy, source: Source) -> tuple[Check, ...]:
    """What keeps a variant that was calibrated with noise from counting as proven."""
    if variant not in NEEDS_CALIBRATION or source.is_training_aware or not is_used(policy):
        return ()
    return (
        Check(
            name="calibration",
            result=CheckResult.UNPROVEN,
            observed=_REASON,
            allowed="ranges from real inputs",
            hint=_HINT,
        ),
    )


def notes(policy: Policy, source: Source) -> Sequence[str]:
    """What a reader of the report must know."""
    names = [entry.value for entry in policy.variants if checks(entry, policy, source)]
    if not names:
        return ()
    note = (
        f"calibration.synthetic is set: {', '.join(names)} took their ranges from noise and are "
        "unverified whatever their figures say."
    )
    return (note,)


def _plan(signature: Signature) -> tuple[int, int]:
    trouble = ConversionError("nothing was tried")
    for size, bound in itertools.product(DYNAMIC_SIZES, INTEGER_BOUNDS):
        try:
            signature.run(random_inputs(signature.inputs, _FIRST, size, bound))
        except ConversionError as error:
            trouble = error
        else:
            return size, bound
    raise trouble
