"""Builds for a microcontroller: real trained models, really run in TFLM, really compiled."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

import linked
import zoo
from tflited.convert.micro.operators import method
from tflited.convert.micro.tflm import INSTALL, Tflm
from tflited.convert.tflite import flatbuffer
from tflited.domain.figures import Check, CheckResult
from tflited.domain.model import ModelKind
from tflited.domain.policy import CArray, CStyle, OperatorSet, Target, TensorType, Variant
from tflited.domain.report import BuildReport, VariantReport, VariantState
from tflited.errors import ConversionError

Build = Callable[..., BuildReport]
SaveModel = Callable[..., Path]
MODELS = {"digits": zoo.digits, "motion": zoo.motion}
SAMPLES = 8
BYTES = {"input_type": TensorType.INT8, "output_type": TensorType.INT8}


def tflm_check(entry: VariantReport) -> Check:
    (check,) = [check for check in entry.checks if check.name == "tflm"]
    return check


def built(build: Build, name: str, *variants: Variant, **policy: Any) -> dict[Variant, Any]:
    trained = MODELS[name]()
    report = build(
        trained.model,
        stem=name,
        calibration=trained.calibration,
        variants=variants,
        **{"target": Target.MICRO, **policy},
    )
    return {entry.variant: entry for entry in report.variants}


def raw_samples(name: str, interpreter: Any) -> list[list[Any]]:
    """Held-back inputs in the file's own type."""
    detail = interpreter.get_input_details()[0]
    scale, zero_point = detail["quantization"]
    values = np.load(MODELS[name]().evaluation)["x"][:SAMPLES]
    steps = np.clip(np.round(values / scale) + zero_point, -128, 127).astype(np.int8)
    return [[sample[None]] for sample in steps]


@pytest.mark.parametrize("name", MODELS)
def test_int8_on_a_microcontroller(build: Build, scratch: Path, tmp_path: Path, name: str) -> None:
    """TFLM and LiteRT agree within a quantum, and the arena of the header is the smallest.

    Measured anew here, on inputs that the build has not seen.
    """
    entry = built(build, name, Variant.INT8, **BYTES)[Variant.INT8]
    assert entry.state is VariantState.PROVEN
    assert (entry.micro.samples, entry.micro.max_quanta <= 1) == (SAMPLES, True)
    folder = scratch / "set/int8"
    content = (folder / f"{name}.tflite").read_bytes()
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    samples = raw_samples(name, interpreter)
    (size,) = re.findall(r"_ARENA_SIZE (\d+)u", (folder / f"{name}.h").read_text())
    assert int(size) == entry.micro.arena_bytes
    place = tmp_path / "probe"
    place.mkdir()
    with Tflm.opened(place, content, samples, output_count=1) as runtime:
        assert runtime.run(int(size), SAMPLES).is_ok
        outputs = runtime.outputs(SAMPLES)
        assert not runtime.run(int(size) - 16, 1).is_ok
    for inputs, found in zip(samples, outputs, strict=True):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], inputs[0])
        interpreter.invoke()
        expected = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        assert np.abs(expected.astype(int) - found[0].astype(int)).max() <= 1


