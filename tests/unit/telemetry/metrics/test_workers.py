"""What slots, children and the zygote tell."""

import pytest

from metric_samples import value
from tflited.domain.attempt import AttemptOutcome, AttemptResult
from tflited.domain.audience import ChildRecorder
from tflited.domain.job import Failure
from tflited.domain.status import SlotState
from tflited.telemetry.metrics.exposition import Metrics


@pytest.mark.parametrize(
    ("result", "code", "reason"),
    [
        (AttemptResult.OK, None, "ok"),
        (AttemptResult.TIMEOUT, "wall_limit", "timeout"),
        (AttemptResult.CRASH, "out_of_memory", "out_of_memory"),
        (AttemptResult.CRASH, "crash", "crash"),
        (AttemptResult.ERROR, "out_of_memory", "error"),
    ],
)
def test_children_are_counted_by_their_end(
    metrics: Metrics, result: AttemptResult, code: str | None, reason: str
) -> None:
    """What killed a child is told where that is more than that it crashed."""
    recorder: ChildRecorder = metrics.workers
    failure = Failure(code=code, message="m") if code else None
    recorder.child_ended(AttemptOutcome(result=result, failure=failure))

    assert value(metrics, "tflited_child_exits_total", reason=reason) == 1


def test_slots_are_asked_at_each_exposition(metrics: Metrics) -> None:
    """By what they do; together they are all there are."""
    counts = {SlotState.STARTING: 0, SlotState.IDLE: 1, SlotState.BUSY: 1}
    metrics.workers.show(counts.__getitem__)
    told = {state: value(metrics, "tflited_workers", result=state) for state in SlotState}

    assert told == counts
    assert value(metrics, "tflited_slots") == 2


def test_starts_of_the_zygote_have_a_time_and_a_result(metrics: Metrics) -> None:
    """One that ends before it is ready is a failure."""
    metrics.workers.zygote_started(7.5, is_ready=True)
    metrics.workers.zygote_started(0.5, is_ready=False)
    name = "tflited_zygote_start_duration_seconds"

    assert value(metrics, f"{name}_sum", result="success") == 7.5
    assert value(metrics, f"{name}_sum", result="failure") == 0.5
