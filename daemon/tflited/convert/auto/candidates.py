"""Which variants ``auto`` looks at for a target, and under which policy each is made and proven.

The lists follow the decision tree of TensorFlow Lite's guide to post-training quantisation; on a
target that has integers only, nothing is a candidate that it could not run.
"""

from dataclasses import dataclass, replace
from typing import Final

from tflited.convert.tflite.claims import io_types
from tflited.domain.policy import OperatorSet, Policy, Target, TensorType, Variant

TREE: Final = {
    Target.CPU: (
        Variant.INT8,
        Variant.INT8_FLOAT_FALLBACK,
        Variant.DYNAMIC_RANGE,
        Variant.WEIGHT_ONLY_INT8,
        Variant.FLOAT16,
        Variant.FLOAT32,
    ),
    Target.GPU: (Variant.FLOAT16, Variant.WEIGHT_ONLY_INT8, Variant.FLOAT32),
    Target.MICRO: (Variant.INT8, Variant.INT16X8, Variant.FLOAT32),
    Target.EDGETPU: (Variant.INT8,),
}
"""Candidates of a target in the order of the tree: of files of one size the earlier is better."""

INTEGER_ONLY: Final = frozenset({Target.MICRO, Target.EDGETPU})
"""Targets on which a file computes in integers throughout, or in float throughout."""

_TYPES: Final = {
    TensorType.INT8: frozenset({Variant.INT8, Variant.INT8_FLOAT_FALLBACK}),
    TensorType.UINT8: frozenset({Variant.INT8, Variant.INT8_FLOAT_FALLBACK}),
    TensorType.INT16: frozenset({Variant.INT16X8}),
}
"""Variants whose inputs and outputs can have an integer type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A variant that may become the chosen one.

    Attributes:
        variant: which.
        policy: what it is made and proven under.
        obstacle: why it is not made; empty when it is.
    """

    variant: Variant
    policy: Policy
    obstacle: str = ""


def candidates(policy: Policy) -> tuple[Candidate, ...]:
    """The candidates of a policy's target, in the order of the tree."""
    return tuple(_candidate(variant, _adapted(policy)) for variant in TREE[policy.target])


def _adapted(policy: Policy) -> Policy:
    """The policy with what the target demands of every integer file."""
    if policy.target not in INTEGER_ONLY:
        return policy
    # Without operators on floats in the list, conformance accepts none in any integer variant.
    strict = replace(policy, ops=(OperatorSet.TFLITE_BUILTINS_INT8,))
    if policy.target is Target.MICRO:
        return strict
    sides = (policy.input_type, policy.output_type)
    types = (TensorType.INT8 if side is TensorType.FLOAT32 else side for side in sides)
    return replace(strict, input_type=next(types), output_type=next(types))


def _candidate(variant: Variant, policy: Policy) -> Candidate:
    return Candidate(variant=variant, policy=policy, obstacle=_obstacle(variant, policy))


def _obstacle(variant: Variant, policy: Policy) -> str:
    asked = {policy.input_type, policy.output_type} - {TensorType.FLOAT32}
    for kind in sorted(asked):
        if variant not in _TYPES[kind]:
            given = " and ".join(sorted(set(io_types(variant, policy)) - asked)) or "other types"
            return f"its inputs and outputs cannot be {kind}, which the policy asks for ({given})"
    is_integer = variant is not Variant.FLOAT32
    if policy.mixed and is_integer and policy.target in INTEGER_ONLY:
        return f"the policy's mixed rules leave operators that {policy.target} cannot run"
    return ""
