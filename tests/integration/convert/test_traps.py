"""Where the converter lies or fails: each trap that is known, made real."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tensorflow.lite.python import lite

import zoo
from tflited.convert import internals
from tflited.convert.entry import run
from tflited.convert.load import load
from tflited.convert.lowering.frozen import FrozenConverter
from tflited.convert.lowering.lower import lower
from tflited.convert.quantising import calibrate, quantise
from tflited.convert.quantising.order import Order
from tflited.convert.tflite import flatbuffer
from tflited.domain.attempt import AttemptRequest
from tflited.domain.model import ModelKind
from tflited.domain.policy import (
    Evaluation,
    OperatorSet,
    Policy,
    Quantiser,
    TensorType,
    Variant,
)
from tflited.domain.report import BuildReport, LoweringPath, VariantReport, VariantState
from tflited.errors import ConversionError, ProofError

Build = Callable[..., BuildReport]
SaveModel = Callable[..., Path]
ROW = tf.TensorSpec([None, 64], tf.float32)


def only(report: BuildReport, variant: Variant) -> VariantReport:
    return next(entry for entry in report.variants if entry.variant is variant)


def test_integers_without_data_are_rejected_with_the_fix(build: Build) -> None:
    """Ranges are never made up; the other variants are built all the same."""
    report = build(zoo.digits().model, variants=(Variant.FLOAT32, Variant.INT8))
    rejected = only(report, Variant.INT8)
    assert rejected.state is VariantState.REJECTED
    assert "[calibration]" in rejected.hint
    assert only(report, Variant.FLOAT32).state is VariantState.PROVEN


@pytest.mark.parametrize("content", ["empty", "nan"])
def test_useless_data_is_no_calibration(
    build: Build, samples: Callable[..., Path], content: str
) -> None:
    """The converter answers empty and all-NaN data with a float model and no error."""
    array = np.zeros((0, 8, 8, 1)) if content == "empty" else np.full((4, 8, 8, 1), np.nan)
    data = samples(x=array.astype("f4"))
    variants = (Variant.FLOAT32, Variant.INT8)
    rejected = only(build(zoo.digits().model, calibration=data, variants=variants), Variant.INT8)
    assert rejected.state is VariantState.REJECTED
    assert "data.npz: x" in rejected.reason


def test_dynamic_range_of_small_layers_is_rejected(build: Build, save_model: SaveModel) -> None:
    """Below 1024 weights the converter leaves everything in float32 and says nothing."""
    matrix = tf.Variable(np.ones((8, 8), "f4"))
    model = save_model(lambda x: {"y": x @ matrix}, x=tf.TensorSpec([None, 8], tf.float32))
    rejected = only(build(model), Variant.DYNAMIC_RANGE)
    assert rejected.state is VariantState.REJECTED
    assert "weights_type" in rejected.reason
    assert "1024" in rejected.hint


def test_an_operator_without_integers_fails_int8_and_not_the_fallback(
    build: Build, save_model: SaveModel, samples: Callable[..., Path], weights: Any
) -> None:
    """TFLITE_BUILTINS_INT8 lets a float COS through; the proof names it."""
    matrix = tf.Variable(weights)
    model = save_model(lambda x: {"y": tf.cos(x @ matrix) @ matrix}, x=ROW)
    data = samples(x=np.random.default_rng(1).standard_normal((40, 64)).astype("f4"))
    report = build(model, calibration=data, variants=(Variant.INT8, Variant.INT8_FLOAT_FALLBACK))
    strict, fallback = report.variants
    assert strict.state is VariantState.REJECTED
    assert "COS" in strict.reason
    assert "int8_float_fallback" in strict.hint
    assert fallback.state is VariantState.PROVEN, fallback.reason


def test_outputs_are_compared_by_name(build: Build, save_model: SaveModel, weights: Any) -> None:
    """The file's order of outputs is not the source's; two of one shape would be mixed up."""
    matrix = tf.Variable(weights)
    model = save_model(lambda x: {"zz": x @ matrix, "aa": -(x @ matrix), "mm": x + 1.0}, x=ROW)
    report = build(model, variants=(Variant.FLOAT32,))
    (entry,) = report.variants
    assert entry.state is VariantState.PROVEN, entry.reason
    assert {fidelity.output for fidelity in entry.fidelity} == {"zz", "aa", "mm"}


def test_an_unsupported_operator_is_named(build: Build, save_model: SaveModel) -> None:
    """The hint names the operator and the way out."""
    spec = tf.TensorSpec([1, 4, 4], tf.float32)
    model = save_model(lambda x: {"y": tf.linalg.cholesky(x)}, x=spec)
    with pytest.raises(ConversionError) as caught:
        build(model)
    assert caught.value.code == "needs_select_ops"
    assert "tf.Cholesky" in caught.value.hint


def test_select_operators_cannot_be_proven(build: Build, save_model: SaveModel) -> None:
    """No interpreter here runs them: published, labelled, and told why."""
    spec = tf.TensorSpec([1, 4, 4], tf.float32)
    model = save_model(lambda x: {"y": tf.linalg.cholesky(x)}, x=spec)
    ops = (OperatorSet.TFLITE_BUILTINS, OperatorSet.SELECT_TF_OPS)
    (entry,) = build(model, variants=(Variant.FLOAT32,), ops=ops).variants
    assert entry.state is VariantState.UNVERIFIED
    assert "FlexCholesky" in entry.reason
    assert entry.files


def test_require_proof_turns_unverified_into_rejected(build: Build, save_model: SaveModel) -> None:
    """With nothing left, the build fails and keeps the last good set."""
    spec = tf.TensorSpec([1, 4, 4], tf.float32)
    model = save_model(lambda x: {"y": tf.linalg.cholesky(x)}, x=spec)
    ops = (OperatorSet.TFLITE_BUILTINS, OperatorSet.SELECT_TF_OPS)
    with pytest.raises(ConversionError) as caught:
        build(model, variants=(Variant.FLOAT32,), ops=ops, require_proof=True)
    assert caught.value.code == "no_variant"
    assert "require_proof" in caught.value.message


def damaged(right: Callable[..., bytes]) -> Callable[..., bytes]:
    """A converter whose files have one wrong weight, as the converter now and then makes them."""

    def convert(self: Any) -> bytes:
        content = bytearray(right(self))
        weight = largest_constant(content)
        content[weight : weight + 4] = np.float32(50.0).tobytes()
        return bytes(content)

    return convert


def test_a_wrong_file_of_the_fast_way_is_made_again(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers decide: the public converter takes over, and the report says why."""
    monkeypatch.setattr(FrozenConverter, "convert", damaged(FrozenConverter.convert))
    trained = zoo.digits()
    report = build(trained.model, evaluation=trained.evaluation)
    assert report.source.lowering.path is LoweringPath.PUBLIC_API
    assert "other numbers" in report.source.lowering.reason
    assert {entry.state for entry in report.variants} == {VariantState.PROVEN}


