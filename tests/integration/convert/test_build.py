"""Whole builds of trained models: every variant made, proven and written."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import zoo
from tflited.convert.entry import run
from tflited.domain.attempt import AttemptRequest
from tflited.domain.figures import CheckResult
from tflited.domain.model import ModelKind
from tflited.domain.policy import Calibration, CArray, Policy, TensorType, Variant
from tflited.domain.report import BuildReport, Stage, VariantState

Build = Callable[..., BuildReport]
PROVEN = VariantState.PROVEN


def test_every_variant_of_a_trained_model_is_proven(build: Build, scratch: Path) -> None:
    """The digits classifier with data: eight variants, all proven, sizes as their names say."""
    trained = zoo.digits()
    report = build(
        trained.model,
        calibration=trained.calibration,
        evaluation=trained.evaluation,
        variants=tuple(Variant),
    )
    states = {entry.variant: (entry.state, entry.reason) for entry in report.variants}
    assert states == dict.fromkeys(Variant, (PROVEN, ""))
    ratios = {entry.variant: entry.size_ratio or 9 for entry in report.variants}
    assert ratios[Variant.FLOAT32] == 1.0
    assert 0.45 < ratios[Variant.FLOAT16] < 0.65
    assert ratios[Variant.WEIGHT_ONLY_INT4] < ratios[Variant.WEIGHT_ONLY_INT8] < 0.45
    samples = {entry.variant: entry.fidelity[0].samples for entry in report.variants}
    assert samples == dict.fromkeys(Variant, 32) | {Variant.INT16X8: 8}
    assert report.source.reference_inputs == "evaluation"
    assert set(report.stage_seconds) == {
        stage.value for stage in set(Stage) - {Stage.STAGE, Stage.CARRY, Stage.START, Stage.PUBLISH}
    }
    for entry in report.variants:
        for file in entry.files:
            data = (scratch / "set" / file.path).read_bytes()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (file.size_bytes, file.sha256)


def test_a_published_int8_file_still_classifies(build: Build, scratch: Path) -> None:
    """Judged by somebody else's interpreter and labels: the service's own word is not taken."""
    trained = zoo.digits()
    build(
        trained.model,
        calibration=trained.calibration,
        stem="digits",
        variants=(Variant.INT8,),
        input_type=TensorType.INT8,
        output_type=TensorType.INT8,
    )
    interpreter = Interpreter(model_path=str(scratch / "set/int8/digits.tflite"))
    interpreter.allocate_tensors()
    entry, exit_ = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    assert (entry["dtype"], exit_["dtype"]) == (np.int8, np.int8)
    scale, zero_point = entry["quantization"]
    data = np.load(trained.evaluation)
    right = 0
    for image, label in zip(data["x"], data["y"], strict=True):
        steps = np.clip(np.round(image / scale) + zero_point, -128, 127).astype(np.int8)
        interpreter.set_tensor(entry["index"], steps[None])
        interpreter.invoke()
        right += int(interpreter.get_tensor(exit_["index"]).argmax() == label)
    assert right / len(data["y"]) > 0.93


def test_the_default_policy_needs_no_data(build: Build, scratch: Path) -> None:
    """Float32, dynamic range and float16, compared on seeded random inputs, with C arrays."""
    report = build(zoo.digits().model, stem="digits")
    assert [entry.variant for entry in report.published] == [
        Variant.FLOAT32,
        Variant.DYNAMIC_RANGE,
        Variant.FLOAT16,
    ]
    assert report.source.reference_inputs == "random"
    names = {path.relative_to(scratch / "set").as_posix() for path in scratch.rglob("set/*/*")}
    assert names == {
        f"{variant}/digits.{end}"
        for variant in ("float32", "dynamic_range", "float16")
        for end in ("tflite", "c", "h")
    }


def test_the_header_carries_the_provenance(build: Build, scratch: Path) -> None:
    """Whoever finds the header on a device can tell what it was made from."""
    build(zoo.digits().model, variants=(Variant.FLOAT32,))
    header = (scratch / "set/float32/model.h").read_text()
    assert " * policy: test" in header
    assert '_INPUT_0_NAME "' in header
    assert "extern const unsigned char g_model_float32[" in header


def test_c_arrays_can_be_left_out(build: Build, scratch: Path) -> None:
    """The policy switches them off."""
    build(zoo.digits().model, variants=(Variant.FLOAT32,), c_array=CArray(enabled=False))
    assert [path.name for path in scratch.glob("set/float32/*")] == ["model.tflite"]


@pytest.mark.parametrize(
    ("form", "kind", "loader"),
    [("keras", ModelKind.KERAS, "keras"), ("h5", ModelKind.KERAS_HDF5, "tf_keras")],
)
def test_keras_files_are_built(build: Build, form: str, kind: ModelKind, loader: str) -> None:
    """A Keras 3 archive by Keras 3, a Keras 2 file by Keras 2, both proven."""
    trained = zoo.digits(form)
    report = build(trained.model, kind, evaluation=trained.evaluation)
    assert report.source.loader == loader
    assert [entry.state for entry in report.variants] == [PROVEN] * 3
    assert [spec.shape for spec in report.source.inputs] == [(-1, 8, 8, 1)]


def test_named_inputs_stay_named(build: Build) -> None:
    """Three inputs of equal shape can only be told apart by name, in data and in files."""
    trained = zoo.tumours()
    report = build(
        trained.model,
        ModelKind.KERAS,
        calibration=trained.calibration,
        evaluation=trained.evaluation,
        variants=(Variant.FLOAT32, Variant.DYNAMIC_RANGE, Variant.INT8_FLOAT_FALLBACK),
    )
    for entry in report.variants:
        assert {spec.name for spec in entry.inputs} == {"mean", "error", "worst"}
    assert [entry.state for entry in report.published] == [PROVEN, PROVEN]


def test_ruinous_quantisation_is_rejected_by_its_figures(build: Build) -> None:
    """Areas of 2000 and smoothness of 0.1 share one int8 scale: the file runs and is useless."""
    trained = zoo.tumours()
    report = build(
        trained.model,
        ModelKind.KERAS,
        calibration=trained.calibration,
        variants=(Variant.FLOAT32, Variant.INT8_FLOAT_FALLBACK),
    )
    rejected = report.variants[1]
    assert rejected.state is VariantState.REJECTED
    assert "dB" in rejected.reason
    assert rejected.fidelity[0].snr_db is not None
    assert rejected.fidelity[0].snr_db < 20


def test_a_file_with_named_inputs_still_classifies(build: Build, scratch: Path) -> None:
    """Judged by labels: inputs that were mixed up on the way in would be compared as mixed up."""
    trained = zoo.tumours()
    build(trained.model, ModelKind.KERAS, variants=(Variant.FLOAT32,))
    interpreter = Interpreter(model_path=str(scratch / "set/float32/model.tflite"))
    runner = interpreter.get_signature_runner("serving_default")
    data = np.load(trained.evaluation)
    right = 0
    for index, label in enumerate(data["y"]):
        sample = {name: data[name][index : index + 1] for name in ("mean", "error", "worst")}
        right += int((runner(**sample)["benign"].item() > 0.5) == bool(label))
    assert right / len(data["y"]) > 0.95


def test_the_same_request_gives_the_same_bytes(tmp_path: Path) -> None:
    """Other scratch directory, other time, same files; Keras is exported anew each time."""
    trained = zoo.digits("keras")
    variants = (Variant.FLOAT32, Variant.INT8, Variant.WEIGHT_ONLY_INT8)

    def hashes(name: str) -> list[Any]:
        (tmp_path / name).mkdir()
        request = AttemptRequest(
            attempt=name,
            kind=ModelKind.KERAS,
            model=str(trained.model),
            stem="digits",
            scratch=str(tmp_path / name),
            policy=Policy(variants=variants, calibration=Calibration(data="x", samples=20)),
            calibration=(str(trained.calibration),),
            threads=2,
        )
        return [entry.files for entry in run(request, lambda _stage, _detail: None).variants]

    assert hashes("first") == hashes("second")
    for path in (tmp_path / "first" / "set").rglob("*"):
        assert not path.is_file() or str(tmp_path).encode() not in path.read_bytes()


def test_progress_names_every_stage_and_variant(scratch: Path) -> None:
    """Status and page show what an attempt is doing."""
    told: list[tuple[Stage, str]] = []
    request = AttemptRequest(
        attempt="1.1",
        kind=ModelKind.SAVED_MODEL,
        model=str(zoo.digits().model),
        stem="digits",
        scratch=str(scratch),
        policy=Policy(variants=(Variant.FLOAT32, Variant.FLOAT16)),
        threads=2,
    )
    run(request, lambda stage, detail: told.append((stage, detail)))
    assert told == [
        (Stage.LOAD, "digits"),
        (Stage.REFERENCE, "digits"),
        (Stage.LOWER, "float32"),
        (Stage.PROVE, "float32"),
        (Stage.EMIT_C, "float32"),
        (Stage.PROFILE, "float32"),
        (Stage.QUANTISE, "float16"),
        (Stage.PROVE, "float16"),
        (Stage.EMIT_C, "float16"),
        (Stage.PROFILE, "float16"),
    ]


def test_evaluation_data_that_does_not_fit_is_told(
    build: Build, samples: Callable[..., Path]
) -> None:
    """Compared on something else, the variants are published as unverified, with the reason."""
    wrong = samples(x=np.zeros((3, 9, 9, 1), "f4"))
    report = build(zoo.digits().model, evaluation=wrong, variants=(Variant.FLOAT32,))
    (entry,) = report.variants
    assert entry.state is VariantState.UNVERIFIED
    assert "data.npz" in entry.reason
    assert {check.result for check in entry.checks} == {CheckResult.PASSED, CheckResult.UNPROVEN}