@pytest.mark.requires_program("gcc", "apt-get install gcc")
@pytest.mark.requires_program("g++", "apt-get install g++")
@pytest.mark.parametrize("style", list(CStyle))
@pytest.mark.parametrize("name", MODELS)
def test_the_published_sources_compile(
    build: Build, scratch: Path, name: str, style: CStyle
) -> None:
    """The linked bytes are the published file, aligned, and so is every constant inside it."""
    rules = CArray(style=style)
    built(build, name, Variant.INT8, c_array=rules, **BYTES)
    folder = scratch / "set/int8"
    content = (folder / f"{name}.tflite").read_bytes()
    suffix = {CStyle.C: "_int8", CStyle.TFLM: "_int8_model_data", CStyle.INCBIN: "_int8"}
    array = f"g_{name}{suffix[style]}" if style in suffix else "g_model"
    commands: dict[CStyle, list[tuple[str, ...]]] = {
        CStyle.C: [(*linked.C, f"{name}.c"), (*linked.CPP, "-x", "c++", f"{name}.c")],
        CStyle.TFLM: [(*linked.CPP, f"{name}_model_data.cc")],
        CStyle.ARDUINO: [(*linked.CPP, f"{name}.cpp")],
        CStyle.INCBIN: [("gcc", f"{name}.S"), ("g++", f"{name}.S")],
    }
    for number, command in enumerate(commands[style]):
        place = folder.parent / f"linked{number}"
        place.mkdir()
        linked.write(place, {path.name: path.read_bytes() for path in folder.iterdir()})
        found = linked.linked(place, array, len(content), *command)
        assert found.content == content
        assert found.address % 16 == 0
    model = schema.Model.GetRootAs(content, 0)
    buffers = [model.Buffers(index) for index in range(model.BuffersLength())]
    starts = [b._tab.Vector(b._tab.Offset(4)) for b in buffers if b.DataLength()]
    assert starts
    assert [start for start in starts if start % 16] == []


@pytest.mark.parametrize("name", MODELS)
def test_the_resolver_names_the_operators(build: Build, scratch: Path, name: str) -> None:
    """Exactly those of the file, read from the file."""
    built(build, name, Variant.INT8)
    text = (scratch / f"set/int8/{name}_resolver.h").read_text()
    content = (scratch / f"set/int8/{name}.tflite").read_bytes()
    operators = flatbuffer.read(content).operators
    assert sorted(re.findall(r"resolver\.(Add\w+)\(\);", text)) == sorted(map(method, operators))
    assert f"_OPERATOR_COUNT {len(operators)}\n" in text


def test_what_tflm_cannot_run_is_rejected(build: Build) -> None:
    """With TFLM's own words, or by its numbers: of decompressed weights it says nothing."""
    entries = built(
        build,
        "motion",
        Variant.FLOAT32,
        Variant.DYNAMIC_RANGE,
        Variant.FLOAT16,
        Variant.WEIGHT_ONLY_INT8,
        Variant.WEIGHT_ONLY_INT4,
        Variant.INT16X8,
    )
    states = {variant.value: entry.state.value for variant, entry in entries.items()}
    assert states == {
        "float32": "proven",
        "dynamic_range": "rejected",
        "float16": "rejected",
        "weight_only_int8": "rejected",
        "weight_only_int4": "rejected",
        "int16x8": "proven",
    }
    assert "Hybrid models are not supported" in entries[Variant.DYNAMIC_RANGE].reason
    assert "DEQUANTIZE" in entries[Variant.FLOAT16].reason
    assert "use int8" in entries[Variant.FLOAT16].hint
    assert "of a float output's range" in entries[Variant.WEIGHT_ONLY_INT8].reason


def test_other_targets_run_nothing_of_this(build: Build, scratch: Path) -> None:
    """On a processor they are published as before, without a check, an arena or a resolver."""
    entries = built(build, "motion", Variant.FLOAT16, Variant.INT8, target=Target.CPU)
    assert {entry.state for entry in entries.values()} == {VariantState.PROVEN}
    for entry in entries.values():
        assert entry.micro is None
        assert {check.name for check in entry.checks} & {"tflm", "resolver"} == set()
    names = {path.name for path in (scratch / "set/int8").iterdir()}
    assert names == {"motion.tflite", "motion.c", "motion.h"}
    assert "ARENA" not in (scratch / "set/int8/motion.h").read_text()


