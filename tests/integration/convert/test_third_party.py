"""Models that nobody here made, from packages of other people."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tflited.domain.model import ModelKind
from tflited.domain.policy import Variant
from tflited.domain.report import BuildReport, VariantState

Build = Callable[..., BuildReport]
ThirdParty = Callable[[str], Path]


def test_basic_pitch_matches_its_source(build: Build, third_party: ThirdParty) -> None:
    """Spotify's music transcription, a TensorFlow 2 SavedModel with three outputs."""
    model = third_party("basic-pitch") / "basic_pitch/saved_models/icassp_2022/nmp"
    report = build(model, variants=(Variant.FLOAT32, Variant.FLOAT16))
    baseline, half = report.variants
    assert baseline.state is VariantState.PROVEN, baseline.reason
    assert {entry.output for entry in baseline.fidelity} == {"contour", "note", "onset"}
    assert max(entry.relative_error for entry in baseline.fidelity) < 1e-3
    assert half.state is VariantState.PROVEN, half.reason


@pytest.mark.parametrize("name", ["CNN2s", "CNN5s", "OSCNN2s", "LSTM2s"])
def test_ecg_quality_files_are_converted(build: Build, third_party: ThirdParty, name: str) -> None:
    """Four Keras 2 files; the recurrent one needs a fixed batch and an unlimited cell state."""
    model = third_party("ecg-quality") / f"ecg_quality/models/{name}.h5"
    variants = (Variant.FLOAT32, Variant.DYNAMIC_RANGE)
    report = build(model, ModelKind.KERAS_HDF5, variants=variants)
    assert report.source.loader == "tf_keras"
    for entry in report.variants:
        assert entry.state is VariantState.PROVEN, entry.reason
    assert any("batch size 1" in note for note in report.source.notes) is (name == "LSTM2s")
