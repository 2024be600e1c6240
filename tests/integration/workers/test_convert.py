"""The executor with the real preload and the real conversion."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

import zoo
from tflited.domain.attempt import AttemptLimits, AttemptRequest, AttemptResult
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy, Target, Variant
from tflited.domain.report import Stage, VariantState
from tflited.workers.local import LocalExecutor
from waiting import wait_until

WARM_SECONDS = 120.0


@pytest.fixture(scope="module")
def executor() -> Iterator[LocalExecutor]:
    made = LocalExecutor()
    made.start()
    yield made
    made.stop(deadline_seconds=10.0)


def test_real_preload_stays_single_threaded(executor: LocalExecutor) -> None:
    """The zygote becomes ready only with one thread, so readiness shows that it has one."""
    wait_until(lambda: executor.is_ready, WARM_SECONDS, what="a warm zygote")
    tasks = list(Path(f"/proc/{executor.zygote_pid}/task").iterdir())
    assert len(tasks) == 1


def test_model_becomes_proven_files(executor: LocalExecutor, tmp_path: Path) -> None:
    """A trained model goes through a confined child and comes back proven."""
    trained = zoo.digits()
    stages: list[Stage] = []
    request = AttemptRequest(
        attempt="1.1",
        kind=ModelKind.SAVED_MODEL,
        model=str(trained.model),
        stem="digits",
        scratch=str(tmp_path),
        policy=Policy(variants=(Variant.FLOAT32,)),
        evaluation=(str(trained.evaluation),),
    )
    limits = AttemptLimits(wall_seconds=WARM_SECONDS)
    outcome = executor.run_attempt(request, limits, lambda stage, _: stages.append(stage), Event())
    assert outcome.result is AttemptResult.OK, outcome
    assert outcome.report is not None
    assert [entry.state for entry in outcome.report.variants] == [VariantState.PROVEN]
    assert (tmp_path / "set" / "float32" / "digits.tflite").stat().st_size > 0
    assert stages[:3] == [Stage.LOAD, Stage.REFERENCE, Stage.LOWER]
    assert {Stage.START, Stage.LOAD, Stage.LOWER, Stage.PROVE} <= set(outcome.stage_seconds)


def test_a_confined_child_runs_tflm(executor: LocalExecutor, tmp_path: Path) -> None:
    """The interpreter's own process starts inside the child's limits and leaves nothing behind."""
    trained = zoo.digits()
    request = AttemptRequest(
        attempt="1.1",
        kind=ModelKind.SAVED_MODEL,
        model=str(trained.model),
        stem="digits",
        scratch=str(tmp_path),
        policy=Policy(variants=(Variant.INT8,), target=Target.MICRO),
        calibration=(str(trained.calibration),),
    )
    limits = AttemptLimits(wall_seconds=WARM_SECONDS)
    outcome = executor.run_attempt(request, limits, lambda _stage, _detail: None, Event())
    assert outcome.report is not None, outcome
    (entry,) = outcome.report.variants
    assert entry.state is VariantState.PROVEN, entry.reason
    assert entry.micro is not None
    assert entry.micro.arena_bytes > 0
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
