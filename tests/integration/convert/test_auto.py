"""auto on real models and real labelled data: the smallest that is proven, and why."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from tflited.convert import entry as entry_module
from tflited.convert.quantising.calibrate import Statistics
from tflited.convert.quantising.order import Order
from tflited.convert.quantising.quantise import Made, candidates
from tflited.convert.tflite import flatbuffer
from tflited.domain.choice import AutoReport, AutoRow, BudgetKind, RowState
from tflited.domain.policy import AutoRules, Evaluation, Metric, Quantiser, Target, Variant
from tflited.domain.report import BuildReport, VariantReport, VariantState
from tflited.errors import ConversionError
from zoo import Trained

Build = Callable[..., BuildReport]
AUTO = (Variant.AUTO,)
ONE_PER_CENT = Evaluation(data="*.npz", metric=Metric.TOP1, max_drop=0.01)


def of(report: BuildReport) -> tuple[VariantReport, AutoReport]:
    """The published variant and how it was chosen."""
    assert report.auto is not None
    return next(v for v in report.variants if v.variant is Variant.AUTO), report.auto


def row(auto: AutoReport, variant: Variant) -> AutoRow:
    return next(entry for entry in auto.rows if entry.variant is variant)


def built(build: Build, trained: Trained, **changes: Any) -> BuildReport:
    """A build with all the data there is, and auto alone."""
    asked = {
        "calibration": trained.calibration,
        "evaluation": trained.evaluation,
        "rules": ONE_PER_CENT,
        "variants": AUTO,
    }
    return build(trained.model, **(asked | changes))


def test_a_smaller_variant_is_proven_within_one_per_cent(build: Build, scratch: Path) -> None:
    """On held-back real labels, with an interval; every candidate has figures and a reason."""
    entry, auto = of(built(build, zoo.digits()))
    assert (entry.state, entry.chosen) == (VariantState.PROVEN, auto.chosen)
    assert auto.decided_by is BudgetKind.ACCURACY
    assert entry.accuracy is not None
    assert entry.accuracy.source > 0.95
    assert entry.accuracy.drop_high <= 0.01
    assert entry.size_ratio is not None
    assert entry.size_ratio < 0.5
    (chosen,) = [found for found in auto.rows if found.state is RowState.CHOSEN]
    assert chosen.variant is auto.chosen
    assert (chosen.drop, chosen.drop_high) == (entry.accuracy.drop, entry.accuracy.drop_high)
    assert all(found.reason for found in auto.rows)
    assert {found.variant for found in auto.rows} > {Variant.INT8, Variant.FLOAT16, Variant.FLOAT32}
    assert [path.name for path in (scratch / "set").iterdir()] == ["auto"]


def test_a_variant_that_is_asked_for_too_is_made_once(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Making and proving it is the whole work of a build; both report the same file."""
    made: list[Variant] = []

    def counted(order: Order) -> Iterator[Made]:
        made.append(order.variant)
        return candidates(order)

    monkeypatch.setattr(entry_module, "candidates", counted)
    report = built(build, zoo.digits(), variants=(Variant.INT8, Variant.AUTO))
    asked, chosen = report.variants
    assert chosen.chosen is Variant.INT8
    assert (asked.fidelity, asked.accuracy) == (chosen.fidelity, chosen.accuracy)
    assert len(made) == len(set(made))


def test_a_model_hard_for_int8_keeps_layers_in_float(build: Build, scratch: Path) -> None:
    """The layer with channels 1e4 apart stays with its neighbours, and the report says so."""
    entry, auto = of(built(build, zoo.wide()))
    assert (entry.state, entry.chosen) == (VariantState.PROVEN, Variant.INT8_FLOAT_FALLBACK)
    assert entry.accuracy is not None
    assert entry.accuracy.source > 0.95
    assert entry.accuracy.samples == 800
    assert entry.accuracy.drop_high <= 0.01
    int8, chosen = row(auto, Variant.INT8), row(auto, Variant.INT8_FLOAT_FALLBACK)
    assert (int8.state, chosen.state) == (RowState.REFUSED, RowState.CHOSEN)
    assert int8.drop is not None
    assert int8.drop > 0.1
    assert {name.split("/")[1] for name in chosen.float_layers} == {"first_1", "pool_1", "second_1"}
    assert "3 of 8 layers stay in float" in chosen.reason
    assert 0 < auto.trials <= AutoRules().max_trials
    assert [layer.name for layer in auto.layers if layer.is_float] == list(chosen.float_layers)
    assert not {check.name for check in entry.checks} & {"mixed_rule"}
    assert any("somewhat optimistic" in note for note in auto.notes)
    content = (scratch / "set/auto/model.tflite").read_bytes()
    types = {
        (operator.name, graph.tensors[operator.outputs[0]].dtype)
        for graph in flatbuffer.read(content).subgraphs
        for operator in graph.operators
    }
    assert {("CONV_2D", "float32"), ("FULLY_CONNECTED", "int8")} <= types
    assert ("CONV_2D", "int8") not in types


