"""The proof on a microcontroller's runtime: the file runs in TFLM and answers as in LiteRT.

Only for ``target = "micro"``. A file that TFLM does not run is rejected with TFLM's own words.
Sparse tensors are among what only the comparison finds: TFLM reads them as dense, without a word.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from tflited.convert.arrays import Array
from tflited.convert.micro import arena, litert, operators, tflm
from tflited.convert.micro.tflm import Answer, Tflm
from tflited.convert.proof.conformance import Measured
from tflited.convert.proof.ground import Ground
from tflited.convert.proof.prove import Proof, with_checks
from tflited.domain.figures import Check, CheckResult, MicroFigures
from tflited.domain.policy import CStyle, Policy, Target
from tflited.domain.report import VariantState
from tflited.errors import ConversionError

SAMPLES: Final = 8
"""Compared at most; TFLM's reference kernels are slow."""
LARGE_BYTES: Final = 2**20
LARGE_SAMPLES: Final = 2
"""Of files from ``LARGE_BYTES`` on: an invocation takes seconds there."""
_ARENAS: Final = (2**26, 2**30)
"""First tries; the second one where TFLM says that it lacked room."""
_QUANTUM: Final = 1
Inputs = Sequence[Array]
"""One sample's tensors in the interpreter's order; also of outputs."""
_NOT_INSTALLED: Final = f"tflite-micro is not installed: {tflm.INSTALL}"
_UNSUPPORTED: Final = (
    "TFLM runs float32, int8 and int16x8 files of its own operators: use int8, or rewrite the model"
)
_OTHER_NUMBERS: Final = (
    "TFLM's kernels answer something else for this form, without an error: use int8 or float32"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What a trial found: checks, and figures where the file ran."""

    checks: tuple[Check, ...]
    figures: MicroFigures | None = None


def on_target(proof: Proof, content: bytes, file: Measured, ground: Ground) -> Proof:
    """The proof, with what TFLM makes of the file where the policy's target is a microcontroller.

    Args:
        proof: of everything else; a rejected file is not run.
        content: the file.
        file: what was read from it.
        ground: policy, and the samples that LiteRT ran on.
    """
    if proof.state is VariantState.REJECTED or not is_concerned(ground.policy):
        return proof
    found = _found(content, file, ground)
    judged = with_checks(proof, found.checks, requires_proof=ground.policy.require_proof)
    return replace(judged, micro=found.figures)


def is_concerned(policy: Policy) -> bool:
    """Whether the policy is about TFLM: by its target, or by the style of its C sources."""
    return policy.target is Target.MICRO or _has_resolver(policy)


def _has_resolver(policy: Policy) -> bool:
    rules = policy.c_array
    return rules.enabled and (policy.target is Target.MICRO or rules.style is CStyle.TFLM)


def _found(content: bytes, file: Measured, ground: Ground) -> _Found:
    named = (_resolver(file),) if _has_resolver(ground.policy) else ()
    if ground.policy.target is not Target.MICRO:
        return _Found(checks=named)
    found = _tried(content, file, ground)
    # What TFLM refused has its reason; that its operators have no method says nothing more.
    is_refused = any(check.result is CheckResult.FAILED for check in found.checks)
    return found if is_refused else replace(found, checks=(*found.checks, *named))


def _resolver(file: Measured) -> Check:
    """A model with operators that no method adds has no resolver header."""
    missing = operators.unknown(file.flatbuffer.operators)
    return Check(
        name="resolver",
        result=CheckResult.UNPROVEN if missing else CheckResult.PASSED,
        observed=f"no method of MicroMutableOpResolver adds {', '.join(missing)}"
        if missing
        else f"{len(file.flatbuffer.operators)} operators",
        allowed="operators that TFLM has",
        hint="no resolver header was written: add these operators by hand with AddCustom"
        if missing
        else "",
    )


def _tried(content: bytes, file: Measured, ground: Ground) -> _Found:
    if not tflm.is_installed():
        return _Found(checks=(_unproven(_NOT_INSTALLED, tflm.INSTALL),))
    if len(file.flatbuffer.signatures) > 1:
        text = "TFLM runs the first of several signatures only"
        return _Found(checks=(_unproven(text, "name one signature in the policy"),))
    samples = _samples(file, ground)
    if not samples:
        text = "there are no inputs to run TFLM on"
        return _Found(checks=(_unproven(text, "give evaluation data in the policy"),))
    try:
        return _run(content, file, ground, samples)
    except OSError as error:
        text = f"TFLM's process could not be started: {error.strerror}"
        return _Found(checks=(_unproven(text, "let the service start processes of its own"),))


def _samples(file: Measured, ground: Ground) -> list[Inputs]:
    most = LARGE_SAMPLES if file.size_bytes >= LARGE_BYTES else SAMPLES
    pairs = next(iter(ground.reference.pairs.values()), ())[:most]
    return [litert.raw_inputs(pair.inputs, file.flatbuffer.inputs) for pair in pairs]


def _run(content: bytes, file: Measured, ground: Ground, samples: Sequence[Inputs]) -> _Found:
    count = len(file.flatbuffer.outputs)
    with (
        tempfile.TemporaryDirectory(prefix="tflm-") as name,
        Tflm.opened(Path(name), content, samples, output_count=count) as runtime,
    ):
        enough, answer = _roomy(runtime, len(samples))
        if answer.is_broken:
            text = f"TFLM's process failed: {answer.words}"
            return _Found(checks=(_unproven(text, f"install TFLM again: {tflm.INSTALL}"),))
        if not answer.is_ok:
            return _Found(checks=(_refused(answer, file),))
        outputs = runtime.outputs(len(samples))
        compared, figures = _compared(content, ground, samples, outputs)
        if compared.result is CheckResult.FAILED:
            return _Found(checks=(compared,), figures=figures)
        size = arena.smallest(
            lambda size: runtime.run(size, 1).is_ok and _same(runtime.outputs(1), outputs[:1]),
            guess=answer.total_bytes,
            enough=enough,
        )
    return _Found(checks=(compared,), figures=replace(figures, arena_bytes=size))


def _roomy(runtime: Tflm, samples: int) -> tuple[int, Answer]:
    """An arena that is surely large enough, and what came of it."""
    for size in _ARENAS:
        answer = runtime.run(size, samples, is_printing=True)
        if answer.is_ok or not answer.lacked_room:
            break
    return size, answer


def _same(left: Sequence[Inputs], right: Sequence[Inputs]) -> bool:
    """Whether every output is the same, to the bit: a small arena must change nothing."""
    return all(
        a.tobytes() == b.tobytes()
        for one, other in zip(left, right, strict=True)
        for a, b in zip(one, other, strict=True)
    )


def _compared(
    content: bytes,
    ground: Ground,
    samples: Sequence[Inputs],
    outputs: Sequence[Inputs],
) -> tuple[Check, MicroFigures]:
    """With LiteRT's kernels of the host; where they differ, also with its reference kernels.

    The host's kernels round in other places. In deep models that adds up to more than a quantum,
    which says nothing of TFLM.
    """
    check, figures = _held(content, ground, samples, outputs, is_plain=False)
    if check.result is CheckResult.PASSED:
        return check, figures
    try:
        plain = _held(content, ground, samples, outputs, is_plain=True)
    except ConversionError:
        # Some operators have no reference kernel: then the host's have the last word.
        return check, figures
    return plain if plain[0].result is CheckResult.PASSED else (check, figures)


def _held(
    content: bytes,
    ground: Ground,
    samples: Sequence[Inputs],
    outputs: Sequence[Inputs],
    *,
    is_plain: bool,
) -> tuple[Check, MicroFigures]:
    expected = litert.raw_outputs(content, samples, threads=ground.threads, is_plain=is_plain)
    quanta, relative = differences(expected, outputs)
    tolerance = ground.policy.evaluation.float32_tolerance
    is_passed = quanta <= _QUANTUM and relative <= tolerance
    kernels = "LiteRT's reference kernels" if is_plain else "LiteRT"
    check = Check(
        name="tflm",
        result=CheckResult.PASSED if is_passed else CheckResult.FAILED,
        observed=f"at most {quanta} quanta and {relative:.3g} of a float output's range beside "
        f"{kernels} on {len(samples)} samples",
        allowed=f"{_QUANTUM} quantum, {tolerance:.3g}",
        hint="" if is_passed else _OTHER_NUMBERS,
    )
    figures = MicroFigures(
        tflite_micro=tflm.version(),
        samples=len(samples),
        max_quanta=quanta,
        max_relative_error=relative,
    )
    return check, figures


def differences(expected: Sequence[Inputs], found: Sequence[Inputs]) -> tuple[int, float]:
    """The greatest difference of integers in quanta, and of floats over that output's range.

    Args:
        expected: LiteRT's outputs of each sample.
        found: TFLM's.
    """
    quanta, relative = 0, 0.0
    for known, other in zip(zip(*expected, strict=True), zip(*found, strict=True), strict=True):
        right = np.concatenate([value.ravel() for value in known])
        left = np.concatenate([value.ravel() for value in other])
        if right.shape != left.shape:
            relative = 1.0
        elif right.dtype.kind in "iub":
            apart = np.abs(right.astype(np.int64) - left.astype(np.int64))
            quanta = max(quanta, int(apart.max(initial=0)))
        else:
            relative = max(relative, _relative(right, left))
    return quanta, relative


def _relative(known: Array, found: Array) -> float:
    """At most 1, which also stands for values that are finite on one side only."""
    finite = np.isfinite(known)
    if not np.array_equal(finite, np.isfinite(found)):
        return 1.0
    wide, narrow = known[finite].astype(np.float64), found[finite].astype(np.float64)
    if not wide.size:
        return 0.0
    span = float(np.ptp(wide)) or float(np.abs(wide).max()) or 1.0
    return min(float(np.abs(wide - narrow).max()) / span, 1.0)


def _refused(answer: Answer, file: Measured) -> Check:
    """In TFLM's words, which name no custom operator: so those that it lacks are named here."""
    missing = operators.unknown(file.flatbuffer.operators)
    told = f" (it has no {', '.join(missing)})" if missing else ""
    return _failed(f"TFLM does not run it{told}: {answer.words}", _UNSUPPORTED)


def _failed(observed: str, hint: str) -> Check:
    return _check(CheckResult.FAILED, observed, hint)


def _unproven(observed: str, hint: str) -> Check:
    return _check(CheckResult.UNPROVEN, observed, hint)


def _check(result: CheckResult, observed: str, hint: str) -> Check:
    allowed = "every sample runs in TFLM and answers as in LiteRT"
    return Check(name="tflm", result=result, observed=observed, allowed=allowed, hint=hint)
