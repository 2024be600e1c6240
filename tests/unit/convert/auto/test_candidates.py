"""Which variants auto looks at for a target."""

from dataclasses import replace

import pytest

from tflited.convert.auto.candidates import candidates
from tflited.domain.policy import MixedRule, OperatorSet, Policy, Target, TensorType, Variant

FLOATS_ON_INTEGER_TARGETS = {
    Variant.DYNAMIC_RANGE,
    Variant.FLOAT16,
    Variant.WEIGHT_ONLY_INT8,
    Variant.WEIGHT_ONLY_INT4,
    Variant.INT8_FLOAT_FALLBACK,
}


def made(policy: Policy) -> list[Variant]:
    """The candidates without an obstacle."""
    return [entry.variant for entry in candidates(policy) if not entry.obstacle]


@pytest.mark.parametrize("target", Target)
def test_every_target_has_its_list(target: Target) -> None:
    """None twice, and never auto itself."""
    listed = made(Policy(target=target))
    assert listed
    assert len(set(listed)) == len(listed)
    assert Variant.AUTO not in listed


@pytest.mark.parametrize("target", [Target.MICRO, Target.EDGETPU])
def test_integer_targets_get_nothing_they_cannot_run(target: Target) -> None:
    """TFLM refuses hybrid and float16 files; an Edge TPU compiles integers only."""
    found = candidates(Policy(target=target))
    assert not FLOATS_ON_INTEGER_TARGETS & {entry.variant for entry in found}
    assert all(entry.policy.ops == (OperatorSet.TFLITE_BUILTINS_INT8,) for entry in found)


def test_an_edge_tpu_has_integer_edges() -> None:
    """Float inputs would run on the host; what the policy asks for itself stays."""
    (plain,) = candidates(Policy(target=Target.EDGETPU))
    assert {plain.policy.input_type, plain.policy.output_type} == {TensorType.INT8}
    asked = Policy(target=Target.EDGETPU, input_type=TensorType.UINT8)
    (own,) = candidates(asked)
    assert (own.policy.input_type, own.policy.output_type) == (TensorType.UINT8, TensorType.INT8)


def test_integer_inputs_leave_integer_variants() -> None:
    """The published file must take what the caller was promised, whichever is chosen."""
    policy = Policy(input_type=TensorType.INT8)
    assert made(policy) == [Variant.INT8, Variant.INT8_FLOAT_FALLBACK]
    refused = next(row for row in candidates(policy) if row.variant is Variant.FLOAT16)
    assert "cannot be int8" in refused.obstacle
    micro = replace(policy, input_type=TensorType.INT16, target=Target.MICRO)
    assert made(micro) == [Variant.INT16X8]


def test_mixed_rules_do_not_go_with_integer_targets() -> None:
    """They would let operators in float pass the proof."""
    policy = Policy(target=Target.MICRO, mixed=(MixedRule(form=Variant.FLOAT32),))
    assert made(policy) == [Variant.FLOAT32]