def test_without_a_search_a_hard_model_falls_back(build: Build) -> None:
    """No trials, so the next larger form that keeps the budget."""
    entry, auto = of(built(build, zoo.wide(), auto=AutoRules(max_trials=0)))
    assert (entry.state, entry.chosen) == (VariantState.PROVEN, Variant.FLOAT16)
    assert row(auto, Variant.INT8_FLOAT_FALLBACK).state is RowState.SKIPPED
    assert (auto.trials, auto.layers) == (0, ())


def test_without_ranges_there_is_no_search(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where TensorFlow cannot calibrate, the other quantiser makes int8: nothing is searched."""

    def broken(_: Statistics) -> bytes:
        raise ConversionError("Calibrating: the kernel is missing.", code="kernel_type")

    monkeypatch.setattr(Statistics, "with_ranges", property(broken))
    entry, auto = of(built(build, zoo.wide()))
    assert entry.chosen is Variant.FLOAT16
    assert "layers cannot be searched: Calibrating" in row(auto, Variant.INT8_FLOAT_FALLBACK).reason
    assert auto.trials == 0


def test_few_trials_are_kept(build: Build) -> None:
    """Layers are ranked in groups, and the search ends in time."""
    _, auto = of(built(build, zoo.wide(), auto=AutoRules(max_trials=6)))
    assert 0 < auto.trials <= 6
    assert len({layer.snr_db for layer in auto.layers}) <= 3


def test_the_same_build_chooses_the_same_bytes(build: Build, scratch: Path) -> None:
    """Nothing but times differs, the search included."""
    found = []
    for name in ("one", "two"):
        _, auto = of(built(build, zoo.wide()))
        (scratch / "set").rename(scratch / name)
        rows = tuple(replace(entry, latency_ms=None) for entry in auto.rows)
        found.append((replace(auto, rows=rows), (scratch / name / "auto/model.c").read_bytes()))
    assert found[0] == found[1]


def test_ten_samples_are_inconclusive(build: Build) -> None:
    """Nothing is claimed: labelled unverified with the number of samples that would do."""
    entry, auto = of(built(build, zoo.digits(), rules=replace(ONE_PER_CENT, samples=10)))
    assert entry.state is VariantState.UNVERIFIED
    assert entry.reason.startswith("inconclusive: accuracy: too few samples: 10; about 381")
    assert "381" in entry.hint
    assert RowState.CHOSEN not in {found.state for found in auto.rows}
    assert auto.chosen is not None
    assert row(auto, auto.chosen).state is RowState.INCONCLUSIVE
    assert auto.trials == 0


def test_ten_samples_are_refused_where_proof_is_required(build: Build) -> None:
    """Every candidate's reason is in the message."""
    with pytest.raises(ConversionError, match="no candidate may be published") as caught:
        built(
            build,
            zoo.digits(),
            rules=replace(ONE_PER_CENT, samples=10),
            require_proof=True,
        )
    assert caught.value.code == "no_variant"
    assert "float32: accuracy: too few samples" in caught.value.message


def test_calibration_data_do_not_judge_what_they_made(build: Build) -> None:
    """Evaluated on its own calibration data int8 is not proven; what needs no calibration is."""
    trained = zoo.digits()
    entry, auto = of(built(build, trained, calibration=trained.evaluation))
    int8 = row(auto, Variant.INT8)
    assert int8.state is RowState.INCONCLUSIVE
    assert "1 of 1 evaluation files are calibration files too" in int8.reason
    assert any("not held back" in note for note in auto.notes)
    assert (entry.state, entry.chosen) == (VariantState.PROVEN, Variant.WEIGHT_ONLY_INT8)


def test_without_calibration_data_integers_are_skipped(build: Build) -> None:
    """They are listed with that reason, and never calibrated on made-up values."""
    entry, auto = of(built(build, zoo.digits(), calibration=None))
    for variant in (Variant.INT8, Variant.INT8_FLOAT_FALLBACK):
        assert row(auto, variant).state is RowState.SKIPPED
        assert "needs calibration data" in row(auto, variant).reason
    assert entry.state is VariantState.PROVEN
    assert entry.chosen is Variant.WEIGHT_ONLY_INT8


def test_without_labels_fidelity_decides(build: Build) -> None:
    """And the report says that it did."""
    entry, auto = of(built(build, zoo.digits(), rules=Evaluation(min_snr_db=60.0)))
    assert auto.decided_by is BudgetKind.FIDELITY
    assert auto.budget == "every output keeps at least 60 dB"
    assert (entry.state, entry.chosen) == (VariantState.PROVEN, Variant.FLOAT16)
    assert row(auto, Variant.INT8).state is RowState.REFUSED
    assert "60 dB" in row(auto, Variant.INT8).reason


def test_a_microcontroller_gets_integers_or_floats_throughout(build: Build) -> None:
    """A model that is hard for integers falls back to float32, since nothing between runs there."""
    entry, auto = of(built(build, zoo.wide(), target=Target.MICRO))
    assert entry.chosen is Variant.FLOAT32
    assert [found.variant for found in auto.rows] == [
        Variant.INT8,
        Variant.INT16X8,
        Variant.FLOAT32,
    ]
    assert auto.trials == 0


def test_an_edge_tpu_gets_integers_or_a_refusal(build: Build, scratch: Path) -> None:
    """The next step for what misses the budget is training for 8 bits."""
    entry, _ = of(built(build, zoo.digits(), target=Target.EDGETPU))
    assert entry.chosen is Variant.INT8
    assert {spec.dtype for spec in (*entry.inputs, *entry.outputs)} == {"int8"}
    (scratch / "set").rename(scratch / "first")
    with pytest.raises(ConversionError) as caught:
        built(build, zoo.wide(), target=Target.EDGETPU)
    assert "int8: fidelity: " in caught.value.message
    assert "quantisation-aware training" in caught.value.hint


def test_a_gpu_gets_no_integer_activations(build: Build) -> None:
    """Weights may be small; what is computed is float."""
    entry, auto = of(built(build, zoo.digits(), target=Target.GPU))
    assert not {found.variant for found in auto.rows} & {Variant.INT8, Variant.DYNAMIC_RANGE}
    assert entry.state is VariantState.PROVEN


def test_the_quantiser_that_is_asked_for_makes_them_all(build: Build) -> None:
    """The search works with TensorFlow's own only, so it is left out."""
    _, auto = of(built(build, zoo.wide(), quantiser=Quantiser.LITERT_QUANTIZER))
    assert auto.trials == 0
    assert auto.chosen is Variant.FLOAT16


def test_auto_stands_beside_others(build: Build, scratch: Path) -> None:
    """Its folder and its symbol do not depend on the choice; the head of the C file tells it."""
    report = built(build, zoo.digits(), variants=(Variant.FLOAT32, Variant.AUTO))
    assert [entry.variant for entry in report.variants] == [Variant.FLOAT32, Variant.AUTO]
    assert {path.name for path in (scratch / "set").iterdir()} == {"float32", "auto"}
    source = (scratch / "set/auto/model.c").read_text()
    assert "g_model_auto" in source
    assert "chosen by auto: int8" in source


def test_a_model_without_int8_operators_is_searched_from_its_fallback(
    build: Build, save_model: Callable[..., Path], weights: Any, samples: Callable[..., Path]
) -> None:
    """A cosine stays in float in any case: int8 is refused for it, the fallback is looked at."""
    import tensorflow as tf

    model = save_model(
        lambda x: {"y": tf.matmul(tf.cos(tf.matmul(x, weights)), weights)},
        x=tf.TensorSpec([None, 64], tf.float32),
    )
    x = np.random.default_rng(0).standard_normal((50, 64)).astype("f4")
    report = build(model, calibration=samples(x=x), rules=Evaluation(), variants=AUTO)
    entry, auto = of(report)
    assert row(auto, Variant.INT8).state is RowState.REFUSED
    assert "operator_types" in row(auto, Variant.INT8).reason
    assert entry.state is VariantState.PROVEN
    assert "calibration inputs" in auto.notes[0]
