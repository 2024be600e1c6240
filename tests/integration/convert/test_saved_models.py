"""SavedModels with any tags and signatures, or with none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import zoo
from tflited.convert.load import load
from tflited.convert.opening.saved_model import choose_tags
from tflited.convert.opening.source import Source
from tflited.domain.attempt import AttemptRequest
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy, Variant
from tflited.domain.report import BuildReport, VariantState
from tflited.errors import ConversionError

Build = Callable[..., BuildReport]
Open = Callable[..., Source]
FLOAT32 = (Variant.FLOAT32,)


class Scaled(tf.Module):  # type: ignore[misc]  # tensorflow is untyped
    """A call with two tensors, a constant and two outputs, and no signature."""

    def __init__(self) -> None:
        super().__init__()
        self.table = tf.Variable(np.eye(4, dtype=np.float32))

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]  # tensorflow is untyped
    def __call__(self, row: Any, times: Any, *, training: bool = False) -> Any:
        """What inference computes, or something else."""
        doubled = row * 2.0 if training else row
        return doubled @ self.table * tf.cast(times, tf.float32), {"row": row}


@pytest.fixture
def called(tmp_path: Path) -> Callable[..., Path]:
    """Saves the module above after calls with rows of these numbers."""

    def saved(*counts: int | None) -> Path:
        module = Scaled()
        times = tf.TensorSpec([], tf.int32)
        for count in counts:
            row = tf.TensorSpec([count, 4], tf.float32)
            for training in (False, True):
                module.__call__.get_concrete_function(row, times, training=training)
        tf.saved_model.save(module, str(tmp_path / "called"))
        return tmp_path / "called"

    return saved


@pytest.fixture
def opened(scratch: Path) -> Open:
    """Loads a SavedModel under a policy."""

    def load_it(model: Path, **policy: Any) -> Source:
        request = AttemptRequest(
            attempt="1.1",
            kind=ModelKind.SAVED_MODEL,
            model=str(model),
            stem="model",
            scratch=str(scratch),
            policy=Policy(**policy),
        )
        return load(request)

    return load_it


def test_a_call_is_traced_by_its_own_signature(build: Build, called: Callable[..., Path]) -> None:
    """Names, types and the constant of inference are those it was saved with."""
    report = build(called(None), variants=FLOAT32)
    (entry,) = report.variants
    assert entry.state is VariantState.PROVEN, entry.reason
    assert {(spec.name, spec.dtype) for spec in entry.inputs} == {
        ("row", "float32"),
        ("times", "int32"),
    }
    assert len(entry.outputs) == 2
    assert "no signature" in report.source.notes[0]


def test_the_policys_shape_chooses_among_traces(build: Build, called: Callable[..., Path]) -> None:
    """A table by input name; the other input keeps its own shape."""
    (entry,) = build(called(2, 5), variants=FLOAT32, input_shape={"row": (5, 4)}).variants
    assert entry.state is VariantState.PROVEN, entry.reason
    assert {spec.name: spec.shape for spec in entry.inputs} == {"row": (5, 4), "times": ()}


def test_the_most_general_trace_serves_without_a_shape(
    opened: Open, called: Callable[..., Path]
) -> None:
    """Where it takes what all the others take."""
    (signature,) = opened(called(2, None)).signatures
    assert {spec.name: spec.shape for spec in signature.inputs}["row"] == (-1, 4)


@pytest.mark.parametrize("shape", [{}, {"row": (3, 4)}, {"line": (2, 4)}, {"": (2, 4)}])
def test_traces_that_do_not_settle_it_are_listed(
    opened: Open, called: Callable[..., Path], shape: dict[str, tuple[int, ...]]
) -> None:
    """The reader can copy a shape that is there."""
    with pytest.raises(ConversionError) as refused:
        opened(called(2, 5), input_shape=shape)
    assert refused.value.code == "input_shape"
    takes = "row float32 [2, 4], times int32 []; row float32 [5, 4], times int32 []"
    assert takes in refused.value.message
    assert "input_shape" in refused.value.hint


def test_nested_arguments_keep_their_names(build: Build, tmp_path: Path) -> None:
    """A dictionary of tensors, as Keras and Hub models take it."""

    class Sum(tf.Module):  # type: ignore[misc]  # tensorflow is untyped
        """Adds two entries of its only argument."""

        @tf.function(autograph=False)  # type: ignore[untyped-decorator]  # tensorflow is untyped
        def __call__(self, inputs: Any) -> Any:
            return inputs["left"] + inputs["right"]

    module = Sum()
    for rows in (1, 2):  # with one trace tensorflow would make it a signature by itself
        module({"left": tf.zeros([rows, 4]), "right": tf.zeros([rows, 4])})
    tf.saved_model.save(module, str(tmp_path / "sum"))
    shape = {"inputs_left": (1, 4)}
    (entry,) = build(tmp_path / "sum", variants=FLOAT32, input_shape=shape).variants
    assert entry.state is VariantState.PROVEN, entry.reason
    assert {spec.name for spec in entry.inputs} == {"inputs_left", "inputs_right"}


def test_an_unknown_rank_is_given_by_the_policy(build: Build, tmp_path: Path) -> None:
    """What the hint of its refusal says works."""
    module = tf.Module()
    signature = tf.function(lambda x: {"y": tf.nn.relu(x)}).get_concrete_function(
        x=tf.TensorSpec(None, tf.float32)
    )
    path = tmp_path / "ranks"
    tf.saved_model.save(module, str(path), signatures={"serving_default": signature})
    with pytest.raises(ConversionError, match="rank") as refused:
        build(path, variants=FLOAT32)
    assert "input_shape.x" in refused.value.hint
    (entry,) = build(path, variants=FLOAT32, input_shape={"x": (2, 3)}).variants
    assert entry.state is VariantState.PROVEN, entry.reason


def test_every_signature_can_be_asked_for(build: Build) -> None:
    """One file, each proven by its name; one alone as well."""
    report = build(zoo.small("several_signatures"), variants=FLOAT32, signatures=("*",))
    assert report.source.signature == "decode, encode"
    assert {entry.output for entry in report.variants[0].fidelity} == {"decode/x", "encode/code"}
    assert report.variants[0].state is VariantState.PROVEN


def test_one_of_several_signatures(opened: Open) -> None:
    """Only what was asked for is in the file."""
    source = opened(zoo.small("several_signatures"), signatures=("decode",))
    assert [entry.name for entry in source.signatures] == ["decode"]


def test_the_tag_set_that_is_not_for_training_is_used() -> None:
    """Modules of TensorFlow 1 have the empty set and one for training."""
    tags, notes = choose_tags(("serve",), [(), ("train",)])
    assert tags == ()
    assert "not for training" in notes[0]
    assert choose_tags((), [(), ("train",)]) == ((), ())
    with pytest.raises(ConversionError, match=r"\['a'\], \['b'\]"):
        choose_tags(("serve",), [("a",), ("b",)])
