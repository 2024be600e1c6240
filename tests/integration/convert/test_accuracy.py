"""Accuracy on labelled data in real builds: proven, rejected, not decided, and never guessed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import zoo
from tflited.convert import entry as building
from tflited.convert.load import load
from tflited.convert.proof.conformance import Measured
from tflited.convert.proof.ground import Ground
from tflited.convert.proof.prove import Proof, prove
from tflited.convert.proof.task import BATCH, Task, task
from tflited.domain.attempt import AttemptRequest
from tflited.domain.figures import Check, CheckResult
from tflited.domain.model import ModelKind
from tflited.domain.policy import Evaluation, Metric, OperatorSet, Policy, Variant
from tflited.domain.report import BuildReport, VariantReport, VariantState
from tflited.errors import ConversionError

Build = Callable[..., BuildReport]
SaveModel = Callable[..., Path]
Samples = Callable[..., Path]
TaskOf = Callable[..., Task]
ROW = tf.TensorSpec([None, 4], tf.float32)
FLOATS = (Variant.FLOAT32, Variant.FLOAT16)
TOP1 = Evaluation(data="*.npz", metric=Metric.TOP1)


def only(report: BuildReport, variant: Variant) -> VariantReport:
    return next(entry for entry in report.variants if entry.variant is variant)


def judged(entry: VariantReport) -> Check:
    (found,) = (check for check in entry.checks if check.name == "accuracy")
    return found


@pytest.fixture
def task_of(scratch: Path) -> TaskOf:
    """The labelled samples of a model and how its source does on them, by the real loading."""

    def found(model: Path, *evaluation: Path, **rules: Any) -> Task:
        request = AttemptRequest(
            attempt="1.1",
            kind=ModelKind.SAVED_MODEL,
            model=str(model),
            stem="model",
            scratch=str(scratch),
            policy=Policy(evaluation=Evaluation(**rules)),
            evaluation=tuple(map(str, evaluation)),
        )
        made = task(request, load(request))
        assert made is not None
        return made

    return found


@pytest.fixture
def identity(save_model: SaveModel) -> Path:
    """A model that gives its input back as ``y``, under the input name ``x``."""
    return save_model(lambda x: {"answer": x + 0.0}, x=ROW)


def test_digits_are_proven_within_one_per_cent(build: Build) -> None:
    """Four hundred labelled samples prove float16 and int8; every figure is in the report."""
    trained = zoo.digits()
    variants = (*FLOATS, Variant.INT8)
    report = build(
        trained.model,
        calibration=trained.calibration,
        evaluation=trained.evaluation,
        rules=TOP1,
        variants=variants,
    )
    for variant in variants:
        entry = only(report, variant)
        assert entry.state is VariantState.PROVEN, entry.reason
        found = entry.accuracy
        assert found is not None
        assert (found.metric, found.samples, found.confidence) == (Metric.TOP1, 397, 0.95)
        assert found.source > 0.9
        assert found.drop == pytest.approx(found.source - found.variant)
        assert found.drop_low < found.drop < found.drop_high <= 0.01


def test_the_sources_accuracy_is_tensorflows(task_of: TaskOf) -> None:
    """Run in batches and counted by hand, it is what the model answers to all samples at once."""
    trained = zoo.digits()
    made = task_of(trained.model, trained.evaluation, metric=Metric.TOP1)
    with np.load(trained.evaluation) as data:
        x, y = data["x"], data["y"]
    answer = tf.saved_model.load(str(trained.model)).signatures["serving_default"](tf.constant(x))
    expected = next(iter(answer.values())).numpy().argmax(axis=1) == y
    assert made.source.tolist() == expected.astype(float).tolist()


def test_a_damaged_variant_is_rejected(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the accuracy tells: the types are right and the fidelity budget is off."""
    damage(monkeypatch, b"\x00")
    trained = zoo.digits()
    report = build(
        trained.model,
        evaluation=trained.evaluation,
        rules=replace(TOP1, min_snr_db=-200.0),
        variants=FLOATS,
    )
    entry = only(report, Variant.FLOAT16)
    assert entry.state is VariantState.REJECTED
    assert entry.reason.startswith("accuracy: ")
    assert "top1" in entry.reason
    assert "max_drop" in entry.hint
    assert entry.accuracy is not None
    assert entry.accuracy.drop > 0.3
    assert not entry.files


