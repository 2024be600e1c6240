"""Metrics of attempts: how they end, what held around them, and where the time of a build goes."""

from tflited.domain.attempt import AttemptOutcome, AttemptResult
from tflited.domain.job import Job
from tflited.domain.report import Stage
from tflited.domain.sandbox import SandboxLevel
from tflited.telemetry.metrics.declare import RSS_BYTES, Declare, of_job
from tflited.telemetry.metrics.reasons import REASONS, reason_label


class AttemptMetrics:
    """Attempts and their stages; ``declare`` declares them."""

    def __init__(self, declare: Declare) -> None:
        self._attempts = declare.counter(
            "tflited_attempts", "Attempts that ended.", result=AttemptResult
        )
        self._sandboxes = declare.counter(
            "tflited_attempt_sandboxes", "Attempts by what held.", result=SandboxLevel
        )
        self._failures = declare.counter(
            "tflited_attempt_failures", "Attempts that failed.", reason=REASONS
        )
        self._retries = declare.counter(
            "tflited_attempt_retries", "Attempts that will be repeated."
        )
        self._rss = declare.histogram(
            "tflited_attempt_peak_rss_bytes", "A child's peak.", buckets=RSS_BYTES
        )
        self._stages = declare.histogram(
            "tflited_stage_duration_seconds", "Time in a stage.", stage=Stage
        )

    def finished(self, job: Job, outcome: AttemptOutcome, *, will_retry: bool) -> None:
        """An attempt at a job ended."""
        self._attempts.labels(outcome.result).inc()
        if outcome.sandbox:
            self._sandboxes.labels(outcome.sandbox).inc()
        if outcome.failure:
            self._failures.labels(reason_label(outcome.failure.code)).inc()
        if will_retry:
            self._retries.inc()
        if outcome.peak_rss_bytes:
            self._rss.observe(outcome.peak_rss_bytes, of_job(job))
        for stage, seconds in outcome.stage_seconds.items():
            # Names come from a child; only the closed set may become label values.
            if stage in set(Stage):
                self.stage_finished(job, Stage(stage), seconds)

    def stage_finished(self, job: Job, stage: Stage, seconds: float) -> None:
        """A stage took so long for a job."""
        self._stages.labels(stage).observe(seconds, of_job(job))
