"""A motion classifier for micro-controllers: converted, then judged by labels and by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import zoo
from tflited.domain.model import ModelKind
from tflited.domain.policy import TensorType, Variant
from tflited.domain.report import BuildReport, VariantState

Build = Callable[..., BuildReport]
LEAST_ACCURACY = 0.95
KINDS = {"saved_model": ModelKind.SAVED_MODEL, "keras": ModelKind.KERAS}


@pytest.mark.parametrize("form", KINDS)
def test_a_motion_classifier_keeps_its_accuracy_in_int8(
    build: Build, scratch: Path, form: str
) -> None:
    """Sensor values in, classes out, in 8 bits: recordings it never saw are still told apart."""
    trained = zoo.motion(form)
    report = build(
        trained.model,
        KINDS[form],
        stem="motion",
        calibration=trained.calibration,
        evaluation=trained.evaluation,
        variants=(Variant.FLOAT32, Variant.INT8),
        input_type=TensorType.INT8,
        output_type=TensorType.INT8,
    )
    for entry in report.variants:
        assert entry.state is VariantState.PROVEN, entry.reason
    assert accuracy(scratch / "set/float32/motion.tflite", trained.evaluation) > LEAST_ACCURACY
    assert accuracy(scratch / "set/int8/motion.tflite", trained.evaluation) > LEAST_ACCURACY


def accuracy(model: Path, evaluation: Path) -> float:
    """The share of windows that a file classifies rightly, as a device would run it."""
    interpreter = Interpreter(model_path=str(model))
    interpreter.allocate_tensors()
    entry, exit_ = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    data = np.load(evaluation)
    right = 0
    for window, label in zip(data["x"], data["y"], strict=True):
        interpreter.set_tensor(entry["index"], as_input(window, entry)[None])
        interpreter.invoke()
        right += int(interpreter.get_tensor(exit_["index"]).argmax() == label)
    return right / len(data["y"])


def as_input(window: Any, entry: dict[str, Any]) -> Any:
    """A window in the type that the input has."""
    if entry["dtype"] == np.float32:
        return window
    assert entry["dtype"] == np.int8
    scale, zero_point = entry["quantization"]
    return np.clip(np.round(window / scale) + zero_point, -128, 127).astype(np.int8)