def test_a_variant_without_numbers_is_rejected(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NaN is no answer, and no wrong answer either."""
    damage(monkeypatch, b"\xff")
    trained = zoo.digits()
    report = build(trained.model, evaluation=trained.evaluation, rules=TOP1, variants=FLOATS)
    entry = only(report, Variant.FLOAT16)
    assert entry.state is VariantState.REJECTED
    assert judged(entry).result is CheckResult.FAILED
    assert "no finite value" in judged(entry).observed


def damage(monkeypatch: pytest.MonkeyPatch, byte: bytes) -> None:
    """Lets every variant but the baseline come to its proof with other weights."""

    def damaged(variant: Variant, content: bytes, file: Measured, ground: Ground) -> Proof:
        changed = bytearray(content)
        begin, length = largest_constant(changed)
        if variant is not Variant.FLOAT32:
            changed[begin : begin + length] = byte * length
        return prove(variant, bytes(changed), file, ground)

    monkeypatch.setattr(building, "prove", damaged)


def largest_constant(content: bytearray) -> tuple[int, int]:
    """Where the largest constant of a file begins, and its bytes."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(content, 0)
    buffers = [model.Buffers(index) for index in range(model.BuffersLength())]
    largest = max(buffers, key=lambda buffer: int(buffer.DataLength()))
    return int(largest._tab.Vector(largest._tab.Offset(4))), int(largest.DataLength())


def test_ten_samples_decide_nothing(build: Build) -> None:
    """No difference on ten samples is no proof: labelled so, with the number that would do."""
    trained = zoo.digits()
    rules = replace(TOP1, samples=10)
    report = build(trained.model, evaluation=trained.evaluation, rules=rules, variants=FLOATS)
    for entry in report.variants:
        assert entry.state is VariantState.UNVERIFIED
        assert "too few samples: 10; about 381 are needed" in entry.reason
        assert "set samples = 381 in [evaluation]" in entry.hint
        assert entry.accuracy is not None
        assert entry.accuracy.drop_high > 0.2
        assert entry.files


def test_ten_samples_are_rejected_where_proof_is_required(build: Build) -> None:
    """With require_proof nothing that is not decided is published."""
    trained = zoo.digits()
    with pytest.raises(ConversionError, match="too few samples: 10") as caught:
        build(
            trained.model,
            evaluation=trained.evaluation,
            rules=replace(TOP1, samples=10),
            variants=FLOATS,
            require_proof=True,
        )
    assert caught.value.code == "no_variant"


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({}, "data.npz: holds x; allowed: labels as 'y' too"),
        ({"y": np.zeros(3)}, "data.npz: y: 3 labels; allowed: 397"),
        ({"y": np.full(397, 10)}, "data.npz: y: classes from 10 to 10; allowed: 0 to 9"),
    ],
)
def test_labels_that_cannot_be_used_are_told(
    build: Build, samples: Samples, labels: dict[str, Any], words: str
) -> None:
    """The reader gives labels by mistake or not at all: never passed over, never a crash."""
    trained = zoo.digits()
    with np.load(trained.evaluation) as data:
        file = samples(x=data["x"], **labels)
    (entry,) = build(trained.model, evaluation=file, rules=TOP1, variants=FLOATS[:1]).variants
    assert entry.state is VariantState.UNVERIFIED
    assert judged(entry).result is CheckResult.UNPROVEN
    assert words in entry.reason
    assert "evaluation.data" in entry.hint
    assert entry.accuracy is None


def test_a_metric_without_data_is_told(build: Build) -> None:
    """A budget that nothing measures is not kept."""
    (entry,) = build(zoo.digits().model, rules=TOP1, variants=FLOATS[:1]).variants
    assert entry.state is VariantState.UNVERIFIED
    assert "names no file that exists" in entry.reason
    assert "labels y" in entry.hint


