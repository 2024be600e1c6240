"""Metrics of builds: attempts, their stages, and the variants of what was published."""

from tflited.domain.attempt import AttemptOutcome, AttemptResult
from tflited.domain.policy import Variant
from tflited.domain.report import BuildReport, Stage, VariantState
from tflited.domain.sandbox import SandboxLevel
from tflited.telemetry.metrics.declare import RSS_BYTES, SIZE_BYTES, Declare
from tflited.telemetry.metrics.reasons import REASONS, reason_label


class BuildMetrics:
    """Attempts and what they made; ``declare`` declares them."""

    def __init__(self, declare: Declare) -> None:
        self._declare_attempts(declare)
        self._declare_variants(declare)

    def _declare_attempts(self, declare: Declare) -> None:
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

    def _declare_variants(self, declare: Declare) -> None:
        self._sets = declare.counter("tflited_sets_published", "Sets put into the output tree.")
        self._variants = declare.counter(
            "tflited_variants", "Variants by proof.", variant=Variant, result=VariantState
        )
        self._variant_seconds = declare.histogram(
            "tflited_variant_duration_seconds", "Time for one variant.", variant=Variant
        )
        self._artifact_bytes = declare.histogram(
            "tflited_artifact_size_bytes",
            "Size of .tflite files.",
            buckets=SIZE_BYTES,
            variant=Variant,
        )

    def attempt_finished(self, outcome: AttemptOutcome, *, will_retry: bool) -> None:
        """An attempt ended."""
        self._attempts.labels(outcome.result).inc()
        if outcome.sandbox:
            self._sandboxes.labels(outcome.sandbox).inc()
        if outcome.failure:
            self._failures.labels(reason_label(outcome.failure.code)).inc()
        if will_retry:
            self._retries.inc()
        if outcome.peak_rss_bytes:
            self._rss.observe(outcome.peak_rss_bytes)
        for stage, seconds in outcome.stage_seconds.items():
            # Names come from a child; only the closed set may become label values.
            if stage in set(Stage):
                self._stages.labels(stage).observe(seconds)

    def stage_finished(self, stage: Stage, seconds: float) -> None:
        """A stage of the daemon's own took so long."""
        self._stages.labels(stage).observe(seconds)

    def set_published(self, report: BuildReport) -> None:
        """A set is in the output tree."""
        self._sets.inc()
        for variant in report.variants:
            self._variants.labels(variant.variant, variant.state).inc()
            self._variant_seconds.labels(variant.variant).observe(variant.seconds)
            for file in variant.files:
                if file.path.endswith(".tflite"):
                    self._artifact_bytes.labels(variant.variant).observe(file.size_bytes)
