"""The error of every operator: on a trained model, on one that was damaged, and where it is not.

The digits classifier is converted for real; damage is done to the published file.
"""

import csv
import io
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import flatbuffers  # type: ignore[import-untyped]  # neither types nor stubs
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

import zoo
from tflited.convert.data.reference import Pair, Reference
from tflited.convert.layers import layer_error
from tflited.convert.layers.layer_error import layer_errors
from tflited.domain.policy import Evaluation, Quantiser, Variant
from tflited.domain.report import BuildReport, VariantReport, VariantState

Build = Callable[..., BuildReport]
SIGNATURE = "serving_default"


@pytest.fixture
def files(build: Build, scratch: Path) -> Mapping[Variant, bytes]:
    """The digits classifier as float32 and int8."""
    digits = zoo.digits()
    build(
        digits.model,
        calibration=digits.calibration,
        evaluation=digits.evaluation,
        variants=(Variant.FLOAT32, Variant.INT8),
    )
    return {
        variant: (scratch / "set" / variant / "model.tflite").read_bytes()
        for variant in (Variant.FLOAT32, Variant.INT8)
    }


@pytest.fixture
def reference() -> Reference:
    """Samples that the classifier was not trained on."""
    images = np.load(zoo.digits().evaluation)["x"].astype(np.float32)
    pairs = tuple(Pair(inputs={"image": images[n : n + 1]}, outputs={}) for n in range(8))
    return Reference(origin="evaluation", pairs={SIGNATURE: pairs})


def entry_of(report: BuildReport, variant: Variant) -> VariantReport:
    (entry,) = (entry for entry in report.variants if entry.variant is variant)
    return entry


def changed(content: bytes, change: Callable[[Any], None]) -> bytes:
    """A flatbuffer after a change of its object form."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    change(model)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def test_every_operator_is_listed(build: Build) -> None:
    """In the file's order, each near what rounding costs; only shapes have no error."""
    digits = zoo.digits()
    integers = (Variant.INT8, Variant.INT8_FLOAT_FALLBACK, Variant.INT16X8)
    report = build(
        digits.model,
        calibration=digits.calibration,
        evaluation=digits.evaluation,
        variants=(Variant.FLOAT32, Variant.DYNAMIC_RANGE, *integers),
    )
    for variant in integers:
        entry = entry_of(report, variant)
        listed = [layer.operator for layer in entry.layers]
        shapes = {"SHAPE", "STRIDED_SLICE", "PACK"}
        assert sorted(listed) == sorted(
            name
            for name, count in entry.operators.items()
            for _ in range(count)
            if name not in shapes
        )
        assert [layer.index for layer in entry.layers] == sorted(
            layer.index for layer in entry.layers
        )
        assert not entry.layers_note
        assert all(math.isfinite(layer.rmse_over_scale or 0.0) for layer in entry.layers)
    int8 = entry_of(report, Variant.INT8).layers
    layers = [layer for layer in int8 if layer.operator in {"CONV_2D", "FULLY_CONNECTED"}]
    assert all(0.2 < (layer.rmse_over_scale or 0.0) < 0.5 for layer in layers)
    assert not any(layer.is_suspicious for layer in int8)
    assert int8[-1].operator == "DEQUANTIZE"
    assert int8[-1].rmse_over_scale is None
    assert layers[-1].accumulated_rmse > layers[-1].rmse
    assert not entry_of(report, Variant.DYNAMIC_RANGE).layers


def test_equal_builds_measure_equal_errors(
    files: Mapping[Variant, bytes], reference: Reference
) -> None:
    """They are part of the report, whose bytes are promised."""
    first, second = (
        layer_errors(files[Variant.INT8], files[Variant.FLOAT32], reference) for _ in range(2)
    )
    assert first == second
    assert len(first.entries) == 10


@pytest.mark.parametrize("damaged", [1, 3, 9, 10])
def test_a_damaged_operator_is_the_worst(
    files: Mapping[Variant, bytes], reference: Reference, damaged: int
) -> None:
    """Those behind it compute rightly on wrong inputs, and are not blamed."""

    def change(model: Any) -> None:
        graph = model.subgraphs[0]
        weights = graph.tensors[graph.operators[damaged].inputs[1]]
        model.buffers[weights.buffer].data = np.roll(model.buffers[weights.buffer].data, 7)

    found = layer_errors(
        changed(files[Variant.INT8], change), files[Variant.FLOAT32], reference
    ).entries
    worst = max(found, key=lambda layer: layer.rmse_over_scale or 0.0)
    assert worst.index == damaged
    assert worst.is_suspicious
    assert [layer.index for layer in found if layer.is_suspicious] == [damaged]
    behind = [layer for layer in found if layer.index >= damaged]
    assert all(layer.accumulated_rmse > 0 for layer in behind)


