"""Metrics of what is published: variants by proof, their size, and what they cost in numbers."""

from typing import Final

from tflited.domain.job import Job
from tflited.domain.policy import Metric, Variant
from tflited.domain.report import BuildReport, VariantReport, VariantState
from tflited.telemetry.metrics.declare import SIZE_BYTES, Declare, of_job

SNR_DECIBELS: Final = (0, 5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 150)
EXACT_DECIBELS: Final = 200.0
"""What an exact match counts as: more than any float32 arithmetic reaches, and finite."""
SMALLEST_RATIO: Final = 0.01
"""Four bits are an eighth of float32; a child that claims far less must not spoil the sum."""
DROPS: Final = (0, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5)
_SHARES: Final = frozenset({Metric.TOP1, Metric.TOP5, Metric.AUC})
"""Metrics between 0 and 1; an error is in the unit of its model, and two of them have no sum."""


class VariantMetrics:
    """The variants of published sets; ``declare`` declares them."""

    def __init__(self, declare: Declare) -> None:
        self._sets = declare.counter("tflited_sets_published", "Sets put into the output tree.")
        self._variants = declare.counter(
            "tflited_variants", "Variants by proof.", variant=Variant, result=VariantState
        )
        self._seconds = declare.histogram(
            "tflited_variant_duration_seconds", "Time for one variant.", variant=Variant
        )
        self._bytes = declare.histogram(
            "tflited_artifact_size_bytes",
            "Size of .tflite files.",
            buckets=SIZE_BYTES,
            variant=Variant,
        )
        self._saved = declare.counter(
            "tflited_variant_saved_bytes", "Bytes less than float32.", variant=Variant
        )
        self._snr = declare.histogram(
            "tflited_variant_snr_decibels",
            "Signal-to-noise ratio of the worst output.",
            buckets=SNR_DECIBELS,
            variant=Variant,
        )
        self._drop = declare.histogram(
            "tflited_variant_accuracy_drop_ratio",
            "What a variant loses of a task metric.",
            buckets=DROPS,
            variant=Variant,
        )

    def published(self, job: Job, report: BuildReport) -> None:
        """The set of a job is in the output tree."""
        self._sets.inc()
        for entry in report.variants:
            self._variants.labels(entry.variant, entry.state).inc()
            self._seconds.labels(entry.variant).observe(entry.seconds, of_job(job))
            self._measure(entry)
            if entry.state is not VariantState.REJECTED:
                self._weigh(entry)

    def _weigh(self, entry: VariantReport) -> None:
        for file in entry.files:
            if file.path.endswith(".tflite"):
                self._bytes.labels(entry.variant).observe(file.size_bytes)
                if entry.size_ratio is not None and entry.size_ratio >= SMALLEST_RATIO:
                    saved = file.size_bytes / entry.size_ratio - file.size_bytes
                    self._saved.labels(entry.variant).inc(max(0, round(saved)))

    def _measure(self, entry: VariantReport) -> None:
        """What was measured, of rejected variants too: how far off they were is why."""
        if entry.fidelity:
            ratios = [each.snr_db for each in entry.fidelity if each.snr_db is not None]
            worst = max(0.0, min([EXACT_DECIBELS, *ratios]))
            self._snr.labels(entry.variant).observe(worst)
        if entry.accuracy is not None and entry.accuracy.metric in _SHARES:
            self._drop.labels(entry.variant).observe(max(0.0, entry.accuracy.drop))
