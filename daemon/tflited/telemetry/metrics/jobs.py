"""Metrics of triggers, the queue and its jobs."""

from typing import Final

from tflited.domain.job import ACTIVE, Job, JobState, TriggerSource
from tflited.domain.ports import StoreCounts
from tflited.errors import Refusal
from tflited.telemetry.metrics.declare import Declare, of_job
from tflited.telemetry.metrics.reasons import OTHER, REASONS, reason_label

_ENDED: Final = tuple(state for state in JobState if state not in ACTIVE)


class JobMetrics:
    """Jobs from the trigger to their end.

    Args:
        declare: declares them.
        queue_capacity: active jobs from which on triggers are held off.
    """

    def __init__(self, declare: Declare, queue_capacity: int) -> None:
        capacity = declare.gauge("tflited_queue_capacity", "Active jobs that triggers may make.")
        capacity.set(queue_capacity)
        self._declare_queue(declare)
        self._declare_jobs(declare)

    def _declare_queue(self, declare: Declare) -> None:
        self._depth = declare.gauge("tflited_queue_depth", "Jobs that wait.")
        self._oldest = declare.gauge(
            "tflited_queue_oldest_job_timestamp_seconds", "When the oldest waiting job was queued."
        )
        self._running = declare.gauge("tflited_jobs_running", "Attempts under way.")
        self._stored = declare.gauge(
            "tflited_jobs_stored", "Jobs in the store by state.", result=JobState
        )
        self._triggers = declare.counter(
            "tflited_triggers",
            "Triggers received.",
            trigger=TriggerSource,
            result=("accepted", "refused"),
        )
        self._refused = declare.counter(
            "tflited_triggers_refused", "Triggers refused, by the rule.", reason=Refusal
        )

    def _declare_jobs(self, declare: Declare) -> None:
        self._accepted = declare.counter(
            "tflited_jobs_accepted", "Jobs that entered the queue.", trigger=TriggerSource
        )
        self._jobs = declare.counter(
            "tflited_jobs", "Jobs that ended.", trigger=TriggerSource, result=_ENDED
        )
        self._failures = declare.counter(
            "tflited_job_failures", "Jobs that failed or died.", reason=REASONS
        )
        self._seconds = declare.histogram(
            "tflited_job_duration_seconds", "From claim to end.", result=_ENDED
        )
        self._wait_seconds = declare.histogram(
            "tflited_job_queue_wait_seconds", "From queued to claim.", trigger=TriggerSource
        )
        self._published_at = declare.gauge(
            "tflited_last_published_timestamp_seconds", "When a job last published."
        )

    def accepted(self, job: Job) -> None:
        """A job entered the queue."""
        self._accepted.labels(job.trigger).inc()

    def finished(self, job: Job, seconds: float) -> None:
        """A job reached a final state, so many seconds after its claim."""
        self._jobs.labels(job.trigger, job.state).inc()
        self._seconds.labels(job.state).observe(seconds, of_job(job))
        if job.state in {JobState.FAILED, JobState.DEAD}:
            self._failures.labels(reason_label(job.failure.code if job.failure else OTHER)).inc()
        if job.state is JobState.PUBLISHED and job.finished_at:
            self._published_at.set(job.finished_at.timestamp())
        # A later claim's wait would count the earlier attempts as waiting.
        if job.attempts == 1 and job.started_at:
            wait = (job.started_at - job.created_at).total_seconds()
            self._wait_seconds.labels(job.trigger).observe(max(0.0, wait), of_job(job))

    def trigger_received(self, source: TriggerSource, refusal: Refusal | None) -> None:
        """A trigger was refused for a reason, or accepted for None."""
        self._triggers.labels(source, "refused" if refusal else "accepted").inc()
        if refusal:
            self._refused.labels(refusal).inc()

    def queue_changed(self, counts: StoreCounts, *, running: int) -> None:
        """The queue has these counts now."""
        for state in JobState:
            self._stored.labels(state).set(counts.by_state.get(state, 0))
        self._depth.set(counts.by_state.get(JobState.QUEUED, 0))
        oldest = counts.oldest_queued_at
        self._oldest.set(oldest.timestamp() if oldest else 0)
        self._running.set(running)
