"""The parts of a proof: its inputs, its runs, its verdict."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tflited.convert.data.reference import random_inputs, reference
from tflited.convert.faults.hints import NEEDS_SELECT_OPS
from tflited.convert.load import load
from tflited.convert.opening.source import Source, with_shapes
from tflited.convert.proof.prove import verdict
from tflited.convert.proof.run import run
from tflited.convert.quantising.calibrate import representative
from tflited.domain.attempt import AttemptRequest
from tflited.domain.figures import Check, CheckResult, TensorSpec
from tflited.domain.model import ModelKind
from tflited.domain.policy import Calibration, Policy, Variant
from tflited.domain.report import BuildReport, VariantState
from tflited.errors import ConversionError

SaveModel = Callable[..., Path]
Build = Callable[..., BuildReport]
ROW = tf.TensorSpec([None, 64], tf.float32)


def check(result: CheckResult, name: str = "fidelity") -> Check:
    return Check(name=name, result=result, observed="seen", allowed="wanted", hint="do")


@pytest.fixture
def request_of(scratch: Path) -> Callable[..., AttemptRequest]:
    def made(model: Path, *calibration: Path, evaluation: tuple[Path, ...] = ()) -> AttemptRequest:
        return AttemptRequest(
            attempt="1.1",
            kind=ModelKind.SAVED_MODEL,
            model=str(model),
            stem="model",
            scratch=str(scratch),
            policy=Policy(calibration=Calibration(data="*", samples=5)),
            calibration=tuple(map(str, calibration)),
            evaluation=tuple(map(str, evaluation)),
        )

    return made


@pytest.mark.parametrize(
    ("results", "requires_proof", "state"),
    [
        ((CheckResult.PASSED,), False, VariantState.PROVEN),
        ((CheckResult.PASSED, CheckResult.UNPROVEN), False, VariantState.UNVERIFIED),
        ((CheckResult.UNPROVEN, CheckResult.FAILED), False, VariantState.REJECTED),
        ((CheckResult.PASSED,), True, VariantState.PROVEN),
        ((CheckResult.UNPROVEN,), True, VariantState.REJECTED),
    ],
)
def test_the_worst_check_decides(
    results: tuple[CheckResult, ...], requires_proof: bool, state: VariantState
) -> None:
    """Failed rejects, unproven labels, and require_proof makes the label a rejection."""
    checks = tuple(check(result) for result in results)
    assert verdict(checks, (), requires_proof=requires_proof).state is state


def test_the_reason_is_the_first_failure() -> None:
    """A reader is told what was observed against what is allowed, and what to do."""
    checks = (check(CheckResult.UNPROVEN, "a"), check(CheckResult.FAILED, "b"))
    proof = verdict(checks, (), requires_proof=False)
    assert proof.reason == "b: seen; allowed: wanted"
    assert proof.hint == "do"


def test_random_inputs_are_the_same_every_time() -> None:
    """Equal build key, equal figures."""
    spec = (TensorSpec(index=0, name="x", shape=(-1, 3, -1), dtype="float32"),)
    first, second = (random_inputs(spec, 1, 16, 10)["x"] for _ in range(2))
    assert first.shape == (1, 3, 16)
    assert first.dtype == np.float32
    assert (first == second).all()
    assert (random_inputs(spec, 2, 16, 10)["x"] != first).any()


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "bool", "float16"])
def test_random_inputs_have_the_inputs_type(dtype: str) -> None:
    """Integers stay small, so that they are valid indices and pixel values alike."""
    value = random_inputs((TensorSpec(index=0, name="x", shape=(2, 3), dtype=dtype),), 0, 16, 10)[
        "x"
    ]
    assert value.dtype == np.dtype(dtype)
    assert 0 <= abs(value.astype(float)).max() < 10


def test_strings_have_no_random_values() -> None:
    """The reader is asked for data instead."""
    spec = (TensorSpec(index=0, name="x", shape=(1,), dtype="string"),)
    with pytest.raises(ConversionError, match="string"):
        random_inputs(spec, 0, 16, 10)


def test_evaluation_data_come_first(
    save_model: SaveModel,
    samples: Callable[..., Path],
    request_of: Callable[..., AttemptRequest],
) -> None:
    """Then calibration data, then random values."""
    model = save_model(lambda x: {"y": x}, x=ROW)
    good, bad = samples("a.npz", x=np.ones((2, 64))), samples("b.npz", x=np.ones((2, 3)))
    source = load(request_of(model))

    def origin(*calibration: Path, evaluation: tuple[Path, ...] = ()) -> tuple[str, bool]:
        found = reference(request_of(model, *calibration, evaluation=evaluation), source)
        return found.origin, bool(found.trouble)

    assert origin(good, evaluation=(good,)) == ("evaluation", False)
    assert origin(good) == ("calibration", False)
    assert origin() == ("random", False)
    assert origin(good, evaluation=(bad,)) == ("calibration", True)


def test_calibration_can_be_walked_twice(
    save_model: SaveModel,
    samples: Callable[..., Path],
    request_of: Callable[..., AttemptRequest],
) -> None:
    """16x8 asks for the data twice; an exhausted generator would calibrate on nothing."""
    model = save_model(lambda x: {"y": x}, x=ROW)
    request = request_of(model, samples(x=np.random.default_rng(0).random((30, 64))))
    data = representative(request, load(request))
    first, second = list(data()), list(data())
    assert len(first) == len(second) == 5
    assert {name for name, _ in first} == {"serving_default"}
    assert first[0][1]["x"].shape == (1, 64)


def test_a_traced_source_computes_the_same(
    save_model: SaveModel, scratch: Path, request_of: Callable[..., AttemptRequest], weights: Any
) -> None:
    """Fixing a shape changes the shape alone; names and numbers stay."""
    matrix = tf.Variable(weights)
    source: Source = load(request_of(save_model(lambda x: {"y": x @ matrix}, x=ROW)))
    fixed = with_shapes(source, {"x": (1, 64)}, scratch / "fixed")
    sample = {"x": np.ones((1, 64), np.float32)}
    assert [spec.shape for spec in fixed.signatures[0].inputs] == [(1, 64)]
    assert fixed.signatures[0].run(sample)["y"] == pytest.approx(
        source.signatures[0].run(sample)["y"]
    )


class Runner:
    """Stands for LiteRT's signature runner: an int8 file that gives its input back."""

    def __init__(self) -> None:
        self.fed: Any = None
        self.detail = {"x": {"dtype": np.int8, "quantization": (0.5, -3)}}

    def get_input_details(self) -> Mapping[str, Any]:
        """As LiteRT's: type and quantisation by name."""
        return self.detail

    def get_output_details(self) -> Mapping[str, Any]:
        """The same for outputs."""
        return self.detail

    def __call__(self, **inputs: Any) -> dict[str, Any]:
        """Gives the input back."""
        self.fed = inputs["x"]
        return inputs


