"""Every option of a policy, looked for in the flatbuffer that comes out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import zoo
from tflited.convert.tflite import flatbuffer
from tflited.convert.tflite.flatbuffer import Flatbuffer
from tflited.domain.policy import (
    Evaluation,
    MixedRule,
    OperatorSet,
    Policy,
    Quantiser,
    TensorType,
    Variant,
)
from tflited.domain.report import BuildReport, LoweringPath, VariantState
from tflited.settings.layers import policy_from
from tflited.settings.schema import MainPolicyTable

Build = Callable[..., BuildReport]
SaveModel = Callable[..., Path]
BUILTINS, SELECT, INT8_SET = (
    OperatorSet.TFLITE_BUILTINS,
    OperatorSet.SELECT_TF_OPS,
    OperatorSet.TFLITE_BUILTINS_INT8,
)


@pytest.fixture
def published(build: Build, scratch: Path) -> Callable[..., dict[Variant, Flatbuffer]]:
    """Builds the digits classifier under a policy; gives the files it publishes, read."""

    def made(**policy: Any) -> dict[Variant, Flatbuffer]:
        trained = zoo.digits()
        report = build(
            trained.model,
            calibration=trained.calibration,
            evaluation=trained.evaluation,
            stem="m",
            **policy,
        )
        reasons = [entry.reason for entry in report.variants if entry.reason]
        assert not reasons
        return {
            entry.variant: flatbuffer.read((scratch / f"set/{entry.variant}/m.tflite").read_bytes())
            for entry in report.variants
        }

    return made


@pytest.mark.parametrize("maker", list(Quantiser))
@pytest.mark.parametrize("variant", [Variant.INT8_FLOAT_FALLBACK, Variant.INT16X8])
def test_float_edges_are_the_default(
    published: Callable[..., dict[Variant, Flatbuffer]], variant: Variant, maker: Quantiser
) -> None:
    """A caller that knows nothing of scales hands floats over, whoever made the file."""
    file = published(variants=(variant,), quantiser=maker, rules=Evaluation(min_snr_db=15))
    (entry,) = file.values()
    assert [spec.dtype for spec in (*entry.inputs, *entry.outputs)] == ["float32", "float32"]


@pytest.mark.parametrize("maker", list(Quantiser))
@pytest.mark.parametrize(
    ("variant", "kind"),
    [
        (Variant.INT8_FLOAT_FALLBACK, TensorType.INT8),
        (Variant.INT8_FLOAT_FALLBACK, TensorType.UINT8),
        (Variant.INT16X8, TensorType.INT16),
    ],
)
def test_edges_have_the_types_that_were_asked(
    published: Callable[..., dict[Variant, Flatbuffer]],
    variant: Variant,
    kind: TensorType,
    maker: Quantiser,
) -> None:
    """With a scale, so that a caller can compute what to hand over."""
    file = published(
        variants=(variant,),
        quantiser=maker,
        input_type=kind,
        output_type=kind,
        rules=Evaluation(min_snr_db=15),
    )
    for spec in (*file[variant].inputs, *file[variant].outputs):
        assert spec.dtype == kind.value
        assert spec.scale > 0.0


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [(TensorType.INT8, TensorType.FLOAT32), (TensorType.UINT8, TensorType.INT8)],
)
def test_each_edge_has_a_type_of_its_own(
    published: Callable[..., dict[Variant, Flatbuffer]], inputs: TensorType, outputs: TensorType
) -> None:
    """A camera gives bytes, and the application wants probabilities."""
    file = published(variants=(Variant.INT8,), input_type=inputs, output_type=outputs)
    specs = (*file[Variant.INT8].inputs, *file[Variant.INT8].outputs)
    assert [spec.dtype for spec in specs] == [inputs.value, outputs.value]


def scales(file: Flatbuffer, content: bytes) -> int:
    """The greatest number of scales of one weight tensor."""
    from ai_edge_litert import schema_py_generated as schema

    graph = schema.Model.GetRootAs(content, 0).Subgraphs(0)
    tensors = [graph.Tensors(index) for index in range(graph.TensorsLength())]
    assert len(tensors) == len(file.subgraphs[0].tensors)
    counts = (
        int(tensor.Quantization().ScaleLength())
        for tensor in tensors
        if tensor.Type() == schema.TensorType.INT8 and tensor.Quantization() is not None
    )
    return max(counts)


@pytest.mark.parametrize("maker", [Quantiser.TF_CONVERTER, Quantiser.LITERT_QUANTIZER])
@pytest.mark.parametrize("is_per_channel", [True, False])
def test_scales_are_as_many_as_asked(
    build: Build, scratch: Path, maker: Quantiser, is_per_channel: bool
) -> None:
    """One for each output channel, or one for the tensor, by either quantiser."""
    trained = zoo.digits()
    build(
        trained.model,
        calibration=trained.calibration,
        stem="m",
        variants=(Variant.INT8_FLOAT_FALLBACK,),
        quantiser=maker,
        per_channel=is_per_channel,
        rules=Evaluation(min_snr_db=0),
    )
    content = (scratch / "set/int8_float_fallback/m.tflite").read_bytes()
    assert (scales(flatbuffer.read(content), content) > 1) is is_per_channel


@pytest.mark.parametrize("form", [Variant.FLOAT32, Variant.INT16X8, Variant.WEIGHT_ONLY_INT8])
def test_mixed_rules_change_the_operators_that_they_name(
    published: Callable[..., dict[Variant, Flatbuffer]], form: Variant
) -> None:
    """The dense layers take another form, the convolutions the variant's own."""
    rule = MixedRule(form=form, operator="FULLY_CONNECTED")
    variant = Variant.INT8_FLOAT_FALLBACK
    file = published(variants=(variant,), mixed=(rule,), rules=Evaluation(min_snr_db=10))
    (graph,) = file[variant].subgraphs
    written = {
        name: {
            graph.tensors[entry.outputs[0]].dtype for entry in graph.operators if entry.name == name
        }
        for name in ("CONV_2D", "FULLY_CONNECTED")
    }
    expected = "int16" if form is Variant.INT16X8 else "float32"
    assert written == {"CONV_2D": {"int8"}, "FULLY_CONNECTED": {expected}}


