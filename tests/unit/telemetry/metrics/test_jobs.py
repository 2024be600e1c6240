"""What triggers, the queue and its jobs count."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fakes.control import make_job
from metric_samples import value
from tflited.domain.job import Failure, JobState, TriggerSource
from tflited.domain.ports import StoreCounts
from tflited.errors import Refusal
from tflited.telemetry.metrics.exposition import Metrics

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_finished_job_is_counted_by_trigger_and_result(metrics: Metrics) -> None:
    """Counter, duration and wait tell the job; its claim came 5 s after it was queued."""
    job = replace(
        make_job(7, JobState.PUBLISHED),
        attempts=1,
        created_at=NOW,
        started_at=NOW + timedelta(seconds=5),
        finished_at=NOW + timedelta(seconds=9),
    )
    metrics.job_finished(job, 4.0)

    assert value(metrics, "tflited_jobs_total", trigger="watch", result="published") == 1
    assert value(metrics, "tflited_job_duration_seconds_sum", result="published") == 4.0
    assert value(metrics, "tflited_job_queue_wait_seconds_sum", trigger="watch") == 5.0
    published_at = value(metrics, "tflited_last_published_timestamp_seconds")
    assert published_at == (NOW + timedelta(seconds=9)).timestamp()


def test_a_repeated_job_has_no_queue_wait(metrics: Metrics) -> None:
    """The time of earlier attempts is not waiting."""
    job = replace(make_job(7), attempts=2, started_at=NOW + timedelta(hours=1))
    metrics.job_finished(job, 1.0)

    assert value(metrics, "tflited_job_queue_wait_seconds_count", trigger="watch") == 0


@pytest.mark.parametrize(
    ("code", "reason"), [("needs_select_ops", "needs_select_ops"), ("made_up", "other")]
)
def test_unknown_reasons_count_as_other(metrics: Metrics, code: str, reason: str) -> None:
    """A code from a child cannot make a new series."""
    job = replace(make_job(7), failure=Failure(code=code, message="m"))
    metrics.job_finished(job, 1.0)

    assert value(metrics, "tflited_job_failures_total", reason=reason) == 1
    assert value(metrics, "tflited_job_failures_total", reason="made_up") is None


def test_the_queue_follows_the_last_count(metrics: Metrics) -> None:
    """States that a newer count does not mention fall back to zero."""
    counts = StoreCounts(by_state={JobState.QUEUED: 3}, oldest_queued_at=NOW)
    metrics.queue_changed(counts, running=2)
    assert value(metrics, "tflited_queue_capacity") == 500
    assert value(metrics, "tflited_queue_depth") == 3
    assert value(metrics, "tflited_queue_oldest_job_timestamp_seconds") == NOW.timestamp()
    assert value(metrics, "tflited_jobs_running") == 2

    metrics.queue_changed(StoreCounts(), running=0)
    assert value(metrics, "tflited_queue_depth") == 0
    assert value(metrics, "tflited_jobs_stored", result="queued") == 0
    assert value(metrics, "tflited_queue_oldest_job_timestamp_seconds") == 0


def test_triggers_and_accepted_jobs_count_by_door(metrics: Metrics) -> None:
    """A refused trigger makes no job, a watched change no trigger."""
    metrics.trigger_received(TriggerSource.API, Refusal.NO_MODEL)
    metrics.trigger_received(TriggerSource.API, None)
    metrics.job_accepted(make_job(1))

    assert value(metrics, "tflited_triggers_total", trigger="api", result="refused") == 1
    assert value(metrics, "tflited_triggers_total", trigger="api", result="accepted") == 1
    assert value(metrics, "tflited_triggers_refused_total", reason="no_model") == 1
    assert value(metrics, "tflited_jobs_accepted_total", trigger="watch") == 1