def test_integer_inputs_and_outputs_are_scaled() -> None:
    """The comparison happens in the source's unit; values beyond the type are clipped."""
    runner = Runner()
    outputs = run(runner, {"x": np.array([[0.0, 1.0, 1000.0]], np.float32)})
    assert runner.fed.tolist() == [[-3, -1, 127]]
    assert outputs["x"].tolist() == [[0.0, 1.0, 65.0]]


def test_a_real_converter_error_is_classified(
    save_model: SaveModel, scratch: Path, request_of: Callable[..., AttemptRequest]
) -> None:
    """The structured error of this TensorFlow still has the fields the table reads."""
    from tflited.convert.lowering.lower import lower

    spec = tf.TensorSpec([1, 4, 4], tf.float32)
    source = load(request_of(save_model(lambda x: {"y": tf.linalg.cholesky(x)}, x=spec)))
    with pytest.raises(ConversionError) as caught:
        lower(source, Policy().ops, scratch)
    assert caught.value.code == NEEDS_SELECT_OPS.code
    assert "\n" not in caught.value.message


def test_a_source_that_answers_alike_proves_nothing(
    build: Build, save_model: SaveModel, weights: Any
) -> None:
    """A network whose signal died gives its last constants: a file without weights would pass."""
    matrix = tf.Variable(weights)

    def dead(x: Any) -> dict[str, Any]:
        return {"y": tf.nn.softmax(tf.nn.relu(x @ matrix - 1e6) @ matrix)}

    model = save_model(dead, x=tf.TensorSpec([None, 64], tf.float32))
    (entry,) = build(model, variants=(Variant.FLOAT32,)).variants
    assert entry.state is VariantState.UNVERIFIED
    assert "answers every random sample alike" in entry.reason
    assert entry.files


def test_one_output_that_moves_is_enough(build: Build, save_model: SaveModel, weights: Any) -> None:
    """A constant beside it, such as a scale, is no reason for doubt."""
    matrix = tf.Variable(weights)
    model = save_model(
        lambda x: {"y": x @ matrix, "scale": tf.ones_like(x[:, :1])},
        x=tf.TensorSpec([None, 64], tf.float32),
    )
    (entry,) = build(model, variants=(Variant.FLOAT32,)).variants
    assert entry.state is VariantState.PROVEN, entry.reason
