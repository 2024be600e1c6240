"""What attempts count: their ends, what held, memory, and the time of their stages."""

from fakes.samples import a_job
from metric_samples import value
from tflited.domain.attempt import AttemptOutcome, AttemptResult
from tflited.domain.job import Failure
from tflited.domain.sandbox import SandboxLevel
from tflited.telemetry.metrics.exposition import Metrics


def test_an_attempt_counts_its_failure_memory_and_stages(metrics: Metrics) -> None:
    """A timeout that will be repeated shows in every metric of attempts."""
    outcome = AttemptOutcome(
        result=AttemptResult.TIMEOUT,
        failure=Failure(code="wall_limit", message="m"),
        stage_seconds={"load": 2.0, "../evil": 1.0},
        peak_rss_bytes=2**30,
    )
    metrics.attempt_finished(a_job(), outcome, will_retry=True)

    assert value(metrics, "tflited_attempts_total", result="timeout") == 1
    assert value(metrics, "tflited_attempt_failures_total", reason="wall_limit") == 1
    assert value(metrics, "tflited_attempt_retries_total") == 1
    assert value(metrics, "tflited_attempt_peak_rss_bytes_sum") == 2**30
    assert value(metrics, "tflited_stage_duration_seconds_sum", stage="load") == 2.0
    assert value(metrics, "tflited_stage_duration_seconds_sum", stage="../evil") is None


def test_attempts_are_counted_by_what_held(metrics: Metrics) -> None:
    """Where no model was opened, nothing held and nothing counts."""
    for level in (SandboxLevel.OFF, SandboxLevel.FULL, SandboxLevel.OFF, None):
        outcome = AttemptOutcome(result=AttemptResult.OK, sandbox=level)
        metrics.attempt_finished(a_job(), outcome, will_retry=False)
    counts = [
        value(metrics, "tflited_attempt_sandboxes_total", result=level) for level in SandboxLevel
    ]
    assert counts == [1, 0, 2]