def test_a_mixed_rule_that_matches_nothing_rejects(build: Build) -> None:
    """A typing error in a regular expression would quantise what was to be spared."""
    trained = zoo.digits()
    rule = MixedRule(form=Variant.FLOAT32, operator="FULLY_CONECTED")
    report = build(
        trained.model,
        calibration=trained.calibration,
        variants=(Variant.FLOAT32, Variant.INT8_FLOAT_FALLBACK),
        mixed=(rule,),
    )
    rejected = report.variants[1]
    assert rejected.state is VariantState.REJECTED
    assert "mixed_rule" in rejected.reason or "FULLY_CONECTED" in rejected.reason
    assert "FULLY_CONNECTED" in rejected.hint


def test_a_concrete_function_is_one_signature_of_the_shape_given(
    build: Build, scratch: Path, tmp_path: Path
) -> None:
    """Of a model with two entry points one is traced; every dimension is fixed."""
    module = tf.Module()
    module.weights = tf.Variable(np.ones((8, 8), "f4"))
    spec = tf.TensorSpec([None, 8], tf.float32, name="x")
    up = tf.function(lambda x: {"y": x @ module.weights}, input_signature=[spec])
    down = tf.function(lambda x: {"y": x - module.weights[0]}, input_signature=[spec])
    tf.saved_model.save(module, str(tmp_path / "two"), signatures={"up": up, "down": down})
    report = build(
        tmp_path / "two",
        stem="m",
        variants=(Variant.FLOAT32,),
        concrete_function=True,
        signatures=("down",),
        input_shape={"": (3, 8)},
    )
    file = flatbuffer.read((scratch / "set/float32/m.tflite").read_bytes())
    assert [entry.name for entry in file.signatures] == ["down"]
    assert len(file.subgraphs) == 1
    assert [spec.shape for spec in (*file.inputs, *file.outputs)] == [(3, 8), (3, 8)]
    assert report.variants[0].state is VariantState.PROVEN
    assert report.source.lowering.path is LoweringPath.FROZEN_GRAPH


