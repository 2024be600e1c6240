"""Models trained for 8 bits: ranges from training, no data asked, nothing passed off."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import zoo
from tflited.domain.model import ModelKind
from tflited.domain.policy import TensorType, Variant
from tflited.domain.report import BuildReport, VariantReport, VariantState
from tflited.errors import ConversionError

Build = Callable[..., BuildReport]
INTEGERS = (Variant.FLOAT32, Variant.INT8, Variant.INT8_FLOAT_FALLBACK)
QUANTISED = {"QUANTIZE", "DEQUANTIZE"}


def proven(report: BuildReport) -> dict[Variant, VariantReport]:
    for entry in report.variants:
        assert entry.state is VariantState.PROVEN, f"{entry.variant}: {entry.reason}"
    return {entry.variant: entry for entry in report.variants}


@pytest.fixture
def rounding(tmp_path: Path) -> Callable[[Any], Path]:
    """Saves a layer whose tensors an operator rounds."""

    def saved(rounded: Any) -> Path:
        kernel = tf.Variable(np.random.default_rng(5).standard_normal((16, 8)).astype("f4") / 4)

        def call(x: Any) -> dict[str, Any]:
            product = tf.matmul(rounded(x, 3.0), rounded(kernel, 1.0))
            return {"y": rounded(product, 6.0)}

        module = tf.Module()
        module.held = [kernel]
        signature = tf.function(call, autograph=False).get_concrete_function(
            x=tf.TensorSpec([None, 16])
        )
        path = tmp_path / "rounding"
        tf.saved_model.save(module, str(path), signatures={"serving_default": signature})
        return path

    return saved


def test_integers_need_no_data(build: Build) -> None:
    """Ranges of the graph; every operator computes in integers; the report says where from."""
    report = build(zoo.small("fake_quant"), variants=INTEGERS)
    entries = proven(report)
    checks = {check.name: check.observed for check in entries[Variant.INT8].checks}
    assert "none in float" in checks["operator_types"]
    assert "100% of 248 weight elements are int8" in checks["weights_type"]
    assert "come from training" in report.source.notes[0]


def test_float32_keeps_the_rounding(build: Build) -> None:
    """It is what the source computes, so it is proven against it, and the note says the cost."""
    report = build(zoo.small("fake_quant"), variants=(Variant.FLOAT32,))
    (entry,) = report.variants
    assert set(entry.operators) > QUANTISED
    assert entry.fidelity[0].relative_error < 1e-3
    assert "float32 keeps the rounding" in report.source.notes[0]


@pytest.mark.parametrize("asked", [TensorType.INT8, TensorType.UINT8])
def test_inputs_and_outputs_may_be_integers(build: Build, asked: TensorType) -> None:
    """For devices without floats."""
    variants = (Variant.INT8, Variant.INT8_FLOAT_FALLBACK)
    report = build(zoo.small("fake_quant"), variants=variants, input_type=asked, output_type=asked)
    for entry in proven(report).values():
        assert entry.inputs[0].dtype == entry.outputs[0].dtype == asked
        assert entry.inputs[0].scale == pytest.approx(8 / 255, rel=1e-3)


def test_data_does_not_replace_the_training(
    build: Build, samples: Callable[..., Path], scratch: Path
) -> None:
    """A calibration set of wrong range would spoil what was learnt; it is not used."""
    wrong = samples(image=np.full((4, 8, 8, 3), 1e3, np.float32))
    report = build(zoo.small("fake_quant"), variants=(Variant.INT8,), calibration=wrong)
    (entry,) = report.variants
    assert (scratch / "set" / "int8" / "model.tflite").exists()
    assert entry.inputs[0].scale == 0.0  # stays float; the range inside is that of the training
    assert entry.operators["QUANTIZE"] == 1


@pytest.mark.parametrize(
    "variant", [Variant.DYNAMIC_RANGE, Variant.FLOAT16, Variant.INT16X8], ids=str
)
def test_what_would_be_the_8_bit_file_under_another_name_is_rejected(
    build: Build, variant: Variant
) -> None:
    """The converter gives integers for each of these and says nothing."""
    report = build(zoo.small("fake_quant"), variants=(Variant.FLOAT32, variant))
    entry = report.variants[1]
    assert entry.state is VariantState.REJECTED
    assert "trained for 8-bit" in entry.reason
    assert "no calibration data" in entry.hint


@pytest.mark.parametrize("version", ["V2", "V4"])
def test_other_operators_that_round_are_recognised(
    build: Build, rounding: Callable[[Any], Path], version: str
) -> None:
    """V4 is what TensorFlow's own function writes, and what its converter does not look for."""
    operator = getattr(tf.raw_ops, f"QuantizeAndDequantize{version}")

    def rounded(value: Any, bound: float) -> Any:
        return operator(input=value, input_min=-bound, input_max=bound, range_given=True)

    entries = proven(build(rounding(rounded), variants=INTEGERS))
    assert entries[Variant.INT8].weights_bytes.get("int8") == 128


def test_an_operator_without_a_form_is_refused(
    build: Build, rounding: Callable[[Any], Path]
) -> None:
    """By its name, with those that have one."""

    def rounded(value: Any, bound: float) -> Any:
        return tf.raw_ops.QuantizeAndDequantizeV3(
            input=value, input_min=-bound, input_max=bound, num_bits=8
        )

    with pytest.raises(ConversionError, match="QuantizeAndDequantizeV3") as refused:
        build(rounding(rounded), variants=INTEGERS)
    assert "fake_quant_with_min_max_vars" in refused.value.hint


@pytest.mark.parametrize("name", ["aware", "aware.h5", "aware.keras"])
def test_models_of_tfmot_compute_what_tfmot_computed(build: Build, name: str) -> None:
    """Three forms of one model, whose wrappers are stood in for; the last tfmot cannot read."""
    kind = {"aware.h5": ModelKind.KERAS_HDF5, "aware.keras": ModelKind.KERAS}
    report = build(
        zoo.tfmot(name),
        kind.get(name, ModelKind.SAVED_MODEL),
        variants=(Variant.FLOAT32, Variant.INT8),
    )
    entries = proven(report)
    assert not QUANTISED & set(entries[Variant.FLOAT32].operators) ^ QUANTISED
    assert entries[Variant.INT8].weights_bytes["int8"] > entries[Variant.INT8].weights_bytes.get(
        "float32", 0
    )
