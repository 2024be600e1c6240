"""Pruning in real builds: zeros counted in the files, both sources told apart, safe encodings."""

import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

import zoo
from tflited.convert.data.reference import reference
from tflited.convert.load import load
from tflited.convert.lowering.lower import lower
from tflited.convert.pruned import sparse
from tflited.convert.pruning.prune import Pruning, again, pruned, without_smallest
from tflited.convert.tflite.flatbuffer import read
from tflited.domain.attempt import AttemptRequest
from tflited.domain.figures import Check, CheckResult
from tflited.domain.model import ModelKind
from tflited.domain.policy import (
    CArray,
    Evaluation,
    LayerKind,
    Metric,
    OperatorSet,
    Policy,
    Prune,
    SparseEncoding,
    Target,
    Variant,
)
from tflited.domain.report import BuildReport, VariantReport, VariantState
from tflited.errors import ConversionError

Build = Callable[..., BuildReport]
SaveModel = Callable[..., Path]
Prunes = Callable[..., Pruning]
KINDS = {"saved_model": ModelKind.SAVED_MODEL, "keras": ModelKind.KERAS}
BOTH = (Variant.FLOAT32, Variant.INT8)
ROW = tf.TensorSpec([None, 64], tf.float32)
LOOSE = Evaluation(data="*.npz", metric=Metric.TOP1, max_drop=0.3)
NO_ARRAY = CArray(enabled=False)


def only(report: BuildReport, variant: Variant) -> VariantReport:
    return next(entry for entry in report.variants if entry.variant is variant)


def check(entry: VariantReport, name: str) -> Check:
    return next(found for found in entry.checks if found.name == name)


def published(scratch: Path, entry: VariantReport) -> bytes:
    name = next(file.path for file in entry.files if file.path.endswith(".tflite"))
    return (scratch / "set" / name).read_bytes()


def zeros_in(content: bytes, elements: int) -> int:
    """Zeros of the only dense constant with so many elements, read without the package."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    (found,) = (
        np.asarray(model.buffers[tensor.buffer].data, np.uint8).view(
            np.float32 if tensor.type == schema.TensorType.FLOAT32 else np.int8
        )
        for tensor in model.subgraphs[0].tensors
        if np.prod(tensor.shape) == elements and model.buffers[tensor.buffer].data is not None
    )
    assert len(found) == elements
    return int((found == 0).sum())


def sparse_tensors(content: bytes) -> int:
    """Tensors with sparsity parameters, read without the package."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    return sum(tensor.sparsity is not None for tensor in model.subgraphs[0].tensors)


@pytest.fixture
def prunes(scratch: Path) -> Prunes:
    """Loads a SavedModel and prunes it."""

    def made(model: Path, signatures: tuple[str, ...] = ("*",), **rules: Any) -> Pruning:
        request = AttemptRequest(
            attempt="1.1",
            kind=ModelKind.SAVED_MODEL,
            model=str(model),
            stem="model",
            scratch=str(scratch),
            policy=Policy(signatures=signatures),
        )
        source = load(request)
        original = reference(request, source)
        return pruned(source, Prune(**rules), original, scratch / "pruned")

    return made


@pytest.mark.parametrize("form", KINDS)
@pytest.mark.parametrize("share", [0.5, 0.8])
def test_the_zeros_are_in_the_published_files(
    build: Build, scratch: Path, form: str, share: float
) -> None:
    """Counted in the bytes of float32 and int8; the report says the same, and what it cost."""
    trained = zoo.digits(form)
    report = build(
        trained.model,
        KINDS[form],
        calibration=trained.calibration,
        evaluation=trained.evaluation,
        rules=LOOSE,
        variants=BOTH,
        prune=Prune(sparsity=share),
    )
    assert [(entry.kind, entry.elements) for entry in report.source.pruned] == [
        (LayerKind.CONV, 4608),
        (LayerKind.DENSE, 6144),
    ]
    for variant in BOTH:
        entry = only(report, variant)
        assert entry.state is VariantState.PROVEN, entry.reason
        content = published(scratch, entry)
        zeros = zeros_in(content, 4608), zeros_in(content, 6144)
        assert zeros[0] >= round(4608 * share)
        assert zeros[1] >= round(6144 * share)
        found = entry.pruning
        assert found is not None
        assert (found.zeros, found.elements, found.weights) == (sum(zeros), 10752, 2)
        assert found.sparsity == pytest.approx(share, abs=0.02)
        assert (found.size_bytes, found.encoding) == (len(content), SparseEncoding.DENSE)
        assert check(entry, "sparsity").result is CheckResult.PASSED
        assert entry.accuracy is not None
        assert entry.accuracy.drop > 0


