"""Which budget decides for a pruned file, and what its reader is told."""

import pytest

from tflited.convert.proof import loss
from tflited.convert.proof.task import Task
from tflited.domain.figures import Check, CheckResult
from tflited.domain.policy import Evaluation, Metric

LABELLED = Evaluation(metric=Metric.TOP1)
BEFORE = Check(
    name="fidelity",
    result=CheckResult.FAILED,
    observed="y: 12.9 dB on evaluation inputs",
    allowed="at least 20 dB",
    hint="give more calibration data",
)
RAN = Check(name="runs", result=CheckResult.PASSED, observed="8 samples", allowed="every one")


@pytest.mark.parametrize("task", [None, Task(rules=LABELLED, trouble="no labels")])
def test_without_usable_labels_the_original_is_the_budget(task: Task | None) -> None:
    """The reason says that pruning did it, and what there is to do."""
    (found,) = loss.checks((), (RAN, BEFORE), (), task)
    assert found.result is CheckResult.FAILED
    assert found.observed.endswith("against the source before pruning")
    assert "lower prune.sparsity" in found.hint
    assert "evaluation.metric" in found.hint


def test_with_labels_accuracy_decides_and_the_ratio_is_told() -> None:
    """Every value moves when weights go; the answers may stay."""
    (found,) = loss.checks((), (BEFORE,), (), Task(rules=LABELLED))
    assert found.result is CheckResult.PASSED
    assert found.observed.startswith("y: 12.9 dB")
    assert found.allowed.startswith("told, not judged")


def test_the_conversion_has_a_name_of_its_own() -> None:
    """Both comparisons are in one report."""
    names = [check.name for check in loss.checks((RAN, BEFORE), (BEFORE,), (), None)]
    assert names == ["runs", "fidelity_pruned", "fidelity"]
