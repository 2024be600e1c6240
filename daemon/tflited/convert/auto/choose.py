"""``auto``: tries every candidate of the target and takes the smallest inside the budget.

Time never decides: the same model, policy and data give the same choice on every machine.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from tflited.convert.auto import held_back, layers, table
from tflited.convert.auto.candidates import Candidate, candidates
from tflited.convert.auto.layers import Found, Judge
from tflited.convert.auto.trial import Trial, by_size, chosen_of, judged
from tflited.convert.proof.conformance import Measured
from tflited.convert.proof.ground import Ground
from tflited.convert.proof.prove import Proof, verdict
from tflited.convert.quantising import trained_ranges
from tflited.convert.quantising.order import Order
from tflited.convert.quantising.quantise import Made
from tflited.convert.stages import Stages
from tflited.domain.attempt import AttemptRequest
from tflited.domain.choice import AutoReport, RowState
from tflited.domain.figures import Check, CheckResult
from tflited.domain.policy import NEEDS_CALIBRATION, Policy, Quantiser, Target, Variant
from tflited.domain.report import Stage
from tflited.errors import ConversionError

_NO_DATA: Final = "needs_calibration"
_SAME_FILE: Final = "int8 leaves no operator in float, so this would be the same file"
_TRAINING: Final = (
    "train the model for 8 bits (quantisation-aware training, as with "
    "tensorflow-model-optimization), or widen the budget in [evaluation]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What candidates are made and proven with.

    Attributes:
        request: the model, its policy and its data.
        stages: told of the search for layers.
        order: for any variant, with the shared float32 file and ranges.
        ground: what proofs stand on.
        baseline: the float32 file and its proof.
        best: makes and proves a variant; raises ConversionError where it cannot be made.
        judge: proves a file that was made.
        latency_ms: median time of a file's invocation; None unless profiled.
    """

    request: AttemptRequest
    stages: Stages
    order: Order
    ground: Ground
    baseline: tuple[Made, Measured, Proof]
    best: Callable[[Order, Ground], tuple[Made, Measured, Proof]]
    judge: Judge
    latency_ms: Callable[[Variant, Made, Measured], float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What ``auto`` came to.

    Attributes:
        report: the whole table.
        trial: the chosen one; None where no candidate may be published.
        reason: why nothing, or nothing proven, is published; empty otherwise.
        hint: the next step.
    """

    report: AutoReport
    trial: Trial | None
    reason: str = ""
    hint: str = ""


def choose(shop: Shop) -> Choice:
    """Makes and proves every candidate and takes the smallest inside the budget."""
    overlap = held_back.check(shop.request)
    trials, found = _tried(shop, overlap)
    ordered = tuple(by_size(trials))
    policy = shop.request.policy
    chosen = chosen_of(ordered, requires_proof=policy.require_proof)
    report = table.report(
        shop.ground,
        ordered=ordered,
        others=tuple(trial for trial in trials if not trial.file),
        chosen=chosen,
        found=found,
        overlap=overlap,
    )
    if chosen is None:
        told = "; ".join(f"{row.variant}: {row.reason}" for row in report.rows)
        reason = f"auto: no candidate may be published. {told}"
        return Choice(report=report, trial=None, reason=reason, hint=_hint(policy, trials))
    if chosen.verdict is RowState.INCONCLUSIVE:
        reason = f"inconclusive: {chosen.reason}"
        return Choice(report=report, trial=chosen, reason=reason, hint=chosen.hint)
    return Choice(report=report, trial=chosen)


def _tried(shop: Shop, overlap: Check | None) -> tuple[list[Trial], Found | None]:
    """Every candidate in the tree's order, and what the search for layers came to."""
    trials: list[Trial] = []
    found: Found | None = None
    for candidate in candidates(shop.request.policy):
        trial, latest = _one(shop, candidate, trials, overlap)
        found = latest or found
        trials.append(_timed(shop, trial))
    return trials, found


def _one(
    shop: Shop, candidate: Candidate, earlier: list[Trial], overlap: Check | None
) -> tuple[Trial, Found | None]:
    if candidate.obstacle:
        return _without_file(candidate, RowState.SKIPPED, candidate.obstacle), None
    if candidate.variant is not Variant.INT8_FLOAT_FALLBACK:
        return _plain(shop, candidate, overlap), None
    first = next(trial for trial in earlier if trial.candidate.variant is Variant.INT8)
    is_same = first.verdict is RowState.CHOSEN or first.misses_budget
    trial = (
        _without_file(candidate, RowState.SKIPPED, _SAME_FILE)
        if is_same
        else _plain(shop, candidate, overlap)
    )
    missing = first if is_same else trial
    if not missing.misses_budget or not _can_search(shop):
        return trial, None
    with shop.stages.entered(Stage.QUANTISE, f"{candidate.variant.value} layers"):
        found = layers.search(
            _order(shop, candidate),
            _ground(shop, candidate),
            shop.judge,
            most=candidate.policy.auto.max_trials,
        )
    return _searched(shop, candidate, trial, found, overlap), found


def _plain(shop: Shop, candidate: Candidate, overlap: Check | None) -> Trial:
    if candidate.variant is Variant.FLOAT32:
        return _float32(shop, candidate)
    try:
        made, file, proof = shop.best(_order(shop, candidate), _ground(shop, candidate))
    except ConversionError as error:
        state = RowState.SKIPPED if error.code == _NO_DATA else RowState.REFUSED
        return _without_file(candidate, state, error.message.rstrip("."), error.hint)
    return judged(candidate, made, file, _held_back(shop, candidate, proof, overlap))


def _float32(shop: Shop, candidate: Candidate) -> Trial:
    made, file, proof = shop.baseline
    select = ", ".join(file.flatbuffer.select_operators)
    if select and candidate.policy.target is Target.MICRO:
        return _without_file(
            candidate, RowState.REFUSED, f"no microcontroller runs select operators: {select}"
        )
    return judged(candidate, made, file, proof)


def _searched(
    shop: Shop, candidate: Candidate, trial: Trial, found: Found, overlap: Check | None
) -> Trial:
    if found.made is None or found.file is None or found.proof is None:
        reason = f"{found.reason}; {found.trials} files were tried"
        return replace(trial, verdict=RowState.REFUSED, reason=reason, hint=trial.hint)
    proof = _held_back(shop, candidate, found.proof, overlap)
    return replace(judged(candidate, found.made, found.file, proof), kept=found.kept)


def _can_search(shop: Shop) -> bool:
    """Whether leaving layers in float is allowed, and could prove anything."""
    policy, source = shop.request.policy, shop.ground.source
    if Variant.INT8_FLOAT_FALLBACK in shop.request.given_up:
        return False
    is_provable = all(check.result is CheckResult.PASSED for check in shop.baseline[-1].checks)
    return (
        is_provable
        and policy.auto.max_trials > 0
        and not policy.mixed
        and policy.quantiser is not Quantiser.LITERT_QUANTIZER
        and not trained_ranges.is_special(source, Variant.INT8_FLOAT_FALLBACK)
    )


def _held_back(shop: Shop, candidate: Candidate, proof: Proof, overlap: Check | None) -> Proof:
    """The proof of a calibrated file with the check that its judges were not its teachers."""
    is_calibrated = candidate.variant in NEEDS_CALIBRATION
    if overlap is None or not is_calibrated or shop.ground.source.is_training_aware:
        return proof
    requires = shop.request.policy.require_proof
    checked = verdict((*proof.checks, overlap), proof.fidelity, requires_proof=requires)
    return replace(checked, accuracy=proof.accuracy)


def _order(shop: Shop, candidate: Candidate) -> Order:
    return replace(shop.order, variant=candidate.variant, policy=candidate.policy)


def _ground(shop: Shop, candidate: Candidate) -> Ground:
    return replace(shop.ground, policy=candidate.policy)


def _without_file(candidate: Candidate, state: RowState, reason: str, hint: str = "") -> Trial:
    return Trial(candidate=candidate, verdict=state, reason=reason, hint=hint)


def _timed(shop: Shop, trial: Trial) -> Trial:
    if trial.made is None or trial.file is None:
        return trial
    median = shop.latency_ms(trial.candidate.variant, trial.made, trial.file)
    return replace(trial, latency_ms=median)


def _hint(policy: Policy, trials: list[Trial]) -> str:
    if policy.target is Target.EDGETPU and any(trial.misses_budget for trial in trials):
        return _TRAINING
    return next((trial.hint for trial in trials if trial.hint), "")