def test_the_compressed_file_is_what_shrinks(build: Build, scratch: Path) -> None:
    """Zeros take their place in the file, and none in an archive of it."""
    trained = zoo.digits()
    sizes = []
    for number, share in enumerate((0.0, 0.5, 0.8)):
        report = build(
            trained.model,
            evaluation=trained.evaluation,
            rules=LOOSE,
            variants=(Variant.FLOAT32,),
            prune=Prune(sparsity=share),
        )
        content = published(scratch, only(report, Variant.FLOAT32))
        (scratch / "set").rename(scratch / f"set{number}")
        if share:
            found = only(report, Variant.FLOAT32).pruning
            assert found is not None
            assert found.compressed_bytes == len(zlib.compress(content, 6))
        sizes.append(len(zlib.compress(content, 6)))
    assert sizes[0] > sizes[1] * 1.2 > sizes[2] * 1.5


def test_lowering_and_loss_have_their_own_figures(build: Build) -> None:
    """The file is the pruned graph to the last digit, and the source only roughly."""
    trained = zoo.digits()
    report = build(
        trained.model,
        evaluation=trained.evaluation,
        rules=LOOSE,
        variants=(Variant.FLOAT32,),
        prune=Prune(sparsity=0.8),
    )
    entry = only(report, Variant.FLOAT32)
    assert entry.fidelity_pruned[0].relative_error < 1e-5
    loss = entry.fidelity[0].snr_db
    assert loss is not None
    assert loss < 15
    assert check(entry, "fidelity_pruned").allowed.endswith("of the source's output range")
    assert check(entry, "fidelity").allowed.startswith("told, not judged")
    assert entry.accuracy is not None
    assert entry.accuracy.source > 0.95


def test_without_labels_the_budget_is_held_against_the_original(build: Build) -> None:
    """The pruned graph matches itself; only the source that was given tells the loss."""
    with pytest.raises(ConversionError, match="against the source before pruning") as raised:
        build(
            zoo.digits().model,
            evaluation=zoo.digits().evaluation,
            variants=(Variant.FLOAT32,),
            prune=Prune(sparsity=0.8),
        )
    assert raised.value.hint.startswith("pruning did this: lower prune.sparsity")


def test_accuracy_that_pruning_cost_says_so(build: Build) -> None:
    """More calibration data would not help."""
    trained = zoo.digits()
    with pytest.raises(ConversionError, match="accuracy") as raised:
        build(
            trained.model,
            evaluation=trained.evaluation,
            rules=Evaluation(data="*.npz", metric=Metric.TOP1),
            variants=(Variant.FLOAT32,),
            prune=Prune(sparsity=0.8),
        )
    assert raised.value.hint.startswith("lower prune.sparsity")


@pytest.mark.parametrize("form", KINDS)
def test_no_file_for_a_micro_controller_is_sparse(build: Build, scratch: Path, form: str) -> None:
    """TensorFlow Lite for Microcontrollers would compute garbage on it and say nothing."""
    trained = zoo.motion(form)
    report = build(
        trained.model,
        KINDS[form],
        calibration=trained.calibration,
        evaluation=trained.evaluation,
        rules=LOOSE,
        variants=BOTH,
        target=Target.MICRO,
        c_array=NO_ARRAY,
        prune=Prune(by_kind={LayerKind.CONV: 0.8}),
    )
    for variant in BOTH:
        entry = only(report, variant)
        assert sparse_tensors(published(scratch, entry)) == 0
        assert zeros_in(published(scratch, entry), 2560) >= 2048
        assert check(entry, "sparse_encoding").result is CheckResult.PASSED


