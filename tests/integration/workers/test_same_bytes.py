"""The sandbox changes what a child may do, and not one byte of what it makes."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

import zoo
from tflited.domain.attempt import AttemptLimits, AttemptRequest, SandboxDemand, SandboxLevel
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy, Variant
from tflited.workers.local import LocalExecutor

SECONDS = 120.0
KERAS = "bidirectional_gru.keras"


@pytest.fixture(scope="module")
def executor() -> Iterator[LocalExecutor]:
    made = LocalExecutor()
    made.start()
    yield made
    made.stop(deadline_seconds=10.0)


def made(
    executor: LocalExecutor,
    scratch: Path,
    demand: SandboxDemand,
    kind: ModelKind,
    model: Path,
    data: Path | None,
) -> dict[str, str]:
    """File of the set to digest."""
    scratch.mkdir()
    variants = (Variant.FLOAT32, Variant.INT8) if data else (Variant.FLOAT32,)
    request = AttemptRequest(
        attempt="1.1",
        kind=kind,
        model=str(model),
        stem="model",
        scratch=str(scratch),
        policy=Policy(variants=variants),
        calibration=(str(data),) if data else (),
        sandbox=demand,
    )
    limits = AttemptLimits(wall_seconds=SECONDS)
    outcome = executor.run_attempt(request, limits, lambda *_: None, Event())
    assert outcome.report is not None, outcome.failure
    assert (outcome.sandbox is SandboxLevel.OFF) is (demand is SandboxDemand.OFF)
    folder = scratch / "set"
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("kind", [ModelKind.SAVED_MODEL, ModelKind.KERAS])
def test_artifacts_are_the_same_with_and_without(
    executor: LocalExecutor, tmp_path: Path, kind: ModelKind
) -> None:
    """Float32 and int8 of a SavedModel, float32 of a .keras file."""
    trained = zoo.digits()
    is_keras = kind is ModelKind.KERAS
    model = zoo.small(KERAS) if is_keras else trained.model
    data = None if is_keras else trained.calibration
    confined = made(executor, tmp_path / "a", SandboxDemand.REQUIRED, kind, model, data)
    plain = made(executor, tmp_path / "b", SandboxDemand.OFF, kind, model, data)
    assert confined == plain
    assert any(name.endswith(".tflite") for name in confined)
