"""What variants of published sets count: proof, time, size, what they save and lose."""

from dataclasses import replace

import pytest

from fakes.samples import a_job, a_report, a_variant
from metric_samples import value
from tflited.domain.figures import Accuracy, OutputFidelity
from tflited.domain.policy import Metric, Variant
from tflited.domain.report import ArtifactFile, VariantReport, VariantState
from tflited.telemetry.metrics.exposition import Metrics

FILES = (
    ArtifactFile(path="int8/net.tflite", size_bytes=4096, sha256="0"),
    ArtifactFile(path="int8/net.c", size_bytes=99999, sha256="0"),
)


def publish(metrics: Metrics, **changes: object) -> None:
    """One set of one int8 variant."""
    plain = VariantReport(variant=Variant.INT8, state=VariantState.PROVEN, seconds=1.5, files=FILES)
    variant = replace(plain, **changes)  # type: ignore[arg-type]  # fields by name
    metrics.set_published(a_job(), a_report(variant))


def an_output(snr_db: float | None) -> OutputFidelity:
    """An output as close as that."""
    return replace(a_variant().fidelity[0], snr_db=snr_db)


def an_accuracy(metric: Metric, drop: float) -> Accuracy:
    """A drop of a metric."""
    accuracy = a_variant().accuracy
    assert accuracy is not None
    return replace(accuracy, metric=metric, drop=drop)


def int8(metrics: Metrics, name: str, **labels: str) -> float | None:
    """A sample of the int8 variant."""
    return value(metrics, name, variant="int8", **labels)


def test_a_published_set_counts_its_variants(metrics: Metrics) -> None:
    """Proof, time and the size of the .tflite file alone are told by variant."""
    publish(metrics)

    assert value(metrics, "tflited_sets_published_total") == 1
    assert int8(metrics, "tflited_variants_total", result="proven") == 1
    assert int8(metrics, "tflited_variant_duration_seconds_sum") == 1.5
    assert int8(metrics, "tflited_artifact_size_bytes_sum") == 4096


@pytest.mark.parametrize(
    ("ratio", "saved"), [(0.25, 12288), (1.0, 0), (1.25, 0), (None, 0), (1e-300, 0)]
)
def test_a_variant_saves_what_float32_is_larger(
    metrics: Metrics, ratio: float | None, saved: int
) -> None:
    """One that is larger, has no float32 beside it, or claims the impossible saves nothing."""
    publish(metrics, size_ratio=ratio)

    assert int8(metrics, "tflited_variant_saved_bytes_total") == saved


def test_a_rejected_variant_has_no_size(metrics: Metrics) -> None:
    """It is not published, so it saves nothing; how far off it was is measured all the same."""
    publish(metrics, state=VariantState.REJECTED, size_ratio=0.5, fidelity=(an_output(snr_db=3.0),))

    assert int8(metrics, "tflited_variants_total", result="rejected") == 1
    assert int8(metrics, "tflited_artifact_size_bytes_count") == 0
    assert int8(metrics, "tflited_variant_saved_bytes_total") == 0
    assert int8(metrics, "tflited_variant_snr_decibels_sum") == 3.0


@pytest.mark.parametrize(
    ("ratios", "worst"),
    [([40.0, 25.0], 25.0), ([None], 200.0), ([None, 60.0], 60.0), ([-7.0], 0.0)],
)
def test_the_worst_output_is_the_variants_ratio(
    metrics: Metrics, ratios: list[float | None], worst: float
) -> None:
    """An exact match has no ratio and counts as 200 dB, noise above the signal as 0."""
    publish(metrics, fidelity=tuple(an_output(snr_db=ratio) for ratio in ratios))

    assert int8(metrics, "tflited_variant_snr_decibels_sum") == worst


def test_what_was_not_compared_has_no_ratio(metrics: Metrics) -> None:
    """An unverified variant does not look like a perfect or a broken one."""
    publish(metrics, state=VariantState.UNVERIFIED)

    assert int8(metrics, "tflited_variant_snr_decibels_count") == 0
    assert int8(metrics, "tflited_variant_accuracy_drop_ratio_count") == 0


@pytest.mark.parametrize(("drop", "counted"), [(0.02, 0.02), (-0.01, 0.0)])
def test_a_drop_of_accuracy_is_a_share(metrics: Metrics, drop: float, counted: float) -> None:
    """A variant that does better loses nothing."""
    publish(metrics, accuracy=an_accuracy(metric=Metric.TOP1, drop=drop))

    assert int8(metrics, "tflited_variant_accuracy_drop_ratio_count") == 1
    assert int8(metrics, "tflited_variant_accuracy_drop_ratio_sum") == counted


def test_errors_in_a_models_own_unit_are_not_summed(metrics: Metrics) -> None:
    """A mean absolute error in degrees and one in metres have no common histogram."""
    publish(metrics, accuracy=an_accuracy(metric=Metric.MAE, drop=3.0))

    assert int8(metrics, "tflited_variant_accuracy_drop_ratio_count") == 0