def test_the_figures_are_those_of_tensorflows_debugger() -> None:
    """The same file on the same samples: its threshold may be borrowed."""
    digits = zoo.digits()
    calibration, images = (
        np.load(place)["x"].astype(np.float32) for place in (digits.calibration, digits.evaluation)
    )
    plain = tf.lite.TFLiteConverter.from_saved_model(str(digits.model)).convert()
    maker = tf.lite.TFLiteConverter.from_saved_model(str(digits.model))
    maker.optimizations = [tf.lite.Optimize.DEFAULT]
    maker.representative_dataset = lambda: ([calibration[n : n + 1]] for n in range(100))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the debugger runs TensorFlow's deprecated interpreter
        peer = tf.lite.experimental.QuantizationDebugger(
            converter=maker, debug_dataset=lambda: ([images[n : n + 1]] for n in range(4))
        )
        peer.run()
    text = io.StringIO()
    peer.layer_statistics_dump(text)
    theirs = {
        row["tensor_name"]: math.sqrt(float(row["mean_squared_error"])) / float(row["scale"])
        for row in csv.DictReader(io.StringIO(text.getvalue()))
    }
    pairs = tuple(Pair(inputs={"image": images[n : n + 1]}, outputs={}) for n in range(4))
    reference = Reference(origin="evaluation", pairs={SIGNATURE: pairs})
    ours = {
        layer.output.removesuffix("…"): layer.rmse_over_scale
        for layer in layer_errors(peer.get_nondebug_quantized_model(), plain, reference).entries
        if layer.rmse_over_scale is not None and layer.operator != "QUANTIZE"
    }
    assert len(ours) == len(theirs) == 8
    for name, steps in ours.items():
        (same,) = (value for key, value in theirs.items() if key.startswith(name))
        assert steps == pytest.approx(same, rel=0.1, abs=1e-4)


def test_a_rejected_variant_tells_where(build: Build) -> None:
    """There the figures are wanted most."""
    digits = zoo.digits()
    report = build(
        digits.model,
        calibration=digits.calibration,
        evaluation=digits.evaluation,
        variants=(Variant.FLOAT32, Variant.INT8),
        rules=Evaluation(min_snr_db=90.0),
    )
    entry = entry_of(report, Variant.INT8)
    assert entry.state is VariantState.REJECTED
    assert entry.layers


def test_the_other_quantiser_is_measured_too(build: Build) -> None:
    """It invents other names at the edges."""
    digits = zoo.digits()
    report = build(
        digits.model,
        calibration=digits.calibration,
        evaluation=digits.evaluation,
        variants=(Variant.FLOAT32, Variant.INT8),
        quantiser=Quantiser.LITERT_QUANTIZER,
    )
    entry = entry_of(report, Variant.INT8)
    assert {layer.operator for layer in entry.layers} >= {"QUANTIZE", "CONV_2D", "SOFTMAX"}
    assert not entry.layers_note


def test_what_does_not_fit_in_memory_is_left_out(
    files: Mapping[Variant, bytes], reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the size, observed against allowed."""
    monkeypatch.setattr(layer_error, "LARGEST_ACTIVATIONS_BYTES", 1000)
    found = layer_errors(files[Variant.INT8], files[Variant.FLOAT32], reference)
    assert not found.entries
    assert "at most 1000 are held" in found.note


def test_of_many_operators_the_worst_are_kept(
    files: Mapping[Variant, bytes], reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Still in the file's order, and the report says so."""
    everything = layer_errors(files[Variant.INT8], files[Variant.FLOAT32], reference).entries
    monkeypatch.setattr(layer_error, "MOST_LAYERS", 3)
    found = layer_errors(files[Variant.INT8], files[Variant.FLOAT32], reference)
    steps = sorted((layer.rmse_over_scale or 0.0 for layer in everything), reverse=True)
    assert (
        sorted((layer.rmse_over_scale or 0.0 for layer in found.entries), reverse=True)
        == (steps[:3])
    )
    assert [layer.index for layer in found.entries] == sorted(
        layer.index for layer in found.entries
    )
    assert found.note == "Of 10 outputs the 3 worst are listed."


def test_without_inputs_nothing_is_measured(
    files: Mapping[Variant, bytes], reference: Reference
) -> None:
    """The cause is the comparison's."""
    empty = replace(reference, pairs={}, trouble="The source did not run.")
    found = layer_errors(files[Variant.INT8], files[Variant.FLOAT32], empty)
    assert (found.entries, found.note) == ((), "Not measured: The source did not run.")


def test_inputs_that_do_not_fit_cost_the_figures_only(
    files: Mapping[Variant, bytes], reference: Reference
) -> None:
    """A build never fails for want of a picture."""
    wrong = Pair(inputs={"image": np.zeros((1, 8, 8, 3), np.float32)}, outputs={})
    found = layer_errors(
        files[Variant.INT8], files[Variant.FLOAT32], replace(reference, pairs={SIGNATURE: (wrong,)})
    )
    assert not found.entries
    assert found.note.startswith("Not measured: ")