def test_a_concrete_function_without_a_shape_keeps_the_batch_free(
    published: Callable[..., dict[Variant, Flatbuffer]],
) -> None:
    """The signature's own shapes hold."""
    file = published(variants=(Variant.FLOAT32,), concrete_function=True)
    assert file[Variant.FLOAT32].inputs[0].shape[0] == -1


@pytest.mark.parametrize(
    ("ops", "has_flex"), [((BUILTINS,), None), ((SELECT,), True), ((BUILTINS, SELECT), True)]
)
def test_operator_sets_decide_what_a_file_may_hold(
    build: Build, save_model: SaveModel, scratch: Path, ops: tuple[Any, ...], has_flex: bool | None
) -> None:
    """With builtins alone the operator is refused; with select operators it is one."""
    spec = tf.TensorSpec([1, 4, 4], tf.float32)
    model = save_model(lambda x: {"y": tf.linalg.cholesky(x)}, x=spec)
    if has_flex is None:
        with pytest.raises(Exception, match="Cholesky"):
            build(model, variants=(Variant.FLOAT32,), ops=ops)
        return
    build(model, variants=(Variant.FLOAT32,), ops=ops, stem="m")
    file = flatbuffer.read((scratch / "set/float32/m.tflite").read_bytes())
    assert "FlexCholesky" in file.operators


def test_integer_builtins_alone_leave_the_baseline_in_float(
    published: Callable[..., dict[Variant, Flatbuffer]],
) -> None:
    """TFLITE_BUILTINS_INT8 is about integer variants; float32 has no other form."""
    files = published(variants=(Variant.FLOAT32, Variant.INT8), ops=(INT8_SET,))
    assert set(files[Variant.FLOAT32].weights_bytes) <= {"float32", "int32"}
    assert "float32" not in files[Variant.INT8].weights_bytes


@pytest.mark.parametrize(
    ("name", "has_data", "variant"),
    [
        ("OPTIMIZE_FOR_SIZE", False, Variant.DYNAMIC_RANGE),
        ("OPTIMIZE_FOR_LATENCY", True, Variant.DYNAMIC_RANGE),
        ("DEFAULT", True, Variant.INT8_FLOAT_FALLBACK),
        ("DEFAULT", False, Variant.DYNAMIC_RANGE),
    ],
)
def test_older_names_give_the_files_of_today(
    build: Build, scratch: Path, name: str, has_data: bool, variant: Variant
) -> None:
    """tf.lite.Optimize's names, from the policy file to the weights in the flatbuffer."""
    trained = zoo.digits()
    leaves = older_policy(name, str(trained.calibration) if has_data else "")
    policy = policy_from(leaves)
    assert policy.variants == (variant,)
    build(
        trained.model,
        calibration=trained.calibration if has_data else None,
        stem="m",
        variants=policy.variants,
    )
    file = flatbuffer.read((scratch / f"set/{variant}/m.tflite").read_bytes())
    assert file.weights_bytes["int8"] > 0


def older_policy(name: str, data: str) -> dict[str, Any]:
    """The leaves of a policy file that names its variant as before."""
    from tflited.settings.layers import leaves_of

    table = MainPolicyTable.model_validate({"variants": [name], "calibration": {"data": data}})
    leaves = leaves_of(table.model_dump())
    assert leaves["variants"] == (name,)
    return leaves


def test_the_policys_default_is_the_design_page(build: Build) -> None:
    """Three variants without a file of policy, each made by its default quantiser."""
    report = build(zoo.digits().model)
    assert tuple(entry.variant for entry in report.variants) == Policy().variants
    assert [entry.path for entry in report.variants] == [
        LoweringPath.FROZEN_GRAPH.value,
        Quantiser.LITERT_QUANTIZER.value,
        Quantiser.LITERT_QUANTIZER.value,
    ]
