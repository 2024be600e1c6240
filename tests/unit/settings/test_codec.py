"""A policy's JSON text and back."""

import pytest

from tflited.domain.policy import Calibration, Evaluation, Hooks, Metric, Policy, Variant
from tflited.settings.codec import decode_policy, encode_policy


@pytest.mark.parametrize(
    "policy",
    [
        Policy(),
        Policy(
            variants=(Variant.INT8,),
            input_shape={"": (1, 2), "é": (3,)},
            calibration=Calibration(data="/a/*.npz", samples=3),
            evaluation=Evaluation(data="/b", float32_tolerance=1e-7, metric=Metric.AUC),
            hooks=Hooks(published=("a", "b"), failed="https://ci.example/x"),
        ),
    ],
)
def test_round_trip(policy: Policy) -> None:
    """An equal value with an equal digest comes back."""
    again = decode_policy(encode_policy(policy))
    assert again == policy
    assert again.digest == policy.digest


@pytest.mark.parametrize("text", ["", "[]", '{"variants": ["int9"]}'])
def test_another_text_is_refused(text: str) -> None:
    """What is no policy is a ValueError."""
    with pytest.raises(ValueError, match="validation error"):
        decode_policy(text)
