"""The proof of a variant: what it claims is there, and its numbers are the source's.

What fails is rejected, what could not be checked is unverified, and only the float32 baseline
stops a build: if it does not match, nothing made from it can.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tflited.convert.data.reference import Pair, Reference
from tflited.convert.opening.source import Source
from tflited.convert.proof import conformance
from tflited.convert.proof.conformance import Measured
from tflited.convert.proof.fidelity import Sums, figures
from tflited.convert.proof.judge import judge, not_judged
from tflited.convert.proof.run import compare_all
from tflited.convert.proof.task import Task
from tflited.convert.tflite.flatbuffer import qualified
from tflited.domain.policy import Policy, Variant
from tflited.domain.report import (
    Accuracy,
    Check,
    CheckResult,
    MicroFigures,
    OutputFidelity,
    TensorSpec,
    VariantState,
)
from tflited.errors import ConversionError, ProofError

SLOW_SAMPLES: Final = 8
"""Samples that int16x8 files are compared on: no host has fast kernels for them, and one invocation
takes as long as some tens of the other variants'."""
_NO_FLEX: Final = (
    "no interpreter in a Python package runs select operators since TensorFlow 2.20; "
    "verify the file on the device"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What every proof of a build stands on.

    Attributes:
        policy: budgets, and what was asked.
        source: the model.
        reference: inputs and the source's outputs.
        baseline: the float32 file.
        threads: processor threads to use.
        task: labelled data to judge accuracy on; None where no metric is asked.
    """

    policy: Policy
    source: Source
    reference: Reference
    baseline: Measured
    threads: int = 1
    task: Task | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What came of a proof: the verdict, its first reason, and everything behind it."""

    state: VariantState
    reason: str
    hint: str
    checks: tuple[Check, ...]
    fidelity: tuple[OutputFidelity, ...]
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
    measured, fidelity = _numbers(variant, content, file, ground)
    judged, accuracy = _accuracy(content, measured, ground)
    proof = verdict(
        (*checks, *measured, *judged), fidelity, requires_proof=ground.policy.require_proof
    )
    return replace(proof, accuracy=accuracy)


def has_failed(proof: Proof) -> bool:
    """Whether any check failed; what could not be checked did not."""
    return any(check.result is CheckResult.FAILED for check in proof.checks)


def check_baseline(proof: Proof) -> None:
    """Stops the build where the float32 file is not what its source is.

    Raises:
        ProofError: a check of the baseline failed.
    """
    failed = [check for check in proof.checks if check.result is CheckResult.FAILED]
    if failed:
        raise ProofError(
            f"The float32 file does not match its source: {_sentence(failed[0])}.",
            hint=failed[0].hint or "report the model: this is a fault of the converter",
        )


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


def source_specs(source: Source) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """Inputs and outputs of a source over all its signatures, named as in reports."""
    count = len(source.signatures)
    inputs, outputs = (
        tuple(
            TensorSpec(
                index=spec.index,
                name=qualified(entry.name, spec.name, count),
                shape=spec.shape,
                dtype=spec.dtype,
            )
            for entry in source.signatures
            for spec in (entry.inputs if side == 0 else entry.outputs)
        )
        for side in (0, 1)
    )
    return inputs, outputs


def _numbers(
    variant: Variant, content: bytes, file: Measured, ground: Ground
) -> tuple[tuple[Check, ...], tuple[OutputFidelity, ...]]:
    unproven = _cannot_compare(file, ground.reference)
    if unproven:
        return (unproven,), ()
    try:
        pairs = _compared_pairs(variant, ground.reference)
        sums = compare_all(content, pairs, threads=ground.threads)
    except ConversionError as error:
        return (_failed_to_run(error),), ()
    count = len(ground.source.signatures)
    named = {
        qualified(signature, output, count): parts
        for signature, outputs in sums.items()
        for output, parts in outputs.items()
    }
    fidelity = tuple(figures(name, parts) for name, parts in named.items())
    floats = {spec.name for spec in source_specs(ground.source)[1] if "float" in spec.dtype}
    judged = tuple(
        _judged(variant, entry, named[entry.output], ground, is_float=entry.output in floats)
        for entry in fidelity
    )
    return (
        _ran(fidelity),
        *_data_check(ground.reference),
        *_movement(ground.reference),
        *judged,
    ), fidelity


def _compared_pairs(variant: Variant, reference: Reference) -> Mapping[str, tuple[Pair, ...]]:
    if variant is not Variant.INT16X8:
        return reference.pairs
    return {name: pairs[:SLOW_SAMPLES] for name, pairs in reference.pairs.items()}


def _accuracy(
    content: bytes, measured: tuple[Check, ...], ground: Ground
) -> tuple[tuple[Check, ...], Accuracy | None]:
    """Accuracy of a file that runs; of another one nothing can be said."""
    runs = next((check for check in measured if check.name == "runs"), None)
    if ground.task is not None and runs is not None and runs.result is not CheckResult.PASSED:
        return (not_judged(ground.task, f"it did not run: {runs.observed}", runs.hint),), None
    return judge(content, ground.task, threads=ground.threads)


def _judged(
    variant: Variant,
    entry: OutputFidelity,
    parts: Sequence[Sums],
    ground: Ground,
    *,
    is_float: bool,
) -> Check:
    mismatches = sum(part.non_finite_mismatches for part in parts)
    values = sum(part.values for part in parts)
    if mismatches:
        return _check(
            CheckResult.FAILED,
            observed=f"{entry.output}: {mismatches} values are finite on one side only",
            allowed="finite where the source is",
            hint="look for a division or logarithm near zero in the model",
        )
    if not values:
        return _check(
            CheckResult.UNPROVEN,
            observed=f"{entry.output}: the source gives no finite value",
            allowed="at least 1 finite value",
            hint="give evaluation data in the policy",
        )
    if variant is Variant.FLOAT32:
        return _judged_baseline(entry, ground)
    return _judged_variant(entry, ground, is_float=is_float)


def _judged_baseline(entry: OutputFidelity, ground: Ground) -> Check:
    tolerance = ground.policy.evaluation.float32_tolerance
    is_passed = entry.relative_error <= tolerance
    if ground.source.is_training_aware and not is_passed:
        return _judged_rounding(entry, ground.policy.evaluation.min_snr_db)
    return _check(
        CheckResult.PASSED if is_passed else CheckResult.FAILED,
        observed=f"{entry.output}: relative error {entry.relative_error:.3g}",
        allowed=f"at most {tolerance:.3g} of the source's output range",
        hint=""
        if is_passed
        else "compare on real inputs (evaluation data); if it stays, the converter is at fault",
    )


def _judged_rounding(entry: OutputFidelity, minimum: float) -> Check:
    """A source that rounds itself, to a grid that may lie half a step beside the converter's."""
    is_passed = entry.snr_db is not None and entry.snr_db >= minimum
    return _check(
        CheckResult.PASSED if is_passed else CheckResult.FAILED,
        observed=f"{entry.output}: {entry.snr_db or 0.0:.1f} dB against a source that rounds",
        allowed=f"at least {minimum:g} dB",
        hint="" if is_passed else "compare on real inputs (evaluation data)",
    )


def _judged_variant(entry: OutputFidelity, ground: Ground, *, is_float: bool) -> Check:
    minimum = ground.policy.evaluation.min_snr_db
    if not is_float:
        is_same = entry.max_abs_error == 0.0
        return _check(
            CheckResult.PASSED if is_same else CheckResult.UNPROVEN,
            observed=f"{entry.output}: integer output, greatest difference {entry.max_abs_error:g}",
            allowed="equal to the source",
            hint="" if is_same else "compare on evaluation data",
        )
    is_passed = entry.snr_db is None or entry.snr_db >= minimum
    is_random = ground.reference.origin == "random"
    return _check(
        CheckResult.PASSED if is_passed else CheckResult.FAILED,
        observed=f"{entry.output}: "
        + ("exact" if entry.snr_db is None else f"{entry.snr_db:.1f} dB")
        + f" on {ground.reference.origin} inputs",
        allowed=f"at least {minimum:g} dB",
        hint="" if is_passed else _fidelity_hint(is_random=is_random),
    )


def _fidelity_hint(*, is_random: bool) -> str:
    if is_random:
        return "give evaluation data in the policy, so that real inputs are compared"
    return "give more calibration data, choose a milder variant, or lower evaluation.min_snr_db"


def _cannot_compare(file: Measured, reference: Reference) -> Check | None:
    select = file.flatbuffer.select_operators
    if select:
        return Check(
            name="runs",
            result=CheckResult.UNPROVEN,
            observed=f"select operators {', '.join(select)}",
            allowed="only operators that LiteRT runs",
            hint=_NO_FLEX,
        )
    if not reference.pairs:
        return _check(
            CheckResult.UNPROVEN,
            observed=reference.trouble,
            allowed="inputs that the source can compute",
            hint="give evaluation data in the policy",
        )
    return None


def _data_check(reference: Reference) -> tuple[Check, ...]:
    if not reference.trouble:
        return ()
    return (
        Check(
            name="evaluation_data",
            result=CheckResult.UNPROVEN,
            observed=reference.trouble,
            allowed="data that fits the model's inputs",
            hint="correct the evaluation data",
        ),
    )


def _movement(reference: Reference) -> tuple[Check, ...]:
    """Whether the answers that were compared depend on anything but the model's last constants."""
    if not reference.unmoved:
        return ()
    return (
        Check(
            name="reference_moves",
            result=CheckResult.UNPROVEN,
            observed=f"the source answers every {reference.origin} sample alike"
            f" ({', '.join(reference.unmoved)})",
            allowed="answers that depend on the sample",
            hint="give evaluation data in the policy that the model tells apart, or look whether"
            " the model has its trained weights",
        ),
    )


def _ran(fidelity: tuple[OutputFidelity, ...]) -> Check:
    samples = max((entry.samples for entry in fidelity), default=0)
    return Check(
        name="runs",
        result=CheckResult.PASSED,
        observed=f"{samples} samples",
        allowed="every sample runs",
    )


def _failed_to_run(error: ConversionError) -> Check:
    return Check(
        name="runs",
        result=CheckResult.FAILED,
        observed=error.message,
        allowed="every sample runs",
        hint=error.hint,
    )


def _check(result: CheckResult, *, observed: str, allowed: str, hint: str) -> Check:
    return Check(name="fidelity", result=result, observed=observed, allowed=allowed, hint=hint)


def _sentence(check: Check) -> str:
    return f"{check.name}: {check.observed}; allowed: {check.allowed}"