def test_a_baseline_that_does_not_match_stops_the_build(
    build: Build, monkeypatch: pytest.MonkeyPatch, scratch: Path
) -> None:
    """A file that is wrong on every way is never published."""
    public = lite.TFLiteSavedModelConverterV2
    monkeypatch.setattr(FrozenConverter, "convert", damaged(FrozenConverter.convert))
    monkeypatch.setattr(public, "convert", damaged(public.convert))
    trained = zoo.digits()
    with pytest.raises(ProofError, match="relative error") as caught:
        build(trained.model, evaluation=trained.evaluation)
    assert caught.value.code == "baseline_mismatch"
    assert not (scratch / "set").exists()


def largest_constant(content: bytearray) -> int:
    """Where the largest constant of a file begins."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(content, 0)
    buffers = [model.Buffers(index) for index in range(model.BuffersLength())]
    largest = max(buffers, key=lambda buffer: int(buffer.DataLength()))
    return int(largest._tab.Vector(largest._tab.Offset(4)))


def test_a_budget_that_is_not_kept_rejects(scratch: Path) -> None:
    """The variant is left out; its figures stay in the report for the reader."""
    policy = Policy(
        variants=(Variant.FLOAT32, Variant.FLOAT16), evaluation=Evaluation(min_snr_db=200.0)
    )
    request = replace(request_for(zoo.digits().model, scratch), policy=policy)
    report = run(request, lambda _stage, _detail: None)
    rejected = only(report, Variant.FLOAT16)
    assert rejected.state is VariantState.REJECTED
    assert "200 dB" in rejected.reason
    assert rejected.fidelity
    assert not rejected.files
    assert not (scratch / "set/float16").exists()


def test_integer_io_on_float_variants_is_told(build: Build, samples: Callable[..., Path]) -> None:
    """The float variant keeps its types; the report says that on purpose."""
    report = build(zoo.digits().model, variants=(Variant.FLOAT32,), input_type=TensorType.INT8)
    assert report.variants[0].inputs[0].dtype == "float32"
    assert any("input_type" in note for note in report.source.notes)


def test_the_fast_way_gives_the_stock_converters_file(scratch: Path) -> None:
    """Freezing in memory leads to the same operators and the same constants, named alike."""
    source = load(request_for(zoo.digits().model, scratch))
    fast, public = (
        flatbuffer.read(
            lower(
                source, (OperatorSet.TFLITE_BUILTINS,), scratch, is_public_only=is_public_only
            ).content
        )
        for is_public_only in (False, True)
    )
    assert fast.operators == public.operators
    assert fast.weights_bytes == public.weights_bytes
    assert (fast.inputs, fast.outputs) == (public.inputs, public.outputs)
    assert fast.signatures[0].name == public.signatures[0].name == "serving_default"


@pytest.mark.parametrize("names", [internals.FREEZING, internals.CALIBRATING])
def test_this_tensorflow_has_what_the_fast_ways_need(names: internals.Names) -> None:
    """Otherwise every build takes the slow way, and only the reports would tell."""
    internals.require(names)


def without(names: internals.Names, place: str) -> internals.Names:
    """The names as a release would have them that renames the first one of a place."""
    return {**names, place: (f"{names[place][0]}_of_another_version",)}


@pytest.mark.parametrize("place", sorted(internals.FREEZING))
def test_a_tensorflow_without_the_internals_takes_the_public_way(
    build: Build, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """An upgrade that renames something inside costs time, not models."""
    monkeypatch.setattr(internals, "FREEZING", without(internals.FREEZING, place))
    report = build(zoo.digits().model, variants=(Variant.FLOAT32,))
    assert report.source.lowering.path is LoweringPath.PUBLIC_API
    assert internals.FREEZING[place][0] in report.source.lowering.reason
    assert report.variants[0].state is VariantState.PROVEN


@pytest.mark.parametrize("place", sorted(internals.CALIBRATING))
@pytest.mark.parametrize("kind", [TensorType.FLOAT32, TensorType.INT8])
def test_without_the_calibrator_integers_are_made_publicly(
    build: Build, monkeypatch: pytest.MonkeyPatch, place: str, kind: TensorType
) -> None:
    """The whole public conversion runs for each integer variant; its files are proven alike."""
    monkeypatch.setattr(calibrate, "CALIBRATING", without(internals.CALIBRATING, place))
    trained = zoo.digits()
    report = build(
        trained.model,
        calibration=trained.calibration,
        variants=(Variant.INT8, Variant.INT16X8) if kind is TensorType.FLOAT32 else (Variant.INT8,),
        input_type=kind,
        quantiser=Quantiser.TF_CONVERTER,
    )
    assert {entry.state for entry in report.variants} == {VariantState.PROVEN}
    assert report.variants[0].inputs[0].dtype == kind.value


def as_float32(order: Order) -> bytes:
    """What the converter answers where it takes no notice of what was asked."""
    return order.lowered.content


@pytest.mark.parametrize("variant", [v for v in Variant if v.value not in {"float32", "auto"}])
def test_a_variant_without_effect_is_never_published(
    build: Build, monkeypatch: pytest.MonkeyPatch, variant: Variant
) -> None:
    """float16 without an optimisation, int8 without data and small layers all end like this."""
    makers = dict.fromkeys((Quantiser.TF_CONVERTER, Quantiser.LITERT_QUANTIZER), as_float32)
    monkeypatch.setattr(quantise, "_MAKERS", makers)
    trained = zoo.digits()
    variants = (Variant.FLOAT32, variant)
    report = build(trained.model, calibration=trained.calibration, variants=variants)
    rejected = only(report, variant)
    assert rejected.state is VariantState.REJECTED
    assert "weights_type" in rejected.reason or "input_type" in rejected.reason
    assert not rejected.files


def test_auto_takes_no_variant_without_effect(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left is what it really is: float32."""
    makers = dict.fromkeys((Quantiser.TF_CONVERTER, Quantiser.LITERT_QUANTIZER), as_float32)
    monkeypatch.setattr(quantise, "_MAKERS", makers)
    trained = zoo.digits()
    report = build(trained.model, calibration=trained.calibration, variants=(Variant.AUTO,))
    (entry,) = report.variants
    assert entry.state is VariantState.PROVEN, entry.reason
    assert entry.chosen is Variant.FLOAT32