def test_without_a_metric_nothing_is_called_accuracy(build: Build) -> None:
    """Labels alone ask for nothing."""
    trained = zoo.digits()
    (entry,) = build(trained.model, evaluation=trained.evaluation, variants=FLOATS[:1]).variants
    assert entry.accuracy is None
    assert all(check.name != "accuracy" for check in entry.checks)


def test_select_operators_leave_it_open(
    build: Build, save_model: SaveModel, samples: Samples
) -> None:
    """No interpreter here runs the file, so nothing is said of its accuracy."""
    spec = tf.TensorSpec([1, 4, 4], tf.float32)
    model = save_model(lambda x: {"answer": tf.linalg.cholesky(x)}, x=spec)
    ones = np.repeat(np.eye(4, dtype="f4")[None], 40, axis=0)
    (entry,) = build(
        model,
        evaluation=samples(x=ones, y=ones),
        rules=Evaluation(metric=Metric.MAE),
        variants=FLOATS[:1],
        ops=(OperatorSet.TFLITE_BUILTINS, OperatorSet.SELECT_TF_OPS),
    ).variants
    assert entry.state is VariantState.UNVERIFIED
    assert judged(entry).result is CheckResult.UNPROVEN
    assert "FlexCholesky" in judged(entry).observed


def test_several_inputs_and_a_probability(build: Build) -> None:
    """The tumour classifier: three inputs, one sigmoid, judged by its ranking."""
    trained = zoo.tumours()
    (entry,) = build(
        trained.model,
        ModelKind.KERAS,
        evaluation=trained.evaluation,
        rules=Evaluation(metric=Metric.AUC, max_drop=0.1),
        variants=FLOATS[:1],
    ).variants
    assert entry.state is VariantState.PROVEN, entry.reason
    assert entry.accuracy is not None
    assert entry.accuracy.source > 0.9
    assert entry.accuracy.drop == pytest.approx(0.0, abs=1e-3)
    assert entry.accuracy.method == "paired_bootstrap"


def test_errors_are_judged_in_the_outputs_unit(
    build: Build, identity: Path, samples: Samples
) -> None:
    """For an error the drop is its increase."""
    x = np.random.default_rng(2).standard_normal((400, 4)).astype("f4")
    (entry,) = build(
        identity,
        evaluation=samples(x=x, y=x + 0.5),
        rules=Evaluation(metric=Metric.MAE, max_drop=0.05),
        variants=FLOATS[:1],
    ).variants
    assert entry.state is VariantState.PROVEN, entry.reason
    assert entry.accuracy is not None
    assert entry.accuracy.source == pytest.approx(0.5, abs=1e-6)
    assert 0.0 < entry.accuracy.drop_high <= 0.05


def test_several_outputs_need_a_name(
    task_of: TaskOf, save_model: SaveModel, samples: Samples
) -> None:
    """The refusal lists the outputs and the line that chooses one."""
    model = save_model(lambda x: {"left": x, "right": 2.0 * x}, x=ROW)
    file = samples(x=np.ones((3, 4)), y=np.ones((3, 4)))
    refused = task_of(model, file, metric=Metric.MAE)
    assert "2 outputs; allowed: one of 'left', 'right'" in refused.trouble
    assert 'output = "left"' in refused.hint
    unknown = task_of(model, file, metric=Metric.MAE, output="middle")
    assert "'middle'; allowed: one of 'left', 'right'" in unknown.trouble
    chosen = task_of(model, file, metric=Metric.MAE, output="right")
    assert chosen.trouble == ""
    assert chosen.source.tolist() == [1.0, 1.0, 1.0]


def test_an_output_of_one_signature_among_several(
    build: Build, tmp_path: Path, samples: Samples
) -> None:
    """With several signatures an output is named as in the report."""
    module = tf.Module()
    module.one = tf.function(lambda x: {"answer": x + 1.0}, autograph=False)
    module.two = tf.function(lambda x: {"answer": x + 2.0}, autograph=False)
    spec = tf.TensorSpec([None, 4], tf.float32, name="x")
    traced = {name: getattr(module, name).get_concrete_function(spec) for name in ("one", "two")}
    tf.saved_model.save(module, str(tmp_path / "pair"), signatures=traced)
    x = np.random.default_rng(0).random((60, 4)).astype("f4")
    (entry,) = build(
        tmp_path / "pair",
        evaluation=samples(x=x, y=x),
        rules=Evaluation(metric=Metric.MAE, output="two/answer", max_drop=1.0),
        signatures=("one", "two"),
        variants=FLOATS[:1],
    ).variants
    assert entry.state is VariantState.PROVEN, entry.reason
    assert entry.accuracy is not None
    assert entry.accuracy.output == "two/answer"
    assert entry.accuracy.source == pytest.approx(2.0)


