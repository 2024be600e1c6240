"""How close a file comes to its source, output by output, and whether that is close enough."""

from collections.abc import Mapping, Sequence
from typing import Final

from tflited.convert.data.reference import Pair, Reference
from tflited.convert.proof.conformance import Measured
from tflited.convert.proof.fidelity import Sums, figures
from tflited.convert.proof.ground import Ground, source_specs
from tflited.convert.proof.run import compare_all
from tflited.convert.tflite.flatbuffer import qualified
from tflited.domain.figures import Check, CheckResult, OutputFidelity
from tflited.domain.policy import Variant
from tflited.errors import ConversionError

SLOW_SAMPLES: Final = 8
"""Samples that int16x8 files are compared on: no host has fast kernels for them, and one invocation
takes as long as some tens of the other variants'."""
_NO_FLEX: Final = (
    "no interpreter in a Python package runs select operators since TensorFlow 2.20; "
    "verify the file on the device"
)


def numbers(
    variant: Variant, content: bytes, file: Measured, ground: Ground
) -> tuple[tuple[Check, ...], tuple[OutputFidelity, ...]]:
    """Runs a file and judges how close it comes to its source.

    Args:
        variant: what the file claims to be.
        content: its bytes.
        file: what was read from them.
        ground: what to compare with.

    Returns:
        The checks, ``runs`` first, and the figures of every output; none where nothing ran.
    """
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
    if variant is Variant.FLOAT32 and not ground.is_of_loss:
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