@pytest.mark.parametrize("array", [False, True])
def test_on_a_cpu_sparse_is_taken_where_it_is_smaller_and_safe(
    build: Build, scratch: Path, *, array: bool
) -> None:
    """A C array may land on a micro-controller; int8 kernels take no sparse weights."""
    trained = zoo.digits()
    report = build(
        trained.model,
        calibration=trained.calibration,
        evaluation=trained.evaluation,
        rules=LOOSE,
        variants=BOTH,
        c_array=CArray(enabled=array),
        prune=Prune(sparsity=0.8),
    )
    entry = only(report, Variant.FLOAT32)
    content = published(scratch, entry)
    assert sparse_tensors(content) == (0 if array else 2)
    assert sparse_tensors(published(scratch, only(report, Variant.INT8))) == 0
    assert entry.pruning is not None
    assert entry.pruning.sparsity == pytest.approx(0.8, abs=0.01)
    assert entry.fidelity_pruned[0].relative_error < 1e-5
    assert all(row.state is VariantState.PROVEN for row in report.variants)
    if array:
        assert "c_array" in check(entry, "sparse_encoding").observed
    else:
        assert entry.size_ratio is not None
        assert entry.size_ratio < 0.7


def test_sparse_where_the_kernels_refuse_rejects_the_variant(build: Build) -> None:
    """What was asked for is not replaced in silence."""
    trained = zoo.digits()
    report = build(
        trained.model,
        calibration=trained.calibration,
        evaluation=trained.evaluation,
        rules=replace(LOOSE, min_snr_db=10.0),
        variants=(*BOTH, Variant.WEIGHT_ONLY_INT4),
        prune=Prune(sparsity=0.8, encoding=SparseEncoding.SPARSE),
    )
    assert only(report, Variant.FLOAT32).state is VariantState.PROVEN
    for variant in (Variant.INT8, Variant.WEIGHT_ONLY_INT4):
        entry = only(report, variant)
        assert (entry.state, entry.files) == (VariantState.REJECTED, ())
        assert "sparse_encoding" in entry.reason
        assert 'encoding = "auto"' in entry.hint


def test_sparse_on_dense_weights_is_told(build: Build, scratch: Path) -> None:
    """The encoder does nothing there and says nothing."""
    trained = zoo.digits()
    rules = Prune(sparsity=0.02, encoding=SparseEncoding.SPARSE)
    with pytest.raises(ConversionError, match="no tensor has zeros enough"):
        build(trained.model, evaluation=trained.evaluation, prune=rules)
    assert not (scratch / "set").exists()


def test_a_sparse_file_with_other_numbers_is_caught(prunes: Prunes, scratch: Path) -> None:
    """One weight of the sparse form is changed; the dense form is the judge."""
    made = prunes(zoo.digits().model, sparsity=0.8)
    dense = lower(made.source, (OperatorSet.TFLITE_BUILTINS,), scratch).content
    policy = Policy(c_array=NO_ARRAY, prune=made.rules)
    pairs = made.original.pairs
    good = sparse.encoded(dense, policy, pairs, threads=1).content
    assert sparse_tensors(good) == 2
    assert sparse.difference(dense, good, pairs, threads=1) == ""
    model = schema.Model.GetRootAs(good, 0)
    largest = max(
        (
            model.Buffers(index).DataAsNumpy()
            for index in range(1, model.BuffersLength())
            if model.Buffers(index).DataLength()
        ),
        key=len,
    )
    place = good.index(largest.tobytes())
    bad = good[:place] + np.full(64, 2.0, np.float32).tobytes() + good[place + 256 :]
    assert "differs from the dense one's by" in sparse.difference(dense, bad, pairs, threads=1)


