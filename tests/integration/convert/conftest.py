"""Requests and small models for real conversions in the test's own process."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tflited.convert.entry import run
from tflited.domain.attempt import AttemptRequest
from tflited.domain.model import ModelKind
from tflited.domain.policy import Calibration, Evaluation, Policy
from tflited.domain.report import BuildReport

Build = Callable[..., BuildReport]
SaveModel = Callable[..., Path]


@pytest.fixture(autouse=True)
def registered_classes() -> Iterator[None]:
    """Takes back what a test registers with Keras; a child of the daemon ends with its model."""
    known = [(library, dict(library.saving.get_custom_objects())) for library in (keras, tf_keras)]
    yield
    for library, objects in known:
        library.saving.get_custom_objects().clear()
        library.saving.get_custom_objects().update(objects)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.fixture
def build(scratch: Path) -> Build:
    """Builds a model; what is published lies in ``scratch/set``."""

    def built(
        model: Path,
        kind: ModelKind = ModelKind.SAVED_MODEL,
        *,
        calibration: Path | None = None,
        evaluation: Path | None = None,
        stem: str = "model",
        rules: Evaluation | None = None,
        **policy: Any,
    ) -> BuildReport:
        if calibration:
            policy.setdefault("calibration", Calibration(data=str(calibration), samples=50))
        policy["evaluation"] = rules or Evaluation()  # evaluation is the data here
        request = AttemptRequest(
            attempt="1.1",
            kind=kind,
            model=str(model),
            stem=stem,
            scratch=str(scratch),
            policy=Policy(**policy),
            calibration=(str(calibration),) if calibration else (),
            evaluation=(str(evaluation),) if evaluation else (),
            provenance={"policy": "test"},
            threads=2,
        )
        return run(request, lambda _stage, _detail: None)

    return built


@pytest.fixture
def save_model(tmp_path: Path) -> SaveModel:
    """Saves a function of named tensors as a SavedModel with one signature."""

    def saved(
        function: Callable[..., Mapping[str, Any]],
        *,
        signature: str = "serving_default",
        name: str = "source",
        **inputs: Any,
    ) -> Path:
        traced = tf.function(function, autograph=False).get_concrete_function(**inputs)
        module = tf.Module()
        module.held = list(traced.variables)
        tf.saved_model.save(module, str(tmp_path / name), signatures={signature: traced})
        return tmp_path / name

    return saved


@pytest.fixture
def weights() -> Any:
    """A matrix of 64 x 64 with values that quantise well."""
    return np.random.default_rng(3).standard_normal((64, 64)).astype(np.float32) / 8


@pytest.fixture
def samples(tmp_path: Path) -> Callable[..., Path]:
    """Writes an ``.npz`` file of arrays by name."""

    def written(name: str = "data.npz", **arrays: Any) -> Path:
        np.savez(tmp_path / name, **arrays)
        return tmp_path / name

    return written