def test_without_tflm_it_is_unverified(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Published and labelled, with the command that installs it; rejected where proof is asked."""
    monkeypatch.setitem(sys.modules, "tflite_micro", None)
    entry = built(build, "digits", Variant.INT8)[Variant.INT8]
    assert entry.state is VariantState.UNVERIFIED
    assert f"tflite-micro is not installed: {INSTALL}" in entry.reason
    assert entry.micro is None
    with pytest.raises(ConversionError, match="tflite-micro is not installed"):
        built(build, "digits", Variant.INT8, require_proof=True)


def test_an_operator_that_tflm_lacks(build: Build, save_model: SaveModel) -> None:
    """The reason names the operator; the float32 file, too, is only as good as its target."""

    def atan2(x: Any) -> dict[str, Any]:
        return {"y": tf.math.atan2(x, x + 2.0)}

    model = save_model(atan2, x=tf.TensorSpec((1, 8), tf.float32, name="x"))
    with pytest.raises(ConversionError) as caught:
        build(model, variants=(Variant.FLOAT32,), target=Target.MICRO)
    assert "Didn't find op for builtin opcode 'ATAN2'" in caught.value.message
    report = build(model, variants=(Variant.FLOAT32,), target=Target.CPU)
    assert report.variants[0].state is VariantState.PROVEN


def test_a_resolver_is_refused_where_tflm_lacks_an_operator(
    build: Build, save_model: SaveModel, scratch: Path
) -> None:
    """For a processor the array is published in TFLM's style, and what is missing is told."""

    def atan2(x: Any) -> dict[str, Any]:
        return {"y": tf.math.atan2(x, x + 2.0)}

    model = save_model(atan2, x=tf.TensorSpec((1, 8), tf.float32, name="x"))
    report = build(model, variants=(Variant.FLOAT32,), c_array=CArray(style=CStyle.TFLM))
    (check,) = [check for check in report.variants[0].checks if check.name == "resolver"]
    assert check.result is CheckResult.UNPROVEN
    assert "ATAN2" in check.observed
    names = {path.name for path in (scratch / "set/float32").iterdir()}
    assert names == {"model.tflite", "model_model_data.cc", "model_model_data.h"}


def test_the_same_build_twice_is_the_same_arena(build: Build, scratch: Path) -> None:
    """The arena stands in the header: equal build keys must give equal bytes."""
    built(build, "digits", Variant.INT8)
    first = {path.name: path.read_bytes() for path in (scratch / "set/int8").iterdir()}
    for path in (scratch / "set/int8").iterdir():
        path.unlink()
    (scratch / "set/int8").rmdir()
    built(build, "digits", Variant.INT8)
    assert {path.name: path.read_bytes() for path in (scratch / "set/int8").iterdir()} == first


def test_select_operators_are_rejected(build: Build) -> None:
    """No microcontroller runs them, whatever the policy's ``ops`` allow."""
    ops = (OperatorSet.TFLITE_BUILTINS, OperatorSet.SELECT_TF_OPS)
    with pytest.raises(ConversionError, match=r"TFLM does not run it \(it has no Flex\w+\)"):
        build(
            zoo.small("select_operators"), variants=(Variant.FLOAT32,), ops=ops, target=Target.MICRO
        )


def test_one_of_several_signatures_proves_nothing_of_the_others(build: Build) -> None:
    """TFLM runs the first subgraph only, so the file stays unverified, and says why."""
    report = build(
        zoo.small("several_signatures"),
        variants=(Variant.FLOAT32,),
        signatures=("*",),
        target=Target.MICRO,
    )
    assert report.variants[0].state is VariantState.UNVERIFIED
    assert "several signatures" in tflm_check(report.variants[0]).observed


def test_a_recurrent_layer_runs(build: Build) -> None:
    """Its loop is another subgraph, which TFLM follows."""
    lstm = zoo.small("lstm.keras")
    report = build(lstm, ModelKind.KERAS, variants=(Variant.FLOAT32,), target=Target.MICRO)
    assert "WHILE" in report.variants[0].operators
    assert tflm_check(report.variants[0]).result is CheckResult.PASSED


def test_a_state_is_fresh_on_both_sides(build: Build) -> None:
    """A fused LSTM keeps its state between invocations: samples are compared one by one."""
    old = zoo.small("keras_2.h5")
    report = build(old, ModelKind.KERAS_HDF5, variants=(Variant.FLOAT32,), target=Target.MICRO)
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM" in report.variants[0].operators
    assert tflm_check(report.variants[0]).result is CheckResult.PASSED