def test_sizes_of_sparse_tensors_are_those_stored(prunes: Prunes, scratch: Path) -> None:
    """Elements by shape, bytes by what the file spends: values and indices."""
    made = prunes(zoo.digits().model, sparsity=0.8)
    dense = lower(made.source, (OperatorSet.TFLITE_BUILTINS,), scratch).content
    policy = Policy(c_array=NO_ARRAY, prune=made.rules)
    file = read(sparse.encoded(dense, policy, made.original.pairs, threads=1).content)
    found = {tensor.elements: tensor.constant_bytes for tensor in file.sparse_tensors}
    assert set(found) == {4608, 6144}
    for elements, size in found.items():
        assert elements * 0.2 * 4 < size < elements * 4 * 0.4


@pytest.mark.parametrize("is_public_only", [False, True])
def test_both_ways_down_carry_the_zeros(
    prunes: Prunes, scratch: Path, *, is_public_only: bool
) -> None:
    """The public way reads a SavedModel, which is written from the pruned variables."""
    made = prunes(zoo.digits().model, sparsity=0.5)
    ops = (OperatorSet.TFLITE_BUILTINS,)
    content = lower(made.source, ops, scratch, is_public_only=is_public_only).content
    assert zeros_in(content, 6144) == 3072


def test_models_of_tensorflow_1_are_pruned(prunes: Prunes) -> None:
    """Their reference variables are part of the graph, which is built anew."""
    made = prunes(zoo.small("tf1"), sparsity=0.5, min_elements=1)
    assert [(entry.kind, entry.zeros) for entry in made.weights] == [(LayerKind.DENSE, 32)]
    before, after = made.original, again(made.source, made.original)
    name = next(iter(before.pairs))
    assert not np.allclose(before.pairs[name][0].outputs["y"], after.pairs[name][0].outputs["y"])


def test_a_variable_of_several_signatures_is_pruned_once(build: Build) -> None:
    """Both read the same zeros; the proof covers both."""
    report = build(
        zoo.small("several_signatures"),
        signatures=("*",),
        variants=(Variant.FLOAT32,),
        rules=Evaluation(min_snr_db=3.0),
        prune=Prune(sparsity=0.25, min_elements=1),
    )
    (weight,) = report.source.pruned
    assert (weight.elements, weight.zeros) == (64, 16)
    entry = only(report, Variant.FLOAT32)
    assert entry.state is VariantState.PROVEN, entry.reason
    assert len(entry.fidelity) == len(entry.fidelity_pruned) == 2


def test_constants_of_the_graph_are_pruned_too(
    build: Build, save_model: SaveModel, weights: Any, scratch: Path
) -> None:
    """A frozen model has no variable to assign; its graph is built anew."""
    model = save_model(lambda x: {"y": x @ tf.constant(weights)}, x=ROW)
    report = build(
        model,
        variants=(Variant.FLOAT32,),
        rules=Evaluation(min_snr_db=3.0),
        prune=Prune(sparsity=0.5),
    )
    (weight,) = report.source.pruned
    assert (weight.kind, weight.elements, weight.zeros) == (LayerKind.DENSE, 4096, 2048)
    entry = only(report, Variant.FLOAT32)
    assert entry.state is VariantState.PROVEN, entry.reason
    assert zeros_in(published(scratch, entry), 4096) == 2048


def test_a_weight_tied_to_an_embedding_is_left_alone(
    prunes: Prunes, save_model: SaveModel, weights: Any
) -> None:
    """Of several kinds the mildest share holds; embeddings are pruned only by name."""
    table = tf.Variable(weights)

    def tied(ids: Any) -> dict[str, Any]:
        return {"y": tf.matmul(tf.gather(table, ids), table, transpose_b=True)}

    model = save_model(tied, ids=tf.TensorSpec([None], tf.int64))
    assert prunes(model, sparsity=0.5).weights == ()
    (found,) = prunes(model, sparsity=0.5, by_kind={LayerKind.EMBEDDING: 0.25}).weights
    assert (found.kind, found.asked, found.zeros) == (LayerKind.EMBEDDING, 0.25, 1024)


