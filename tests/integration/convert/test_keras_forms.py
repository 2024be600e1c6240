"""Keras models in the forms that people save: names, structures, policies of types."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest
import tf_keras

from tflited.domain.model import kind_of_file
from tflited.domain.policy import Variant
from tflited.domain.report import BuildReport, VariantReport, VariantState

Build = Callable[..., BuildReport]
layers = keras.layers
LIBRARIES = pytest.mark.parametrize(
    ("library", "ending"), [(keras, "keras"), (tf_keras, "h5")], ids=["keras", "tf_keras"]
)


@pytest.fixture
def proven(build: Build, tmp_path: Path) -> Callable[..., tuple[VariantReport, BuildReport]]:
    """Saves a model, builds its float32 and wants it proven."""

    def made(model: Any, ending: str = "keras") -> tuple[VariantReport, BuildReport]:
        path = tmp_path / f"m.{ending}"
        model.save(path)
        report = build(path, kind_of_file(path.name), variants=(Variant.FLOAT32,))
        (entry,) = report.variants
        assert entry.state is VariantState.PROVEN, entry.reason
        return entry, report

    return made


Proven = Callable[..., tuple[VariantReport, BuildReport]]


@LIBRARIES
@pytest.mark.parametrize(
    ("name", "safe"),
    [("in-put", "in_put"), ("a b", "a_b"), ("1", "input_1"), ("class", "input_class")],
)
def test_an_input_may_have_any_name(
    proven: Proven, library: Any, ending: str, name: str, safe: str
) -> None:
    """Signatures take arguments by name, so the name becomes one that an argument can have."""
    row = library.Input((4,), name=name)
    entry, _ = proven(library.Model(row, library.layers.Dense(2)(row)), ending)
    assert [spec.name for spec in entry.inputs] == [safe]


def test_names_that_become_one_are_kept_apart(proven: Proven) -> None:
    """Two inputs must never get one tensor."""
    left, right = layers.Input((4,), name="a-b"), layers.Input((4,), name="a_b")
    entry, _ = proven(keras.Model([left, right], layers.Subtract()([left, right])))
    assert {spec.name for spec in entry.inputs} == {"a_b", "a_b_"}


@LIBRARIES
def test_mixed_precision_is_converted_in_float32(proven: Proven, library: Any, ending: str) -> None:
    """Weights are float32 already; the report says what was done."""
    old = library.layers
    inner = library.Sequential([library.Input((5,)), old.Dense(4, dtype="mixed_float16")])
    row = library.Input((5,))
    outputs = old.Dense(2, dtype="mixed_float16")(inner(row))
    entry, report = proven(library.Model(row, outputs), ending)
    assert {spec.dtype for spec in (*entry.inputs, *entry.outputs)} == {"float32"}
    assert "mixed precision" in report.source.notes[0]


def test_one_layer_twice_has_two_outputs(proven: Proven) -> None:
    """Equal names of outputs are numbered."""
    row = layers.Input((4,))
    dense = layers.Dense(2)
    entry, _ = proven(keras.Model(row, [dense(row), dense(row * 2.0)]))
    assert {spec.name for spec in entry.outputs} == {"output_0", "output_1"}


def test_a_sequential_model_without_an_input_layer(proven: Proven) -> None:
    """It was built by a call."""
    model = keras.Sequential([layers.Dense(2)])
    model.build((None, 3))
    entry, _ = proven(model)
    assert entry.inputs[0].shape == (-1, 3)


def test_what_only_training_does_is_left_out(proven: Proven) -> None:
    """Augmentation and dropout; preprocessing stays."""
    model = keras.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.RandomFlip(),
            layers.Rescaling(1 / 255.0),
            layers.Conv2D(2, 3),
            layers.Dropout(0.5),
        ]
    )
    entry, _ = proven(model)
    assert "CONV_2D" in entry.operators


def test_states_of_a_recurrent_layer_are_outputs(proven: Proven) -> None:
    """Three tensors of one layer."""
    steps = layers.Input((3, 5))
    entry, _ = proven(keras.Model(steps, layers.LSTM(4, return_state=True)(steps)))
    assert len(entry.outputs) == 3
