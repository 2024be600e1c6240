"""The table of ``auto``: every candidate with its figures and the reason for what became of it."""

from collections.abc import Iterator, Sequence
from typing import Final

from tflited.convert.auto.layers import MOST_LISTED, Found
from tflited.convert.auto.trial import Trial
from tflited.convert.proof.ground import Ground
from tflited.domain.choice import AutoReport, AutoRow, BudgetKind, RowState
from tflited.domain.figures import Check
from tflited.domain.policy import Evaluation, Policy

_NAMED: Final = 5
"""Layers named in a sentence; the row lists them all."""
_LONGEST_REASON: Final = 2000
"""Characters; operators' names make reasons long, and a child's reply has a limit."""


def report(
    ground: Ground,
    *,
    ordered: Sequence[Trial],
    others: Sequence[Trial],
    chosen: Trial | None,
    found: Found | None,
    overlap: Check | None,
) -> AutoReport:
    """The record of a choice.

    Args:
        ground: the policy, the baseline and what was compared on.
        ordered: candidates with a file, in the order they were looked at.
        others: candidates without one.
        chosen: which of them is published; None where none is.
        found: what the search for layers came to; None where there was none.
        overlap: the failed check that evaluation data were held back; None where they were.
    """
    policy = ground.policy
    rows = (_row(trial, ground, chosen, found) for trial in (*ordered, *others))
    return AutoReport(
        target=policy.target,
        decided_by=BudgetKind.ACCURACY if policy.evaluation.metric else BudgetKind.FIDELITY,
        budget=budget(policy.evaluation),
        chosen=chosen.candidate.variant if chosen else None,
        metric=policy.evaluation.metric,
        rows=tuple(rows),
        trials=found.trials if found else 0,
        layers=found.layers if found else (),
        notes=tuple(_notes(ground, found, overlap)),
    )


def budget(rules: Evaluation) -> str:
    """The budget in words."""
    fidelity = f"every output keeps at least {rules.min_snr_db:g} dB"
    if rules.metric is None:
        return fidelity
    return (
        f"{rules.metric} drops by at most {rules.max_drop:g} with 95 % confidence, and {fidelity}"
    )


def _row(trial: Trial, ground: Ground, chosen: Trial | None, found: Found | None) -> AutoRow:
    state, reason = _verdict(trial, ground.policy, chosen, found)
    proof = trial.proof
    accuracy = proof.accuracy if proof else None
    ratios = [entry.snr_db for entry in proof.fidelity if entry.snr_db is not None] if proof else []
    return AutoRow(
        variant=trial.candidate.variant,
        state=state,
        reason=reason[:_LONGEST_REASON],
        size_bytes=trial.size_bytes,
        size_ratio=trial.size_bytes / ground.baseline.size_bytes if trial.file else None,
        accuracy=accuracy.variant if accuracy else None,
        drop=accuracy.drop if accuracy else None,
        drop_low=accuracy.drop_low if accuracy else None,
        drop_high=accuracy.drop_high if accuracy else None,
        min_snr_db=min(ratios, default=None),
        latency_ms=trial.latency_ms,
        float_layers=tuple(layer.title for layer in trial.kept[:MOST_LISTED]),
    )


def _verdict(
    trial: Trial, policy: Policy, chosen: Trial | None, found: Found | None
) -> tuple[RowState, str]:
    is_chosen = chosen is not None and trial.candidate is chosen.candidate
    match trial.verdict:
        case RowState.CHOSEN if is_chosen:
            return RowState.CHOSEN, f"the smallest inside the budget{_kept(trial, found)}"
        case RowState.CHOSEN if chosen is not None:
            return RowState.REFUSED, _passed_over(trial, chosen, policy)
        case RowState.INCONCLUSIVE if is_chosen:
            why = "no candidate is proven, and this is the smallest that nothing speaks against"
            return RowState.INCONCLUSIVE, f"{trial.reason}. Published as unverified: {why}"
        case state:
            return state, trial.reason


def _passed_over(trial: Trial, chosen: Trial, policy: Policy) -> str:
    name, ratio = chosen.candidate.variant, trial.size_bytes / chosen.size_bytes
    if ratio < 1.0:
        return (
            f"inside the budget, and smaller than {name} by less than a tenth, which counts as "
            f"equal: {policy.target} computes {name} faster"
        )
    return f"inside the budget, but {ratio:.2f} times as large as {name}"


def _kept(trial: Trial, found: Found | None) -> str:
    if not trial.kept or found is None:
        return ""
    named = ", ".join(layer.title for layer in trial.kept[:_NAMED])
    more = len(trial.kept) - _NAMED
    return (
        f": {len(trial.kept)} of {len(found.layers)} layers stay in float, since with all of them "
        f"in 8 bits the budget is missed: {named}" + (f" and {more} more" if more > 0 else "")
    )


def _notes(ground: Ground, found: Found | None, overlap: Check | None) -> Iterator[str]:
    if overlap is not None:
        yield (
            f"The evaluation data were not held back: {overlap.observed}. Calibrated files are "
            "not proven on them."
        )
    match ground.reference.origin:
        case "calibration":
            yield "No evaluation data is named: fidelity was measured on the calibration inputs."
        case "random":
            yield "No data is named: fidelity was measured on generated inputs."
    if found is not None and found.made is not None:
        yield (
            f"The search for layers tried {found.trials} files on the same evaluation data, so "
            "the interval of its result is somewhat optimistic."
        )
    rules = ground.policy
    if found is None and rules.mixed:
        yield "The policy has mixed rules of its own: no layers were searched."