def test_matrices_of_loops_are_recurrent(
    prunes: Prunes, save_model: SaveModel, weights: Any
) -> None:
    """An error in them comes back at every step, so that they are pruned only by name."""
    inner, outer = tf.Variable(weights), tf.Variable(weights + 1)

    def looped(x: Any) -> dict[str, Any]:
        def step(index: Any, state: Any) -> Any:
            return index + 1, tf.tanh(state @ inner)

        _, state = tf.while_loop(lambda index, _: index < 3, step, (tf.constant(0), x))
        return {"y": state @ outer}

    model = save_model(looped, x=ROW)
    assert [entry.kind for entry in prunes(model, sparsity=0.5).weights] == [LayerKind.DENSE]
    both = prunes(model, sparsity=0.5, by_kind={LayerKind.RECURRENT: 0.5}).weights
    assert {entry.kind for entry in both} == {LayerKind.DENSE, LayerKind.RECURRENT}


@pytest.mark.parametrize(
    ("name", "kind", "matrices"),
    [
        ("lstm.keras", ModelKind.KERAS, 2),
        ("bidirectional_gru.keras", ModelKind.KERAS, 4),
        ("keras_2.h5", ModelKind.KERAS_HDF5, 2),
    ],
)
def test_recurrent_layers_of_keras(build: Build, name: str, kind: ModelKind, matrices: int) -> None:
    """In loops and in the fused LSTM, whose matrix the file holds in four parts."""
    shares = {LayerKind.DENSE: 0.25, LayerKind.RECURRENT: 0.5}
    report = build(
        zoo.small(name),
        kind,
        variants=(Variant.FLOAT32,),
        rules=Evaluation(min_snr_db=0.0),
        prune=Prune(by_kind=shares, min_elements=64),
    )
    assert {entry.kind for entry in report.source.pruned} == {LayerKind.RECURRENT}
    assert len(report.source.pruned) == matrices
    entry = only(report, Variant.FLOAT32)
    assert check(entry, "sparsity").result is CheckResult.PASSED
    assert entry.state is VariantState.PROVEN, entry.reason


def test_the_kinds_of_a_convolutional_network(prunes: Prunes, tmp_path: Path) -> None:
    """Depthwise kernels are few and sensitive: `sparsity` leaves them, a share by kind does not."""
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [
            tf.keras.Input((16, 16, 8)),
            layers.Conv2D(32, 3),
            layers.DepthwiseConv2D(3),
            layers.Conv2DTranspose(16, 3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(16),
        ]
    )
    model.export(str(tmp_path / "network"), verbose=False)
    usual = prunes(tmp_path / "network", ("serving_default",), sparsity=0.5, min_elements=100)
    kinds = [entry.kind for entry in usual.weights]
    assert sorted(kinds) == [LayerKind.CONV, LayerKind.CONV, LayerKind.DENSE]
    shares = dict.fromkeys(LayerKind, 0.5)
    every = prunes(tmp_path / "network", ("serving_default",), by_kind=shares, min_elements=100)
    assert LayerKind.DEPTHWISE in {entry.kind for entry in every.weights}


def test_nothing_to_prune_is_not_proven(build: Build) -> None:
    """A policy for a whole folder meets models whose layers are too small."""
    report = build(zoo.small("tf1"), variants=(Variant.FLOAT32,), prune=Prune(sparsity=0.5))
    entry = only(report, Variant.FLOAT32)
    assert entry.state is VariantState.UNVERIFIED
    assert "no weight that the policy prunes" in entry.reason
    assert "prune.min_elements" in entry.hint


def test_equal_magnitudes_go_in_order() -> None:
    """The same model gives the same zeros on every machine; zeros that are there count."""
    values = np.array([[1, -1, 1, -1], [3, 0, 2, 1]], np.float32)
    assert without_smallest(values, 0.5).tolist() == [[0, 0, 0, -1], [3, 0, 2, 1]]
    assert without_smallest(values, 0.125).tolist() == values.tolist()
    assert without_smallest(values, 0.0).tolist() == values.tolist()
    assert values[0, 0] == 1
