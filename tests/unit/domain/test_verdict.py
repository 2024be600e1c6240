"""The verdict: which variants are published, and whether a set is held back."""

import itertools
from dataclasses import replace

import pytest

from fakes.samples import a_file, a_report, a_variant
from tflited.domain.figures import Check, CheckResult
from tflited.domain.policy import OnReject, Policy, Prune, Variant
from tflited.domain.report import VariantReport, VariantState
from tflited.domain.verdict import decide
from tflited.errors import OutputError, ProofError

PROVEN, UNVERIFIED, REJECTED = VariantState.PROVEN, VariantState.UNVERIFIED, VariantState.REJECTED
FILE = a_file("int8/m.tflite", b"x")


def entry(state: VariantState, variant: Variant = Variant.INT8) -> VariantReport:
    return a_variant(variant, state, (FILE,))


BASELINE = entry(PROVEN, Variant.FLOAT32)


@pytest.mark.parametrize(
    ("state", "on_reject", "require_proof"),
    [*itertools.product(VariantState, OnReject, (False, True))],
)
def test_every_case_of_the_rule(
    state: VariantState, on_reject: OnReject, require_proof: bool
) -> None:
    """Beside a proven baseline: what fails is left out or holds; unproven counts as asked."""
    policy = Policy(on_reject=on_reject, require_proof=require_proof)
    verdict = decide(a_report(BASELINE, entry(state)), policy)
    is_out = state is REJECTED or (state is UNVERIFIED and require_proof)
    assert [found.variant for found in verdict.rejected] == [Variant.INT8] * is_out
    assert verdict.is_held == (is_out and on_reject is OnReject.HOLD)
    assert len(verdict.published) == 2 - is_out


def a_check(name: str) -> Check:
    return Check(name=name, result=CheckResult.FAILED, observed="less", allowed="more")


def test_what_pruning_cost_rejects_float32_alone() -> None:
    """The baseline is proven against the pruned graph; another variant may keep the budget."""
    pruning = Policy(prune=Prune(sparsity=0.8))
    lossy = replace(entry(REJECTED, Variant.FLOAT32), checks=(a_check("accuracy"),))
    assert decide(a_report(lossy, entry(PROVEN)), pruning).rejected[0].variant is Variant.FLOAT32
    with pytest.raises(ProofError):
        decide(a_report(lossy, entry(PROVEN)), Policy())


@pytest.mark.parametrize("name", ["fidelity_pruned", "runs"])
def test_a_pruned_baseline_that_is_wrong_still_fails_the_build(name: str) -> None:
    """It is not the pruned graph, so that nothing made from it can be."""
    pruning = Policy(prune=Prune(sparsity=0.8))
    wrong = replace(entry(REJECTED, Variant.FLOAT32), checks=(a_check("accuracy"), a_check(name)))
    with pytest.raises(ProofError):
        decide(a_report(wrong, entry(PROVEN)), pruning)


def test_the_order_is_the_reports() -> None:
    """Rejected variants stay where they were asked for."""
    report = a_report(entry(REJECTED), BASELINE, entry(PROVEN, Variant.FLOAT16))
    order = [found.variant for found in decide(report, Policy()).variants]
    assert order == [Variant.INT8, Variant.FLOAT32, Variant.FLOAT16]


def test_a_published_variant_is_passed_on_unchanged() -> None:
    """The verdict adds nothing to what the child found."""
    verdict = decide(a_report(BASELINE, entry(UNVERIFIED)), Policy())
    assert verdict.variants == (BASELINE, entry(UNVERIFIED))


@pytest.mark.parametrize("state", [REJECTED, UNVERIFIED])
def test_a_rejected_variant_lists_no_files(state: VariantState) -> None:
    """The record names no file that the set does not hold."""
    verdict = decide(a_report(BASELINE, entry(state)), Policy(require_proof=True))
    (rejected,) = verdict.rejected
    assert rejected.files == ()
    assert rejected.state is REJECTED


def test_a_missing_proof_is_named_as_the_reason() -> None:
    """The reader learns that the policy, not the numbers, refused it, and what was unproven."""
    verdict = decide(a_report(BASELINE, entry(UNVERIFIED)), Policy(require_proof=True))
    assert verdict.rejections == (
        "int8: require_proof is set and it is unverified: snr 3 dB, least 20 dB"
    )


@pytest.mark.parametrize("on_reject", OnReject)
def test_a_wrong_baseline_fails_whatever_the_policy_says(on_reject: OnReject) -> None:
    """Variants of a model that was read wrongly prove nothing."""
    report = a_report(entry(REJECTED, Variant.FLOAT32), entry(PROVEN))
    with pytest.raises(ProofError, match="snr 3 dB") as caught:
        decide(report, Policy(on_reject=on_reject))
    assert caught.value.code == "baseline_mismatch"


def test_an_unproven_baseline_is_no_wrong_one() -> None:
    """It is left out when proof is required; the others may be proven all the same."""
    report = a_report(entry(UNVERIFIED, Variant.FLOAT32), entry(PROVEN))
    verdict = decide(report, Policy(require_proof=True))
    assert [found.variant for found in verdict.published] == [Variant.INT8]


@pytest.mark.parametrize("on_reject", OnReject)
def test_nothing_left_is_an_error(on_reject: OnReject) -> None:
    """An empty set is never published; the message carries every reason."""
    report = a_report(entry(REJECTED), entry(REJECTED, Variant.INT16X8))
    with pytest.raises(OutputError, match="observed 2 rejected") as caught:
        decide(report, Policy(on_reject=on_reject))
    assert "int8: snr 3 dB" in caught.value.message
    assert "int16x8: snr 3 dB" in caught.value.message
