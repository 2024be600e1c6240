"""The proof of a variant: what it claims is there, and its numbers are the source's.

What fails is rejected, what could not be checked is unverified, and only the float32 baseline
stops a build: if it does not match, nothing made from it can.
"""

from dataclasses import dataclass, replace

from tflited.convert.data import synthetic
from tflited.convert.proof import conformance, loss
from tflited.convert.proof.conformance import Measured
from tflited.convert.proof.ground import Ground, source_specs
from tflited.convert.proof.judge import judge, not_judged
from tflited.convert.proof.numbers import numbers
from tflited.convert.pruning import zeros
from tflited.domain.figures import Accuracy, Check, CheckResult, MicroFigures, OutputFidelity
from tflited.domain.policy import Variant
from tflited.domain.report import LOSS_CHECKS, VariantState
from tflited.errors import ProofError


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What came of a proof: the verdict, its first reason, and everything behind it."""

    state: VariantState
    reason: str
    hint: str
    checks: tuple[Check, ...]
    fidelity: tuple[OutputFidelity, ...]
    fidelity_pruned: tuple[OutputFidelity, ...] = ()
    accuracy: Accuracy | None = None
    micro: MicroFigures | None = None


def prove(variant: Variant, content: bytes, file: Measured, ground: Ground) -> Proof:
    """Checks one variant in every way there is.

    Args:
        variant: what the file claims to be.
        content: its bytes.
        file: what was read from them.
        ground: what to compare with.
    """
    checks = conformance.checks(
        variant, ground.policy, file, ground.baseline, source_specs(ground.source)
    )
    measured, fidelity = numbers(variant, content, file, ground)
    judged, accuracy = _accuracy(content, measured, ground)
    guessed = synthetic.checks(variant, ground.policy, ground.source)
    found, pruned = (*guessed, *measured, *judged), fidelity[:0]
    if ground.pruning is not None:
        before, pruned = replace(ground, reference=ground.pruning.original), fidelity
        told, fidelity = numbers(variant, content, file, before)
        found = loss.checks(measured, told, judged, ground.task)
        found = (zeros.check(content, ground.pruning), *guessed, *found)
    proof = verdict((*checks, *found), fidelity, requires_proof=ground.policy.require_proof)
    return replace(proof, fidelity_pruned=pruned, accuracy=accuracy)


def has_failed(proof: Proof) -> bool:
    """Whether the file is not what its source is; what could not be checked did not fail.

    What pruning cost is no fault of the file, and rejects a variant only.
    """
    return bool(_faults(proof))


def with_checks(proof: Proof, more: tuple[Check, ...], *, requires_proof: bool) -> Proof:
    """The proof with further checks, and the verdict that follows.

    Args:
        proof: so far.
        more: the checks.
        requires_proof: what could not be checked counts as failed.
    """
    made = verdict((*proof.checks, *more), proof.fidelity, requires_proof=requires_proof)
    return replace(proof, state=made.state, reason=made.reason, hint=made.hint, checks=made.checks)


def check_baseline(proof: Proof) -> None:
    """Stops the build where the float32 file is not what its source is.

    Raises:
        ProofError: a check of the baseline failed.
    """
    failed = _faults(proof)
    if failed:
        raise ProofError(
            f"The float32 file does not match its source: {_sentence(failed[0])}.",
            hint=failed[0].hint or "report the model: this is a fault of the converter",
        )


def _faults(proof: Proof) -> list[Check]:
    is_pruned = any(check.name == loss.SPARSITY for check in proof.checks)
    return [
        check
        for check in proof.checks
        if check.result is CheckResult.FAILED and not (is_pruned and check.name in LOSS_CHECKS)
    ]


def verdict(
    checks: tuple[Check, ...], fidelity: tuple[OutputFidelity, ...], *, requires_proof: bool
) -> Proof:
    """The state that a list of checks means, and the reason a reader needs first.

    Args:
        checks: everything that was checked.
        fidelity: figures for the record.
        requires_proof: what could not be checked counts as failed.
    """
    failed = [check for check in checks if check.result is CheckResult.FAILED]
    unproven = [check for check in checks if check.result is CheckResult.UNPROVEN]
    state = VariantState.UNVERIFIED if unproven else VariantState.PROVEN
    if failed or (unproven and requires_proof):
        state = VariantState.REJECTED
    first = next(iter(failed + unproven), None)
    reason = _sentence(first) if first else ""
    if first in unproven and requires_proof:
        reason = f"require_proof is set, and this is not proven: {reason}"
    return Proof(
        state=state,
        reason=reason,
        hint=first.hint if first else "",
        checks=checks,
        fidelity=fidelity,
    )


def _accuracy(
    content: bytes, measured: tuple[Check, ...], ground: Ground
) -> tuple[tuple[Check, ...], Accuracy | None]:
    """Accuracy of a file that runs; of another one nothing can be said."""
    runs = next((check for check in measured if check.name == "runs"), None)
    if ground.task is not None and runs is not None and runs.result is not CheckResult.PASSED:
        return (not_judged(ground.task, f"it did not run: {runs.observed}", runs.hint),), None
    return judge(content, ground.task, threads=ground.threads)


def _sentence(check: Check) -> str:
    return f"{check.name}: {check.observed}; allowed: {check.allowed}"
