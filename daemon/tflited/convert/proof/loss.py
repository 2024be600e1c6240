"""What pruning cost: the checks of a file against the source as it came, and what they mean.

A pruned file has two sources. That it computes what the pruned one computes is the proof of its
conversion; how far it is from the one that the user gave is the loss, which the budgets are for.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from tflited.convert.proof.task import Task
from tflited.domain.figures import Check, CheckResult

SPARSITY: Final = "sparsity"
"""The check that every pruned file has, and no other one."""
FIDELITY: Final = "fidelity"
FIDELITY_PRUNED: Final = "fidelity_pruned"
_HINT: Final = (
    "pruning did this: lower prune.sparsity, give labelled data with evaluation.metric and "
    "max_drop, which then decide, or lower evaluation.min_snr_db"
)


def checks(
    measured: Iterable[Check], before: Iterable[Check], judged: Iterable[Check], task: Task | None
) -> tuple[Check, ...]:
    """The checks of a pruned file, each under its own name and with what there is to do.

    With a metric and labels the budget of accuracy decides, and the signal-to-noise ratio is told:
    pruning moves every value, and a classifier can be none the worse for it.

    Args:
        measured: of the comparison with the pruned source.
        before: of the comparison with the source as it came; its fidelity alone counts.
        judged: of accuracy.
        task: labelled data; None without.
    """
    decides = task is not None and not task.trouble
    return (
        *(_of_pruned(check) for check in measured),
        *(_of_accuracy(check) for check in judged),
        *((_told if decides else _judged)(check) for check in before if check.name == FIDELITY),
    )


def _of_pruned(check: Check) -> Check:
    return replace(check, name=FIDELITY_PRUNED) if check.name == FIDELITY else check


def _of_accuracy(check: Check) -> Check:
    if check.result is not CheckResult.FAILED:
        return check
    return replace(check, hint=f"lower prune.sparsity, or {check.hint}")


def _told(check: Check) -> Check:
    return replace(
        check,
        result=CheckResult.PASSED,
        observed=f"{check.observed}, against the source before pruning",
        allowed="told, not judged: evaluation.metric decides for a pruned model",
        hint="",
    )


def _judged(check: Check) -> Check:
    observed = f"{check.observed}, against the source before pruning"
    return replace(
        check, observed=observed, hint="" if check.result is CheckResult.PASSED else _HINT
    )