def test_a_file_without_weights_is_never_published(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``from_concrete_functions`` with its default lowering drops them and raises nothing."""
    model = zoo.digits("keras").model
    loaded = keras.saving.load_model(model, compile=False)
    size = sum(array.nbytes for array in loaded.get_weights())
    spec = tf.TensorSpec([1, *loaded.inputs[0].shape[1:]], tf.float32)
    function = tf.function(lambda x: loaded(x, training=False)).get_concrete_function(spec)
    stock = lite.TFLiteConverterV2.from_concrete_functions([function], loaded)
    weightless = bytes(stock.convert())
    assert len(weightless) < size / 4
    monkeypatch.setattr(FrozenConverter, "convert", lambda _: weightless)
    report = build(model, ModelKind.KERAS, variants=(Variant.FLOAT32,))
    assert report.source.lowering.path is LoweringPath.PUBLIC_API
    assert report.variants[0].state is VariantState.PROVEN
    assert sum(report.variants[0].weights_bytes.values()) >= size


def test_data_can_be_walked_twice(samples: Callable[..., Path], scratch: Path) -> None:
    """16x8 quantisation in TensorFlow walks it twice; a generator would be empty by then."""
    trained = zoo.digits()
    request = replace(request_for(trained.model, scratch), calibration=(str(trained.calibration),))
    walk = calibrate.representative(request, load(request))
    assert sum(1 for _ in walk()) == sum(1 for _ in walk()) > 0


def test_a_fused_lstm_keeps_its_cell_state(
    build: Build, tmp_path: Path, samples: Callable[..., Path]
) -> None:
    """The converter limits cell states to 10; a layer that counts to 40 and back shows it."""
    layer = tf_keras.layers.LSTM(1)
    model = tf_keras.Sequential([tf_keras.Input((80, 1)), layer])
    # Gates open, candidate tanh(20 x): the cell adds the sign of the input at every step.
    kernel, recurrent = np.array([[0.0, 0.0, 20.0, 0.0]]), np.zeros((1, 4))
    layer.set_weights([kernel, recurrent, np.array([20.0, 20.0, 0.0, 20.0])])
    model.save(tmp_path / "counter.h5")
    forth_and_back = np.concatenate([np.ones((2, 40, 1)), -np.ones((2, 40, 1))], axis=1)
    forth_and_back[1, -1] = 1.0
    data = samples(x=forth_and_back.astype("f4"))
    report = build(
        tmp_path / "counter.h5",
        ModelKind.KERAS_HDF5,
        variants=(Variant.FLOAT32,),
        evaluation=data,
    )
    assert report.variants[0].state is VariantState.PROVEN
    assert any("cell states" in note for note in report.source.notes)
    assert any("state of recurrent layers" in note for note in report.source.notes)


def request_for(model: Path, scratch: Path, **policy: Any) -> AttemptRequest:
    return AttemptRequest(
        attempt="1.1",
        kind=ModelKind.SAVED_MODEL,
        model=str(model),
        stem="model",
        scratch=str(scratch),
        policy=Policy(**policy),
    )
