"""Whether a file is what its variant claims."""

from collections.abc import Callable

import pytest

from tflited.convert.proof.conformance import Measured, checks
from tflited.convert.tflite import flatbuffer
from tflited.domain.figures import Check, CheckResult, TensorSpec
from tflited.domain.policy import OperatorSet, Policy, TensorType, Variant

Dense = Callable[..., bytes]
SOURCE = (
    (TensorSpec(index=0, name="x", shape=(-1, 4), dtype="float32"),),
    (TensorSpec(index=0, name="y", shape=(-1, 4), dtype="float32"),),
)


def measured(content: bytes) -> Measured:
    return Measured(flatbuffer=flatbuffer.read(content), size_bytes=len(content))


def judged(
    variant: Variant, content: bytes, baseline: bytes, policy: Policy | None = None
) -> dict[str, Check]:
    found = checks(variant, policy or Policy(), measured(content), measured(baseline), SOURCE)
    return {check.name: check for check in found}


def test_quantised_weights_pass(dense: Dense) -> None:
    """What was asked is there."""
    found = judged(Variant.DYNAMIC_RANGE, dense(weights="int8"), dense())
    assert {check.result for check in found.values()} == {CheckResult.PASSED}


@pytest.mark.parametrize("variant", [Variant.DYNAMIC_RANGE, Variant.FLOAT16, Variant.INT8])
def test_a_float_file_by_another_name_fails(dense: Dense, variant: Variant) -> None:
    """The converter answers several requests with float32 and no error."""
    found = judged(variant, dense(), dense())
    assert found["weights_type"].result is CheckResult.FAILED
    assert found["size_ratio"].result is CheckResult.FAILED


def test_small_layers_are_named_as_the_reason(dense: Dense) -> None:
    """Dynamic range leaves fewer than 1024 weights in float: the hint says so."""
    small = dense(elements=512)
    hint = judged(Variant.DYNAMIC_RANGE, small, small)["weights_type"].hint
    assert "1024" in hint
    assert "weight_only_int8" in hint


def test_a_small_share_is_unproven(
    drawn_mixture: Callable[[int, int], bytes], dense: Dense
) -> None:
    """Some weights have the type, most do not: neither a lie nor a proof."""
    check = judged(Variant.DYNAMIC_RANGE, drawn_mixture(1000, 4000), dense())["weights_type"]
    assert check.result is CheckResult.UNPROVEN
    assert "20%" in check.observed


def test_growth_of_a_tiny_file_is_unproven(dense: Dense) -> None:
    """Where weights are the smaller part of the file, its size proves nothing."""
    tiny = dense(elements=4)
    check = judged(Variant.DYNAMIC_RANGE, tiny, tiny)["size_ratio"]
    assert check.result is CheckResult.UNPROVEN


def test_float_at_the_edges_is_no_float_operator(
    with_float_island: Callable[[bool], bytes], dense: Dense
) -> None:
    """With float inputs and outputs the file begins and ends with a conversion."""
    check = judged(Variant.INT8, with_float_island(False), dense())["operator_types"]
    assert check.result is CheckResult.PASSED


def test_a_float_operator_fails_int8(
    with_float_island: Callable[[bool], bytes], dense: Dense
) -> None:
    """TFLITE_BUILTINS_INT8 does not keep the converter from float islands; the check does."""
    check = judged(Variant.INT8, with_float_island(True), dense())["operator_types"]
    assert check.result is CheckResult.FAILED
    assert "COS" in check.observed
    assert "COS" in check.hint


def test_a_float_operator_is_allowed_in_the_fallback(
    with_float_island: Callable[[bool], bytes], dense: Dense
) -> None:
    """That is what the fallback is for."""
    content = with_float_island(True)
    check = judged(Variant.INT8_FLOAT_FALLBACK, content, dense())["operator_types"]
    assert check.result is CheckResult.PASSED


def test_integer_activations_are_asked_for(dense: Dense) -> None:
    """Integer weights alone are dynamic range, not int8."""
    found = judged(Variant.INT8_FLOAT_FALLBACK, dense(weights="int8"), dense())
    assert found["operator_types"].result is CheckResult.FAILED


@pytest.mark.parametrize(
    ("ops", "result"),
    [
        ((OperatorSet.TFLITE_BUILTINS,), CheckResult.PASSED),
        ((OperatorSet.TFLITE_BUILTINS_INT8,), CheckResult.FAILED),
    ],
)
def test_int16x8_is_strict_without_float_builtins(
    dense: Dense,
    int16_with_float: bytes,
    ops: tuple[OperatorSet, ...],
    result: CheckResult,
) -> None:
    """The policy's operator sets decide whether 16x8 may fall back to float."""
    found = judged(Variant.INT16X8, int16_with_float, dense(), Policy(ops=ops))
    assert found["operator_types"].result is result


def test_integer_io_is_checked(dense: Dense) -> None:
    """A policy that asks for int8 inputs and outputs gets them or a failure."""
    policy = Policy(input_type=TensorType.INT8, output_type=TensorType.INT8)
    good = judged(Variant.INT8, dense(weights="int8", activations="int8"), dense(), policy)
    assert good["input_type"].result is CheckResult.PASSED
    bad = judged(Variant.INT8, dense(weights="int8"), dense(), policy)
    assert bad["input_type"].result is CheckResult.FAILED
    assert bad["output_type"].observed == "y: float32"


def test_integer_io_does_not_concern_float_variants(dense: Dense) -> None:
    """Only integer variants can have integer inputs; the others keep the source's."""
    policy = Policy(input_type=TensorType.INT8)
    found = judged(Variant.FLOAT32, dense(), dense(), policy)
    assert found["input_type"].result is CheckResult.PASSED