def test_a_model_that_mixes_its_batch_runs_sample_by_sample(
    task_of: TaskOf, save_model: SaveModel, samples: Samples
) -> None:
    """Its variants run with batch 1; in a batch the source would compute something else."""
    model = save_model(lambda x: {"answer": x - tf.reduce_mean(x, axis=0)}, x=ROW)
    x = np.random.default_rng(0).random((5, 4))
    made = task_of(model, samples(x=x, y=np.zeros((5, 4))), metric=Metric.MAE)
    assert made.source.tolist() == [0.0] * 5


def test_more_samples_than_a_batch_keep_their_order(
    task_of: TaskOf, identity: Path, samples: Samples
) -> None:
    """Several files, more samples than one call takes."""
    count = BATCH + 7
    x = np.arange(count * 4, dtype="f4").reshape(count, 4)
    one, two = samples("a.npz", x=x, y=0 * x), samples("b.npz", x=-x[:9], y=0 * x[:9])
    made = task_of(identity, one, two, metric=Metric.MAE)
    expected = np.concatenate([x.mean(axis=1), x[:9].mean(axis=1)])
    assert made.source == pytest.approx(expected)


def test_a_fixed_batch_is_judged_row_by_row(
    task_of: TaskOf, save_model: SaveModel, samples: Samples
) -> None:
    """A model of batch 2 gives two answers a time; each has its own label."""
    model = save_model(lambda x: {"answer": x + 0.0}, x=tf.TensorSpec([2, 4], tf.float32))
    x = np.arange(24.0).reshape(6, 4)
    made = task_of(model, samples(x=x, y=0 * x), metric=Metric.MAE, samples=4)
    assert len(made.source) == 4


def test_a_score_that_is_no_probability_is_no_class(
    task_of: TaskOf, save_model: SaveModel, samples: Samples
) -> None:
    """Cutting a logit at 0.5 would give an accuracy that means nothing."""
    model = save_model(lambda x: {"answer": 10.0 * x[:, :1]}, x=ROW)
    file = samples(x=np.ones((4, 4)), y=np.array([0, 1, 1, 0]))
    made = task_of(model, file, metric=Metric.TOP1)
    assert "one score from 10 to 10" in made.trouble
    assert 'metric = "auc"' in made.hint


def test_a_source_without_numbers_is_told(
    task_of: TaskOf, save_model: SaveModel, samples: Samples
) -> None:
    """What the source cannot answer says nothing about its variants."""
    model = save_model(lambda x: {"answer": tf.math.log(x)}, x=ROW)
    made = task_of(model, samples(x=-np.ones((4, 4)), y=np.ones((4, 4))), metric=Metric.MAE)
    assert "gives no finite 'answer' for 4 of 4 samples" in made.trouble


def test_an_output_without_a_batch_is_told(
    task_of: TaskOf, save_model: SaveModel, samples: Samples
) -> None:
    """One number for a whole batch belongs to no label."""
    model = save_model(lambda x: {"answer": tf.reduce_sum(x)}, x=ROW)
    made = task_of(model, samples(x=np.ones((4, 4)), y=np.ones(4)), metric=Metric.MAE)
    assert "has shape []" in made.trouble


def test_an_input_named_like_the_labels_is_told(
    task_of: TaskOf, save_model: SaveModel, samples: Samples
) -> None:
    """Otherwise the inputs themselves would be taken for the labels."""
    model = save_model(lambda y: {"answer": y + 0.0}, y=ROW)
    made = task_of(model, samples(y=np.ones((4, 4))), metric=Metric.MAE)
    assert "called 'y'" in made.trouble
