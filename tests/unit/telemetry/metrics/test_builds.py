"""What attempts and the variants of published sets count."""

from metric_samples import value
from tflited.domain.attempt import AttemptOutcome, AttemptResult
from tflited.domain.job import Failure
from tflited.domain.policy import Variant
from tflited.domain.report import (
    ArtifactFile,
    BuildReport,
    SourceReport,
    VariantReport,
    VariantState,
)
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
    metrics.attempt_finished(outcome, will_retry=True)

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
        metrics.attempt_finished(outcome, will_retry=False)
    counts = [
        value(metrics, "tflited_attempt_sandboxes_total", result=level) for level in SandboxLevel
    ]
    assert counts == [1, 0, 2]


def test_a_published_set_counts_its_variants(metrics: Metrics) -> None:
    """Proof, time and the size of the .tflite file alone are told by variant."""
    variant = VariantReport(
        variant=Variant.INT8,
        state=VariantState.PROVEN,
        seconds=1.5,
        files=(
            ArtifactFile(path="int8/net.tflite", size_bytes=4096, sha256="0"),
            ArtifactFile(path="int8/net.c", size_bytes=99999, sha256="0"),
        ),
    )
    source = SourceReport(
        loader="keras", signature="s", inputs=(), outputs=(), reference_inputs="random"
    )
    metrics.set_published(BuildReport(source=source, variants=(variant,), stage_seconds={}))

    assert value(metrics, "tflited_sets_published_total") == 1
    assert value(metrics, "tflited_variants_total", variant="int8", result="proven") == 1
    assert value(metrics, "tflited_variant_duration_seconds_sum", variant="int8") == 1.5
    assert value(metrics, "tflited_artifact_size_bytes_sum", variant="int8") == 4096
