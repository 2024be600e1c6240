"""Judges a variant's accuracy beside its source's against the budget of the policy.

What cannot be judged is told as unproven with its reason, never passed over.
"""

import numpy as np

from tflited.convert.arrays import Array
from tflited.convert.proof import accuracy, intervals
from tflited.convert.proof.intervals import CONFIDENCE, LEAST_SAMPLES, Interval
from tflited.convert.proof.task import Task, figures_of_variant
from tflited.domain.figures import Accuracy, Check, CheckResult
from tflited.domain.policy import Evaluation, Metric
from tflited.errors import ConversionError


def judge(
    content: bytes, asked: Task | None, *, threads: int
) -> tuple[tuple[Check, ...], Accuracy | None]:
    """Checks a file's accuracy against the budget.

    Args:
        content: a flatbuffer that runs here.
        asked: what to judge it on; None where no accuracy is asked.
        threads: processor threads to use.

    Returns:
        No check where none is asked, else one; and the figures behind it where there are any.
    """
    if asked is None or asked.rules.metric is None:
        return (), None
    if asked.trouble:
        return (not_judged(asked, asked.trouble, asked.hint),), None
    try:
        figures = figures_of_variant(content, asked, asked.rules.metric, threads=threads)
    except ConversionError as error:
        return (_failed(asked, error.message, error.hint),), None
    unusable = int(np.isnan(figures).sum())
    if unusable:
        observed = f"{asked.title}: {unusable} of {len(figures)} samples give no finite value"
        return (_failed(asked, observed, "choose a variant that keeps more precision"),), None
    return _decided(asked, asked.rules.metric, figures)


def not_judged(asked: Task, reason: str, hint: str) -> Check:
    """The check of a task that could not be carried out."""
    return _check(asked, CheckResult.UNPROVEN, reason, hint)


def _decided(
    asked: Task, metric: Metric, figures: Array
) -> tuple[tuple[Check, ...], Accuracy | None]:
    budget = asked.rules.max_drop
    found = intervals.interval(metric, asked.source, figures, asked.targets, limit=budget)
    record = Accuracy(
        metric=metric,
        output=asked.title,
        samples=len(figures),
        source=accuracy.value(metric, asked.source, asked.targets),
        variant=accuracy.value(metric, figures, asked.targets),
        drop=found.point,
        drop_low=found.low,
        drop_high=found.high,
        confidence=CONFIDENCE,
        method=found.method,
    )
    is_too_small = intervals.is_too_small(metric, asked.targets)
    result = _result(found, budget, is_too_small=is_too_small)
    observed = _observed(record)
    if result is CheckResult.UNPROVEN:
        observed = f"too few samples: {len(figures)}; {_wanted(found)}; {observed}"
    return (_check(asked, result, observed, _next_step(result, found, asked.rules)),), record


def _result(found: Interval, budget: float, *, is_too_small: bool) -> CheckResult:
    if found.point > budget:
        return CheckResult.FAILED
    if is_too_small or found.high > budget:
        return CheckResult.UNPROVEN
    return CheckResult.PASSED


def _observed(record: Accuracy) -> str:
    return (
        f"{record.output}: {record.metric} {record.source:.4g} in the source, "
        f"{record.variant:.4g} here; drop {record.drop:.4g}, with {record.confidence:.0%} "
        f"confidence between {record.drop_low:.4g} and {record.drop_high:.4g}"
    )


def _wanted(found: Interval) -> str:
    if found.needed is None:
        return "no number of them would prove a drop this close to the limit"
    return f"about {found.needed} are needed"


def _next_step(result: CheckResult, found: Interval, rules: Evaluation) -> str:
    match result:
        case CheckResult.PASSED:
            return ""
        case CheckResult.FAILED:
            return (
                "give more calibration data, choose a milder variant, or raise max_drop in "
                "[evaluation]"
            )
        case CheckResult.UNPROVEN if found.needed is None:
            return "raise max_drop in [evaluation]"
        case _:
            count = max(found.needed or 0, LEAST_SAMPLES)
            more = f" and set samples = {count} in [evaluation]" if count > rules.samples else ""
            return (
                f"give at least {count} labelled samples in evaluation.data{more}, or raise "
                "max_drop in [evaluation]"
            )


def _failed(asked: Task, observed: str, hint: str) -> Check:
    return _check(asked, CheckResult.FAILED, observed, hint)


def _check(asked: Task, result: CheckResult, observed: str, hint: str) -> Check:
    return Check(
        name="accuracy",
        result=result,
        observed=observed.rstrip("."),
        allowed=f"{asked.rules.metric} drops by at most {asked.rules.max_drop:g}",
        hint=hint,
    )
