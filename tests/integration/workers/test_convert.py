"""The executor with the real preload and the real conversion."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

import zoo
from tflited.domain.attempt import AttemptLimits, AttemptRequest, AttemptResult
from tflited.domain.model import ModelKind
from tflited.domain.policy import Evaluation, Metric, Policy, Prune, Target, Variant
from tflited.domain.report import Stage, VariantState
from tflited.domain.second_proof import agreed
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
    assert {path.name for path in tmp_path.iterdir()} == {"evidence", "set"}


@pytest.mark.parametrize(
    ("variants", "more"),
    [
        ((Variant.FLOAT32, Variant.DYNAMIC_RANGE, Variant.INT8), {}),
        ((Variant.AUTO, Variant.FLOAT32), {}),
        ((Variant.FLOAT32, Variant.INT8), {"prune": Prune(sparsity=0.5)}),
        ((Variant.INT8,), {"target": Target.MICRO}),
    ],
)
def test_a_child_without_the_model_proves_the_same(
    executor: LocalExecutor, tmp_path: Path, variants: tuple[Variant, ...], more: dict[str, Any]
) -> None:
    """Figure by figure, from the files and the evidence alone; the model may be gone by then."""
    trained = zoo.digits()
    (tmp_path / "work").mkdir()
    (tmp_path / "proof").mkdir()
    rules = Evaluation(metric=Metric.TOP1, max_drop=0.05)
    request = AttemptRequest(
        attempt="1.1",
        kind=ModelKind.SAVED_MODEL,
        model=str(trained.model),
        stem="digits",
        scratch=str(tmp_path / "work"),
        policy=Policy(variants=variants, evaluation=rules, **more),
        calibration=(str(trained.calibration),),
        evaluation=(str(trained.evaluation),),
    )
    limits = AttemptLimits(wall_seconds=WARM_SECONDS)
    made = executor.run_attempt(request, limits, lambda *_: None, Event())
    assert made.report is not None, made
    proof = replace(
        request, evidence=request.scratch, scratch=str(tmp_path / "proof"), model="", calibration=()
    )
    proven = executor.run_attempt(proof, limits, lambda *_: None, Event())
    assert proven.report is not None, proven
    merged = agreed(made.report, proven.report)
    for one, other in zip(merged.variants, made.report.variants, strict=True):
        assert one == other
    assert merged == made.report
    assert len(proven.report.variants) == len(made.report.published) > 0


def test_a_file_that_was_changed_is_not_what_was_proven(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    """A conversion whose claims are another file's has its variants rejected, with a reason."""
    trained = zoo.digits()
    (tmp_path / "work").mkdir()
    (tmp_path / "proof").mkdir()
    request = AttemptRequest(
        attempt="1.1",
        kind=ModelKind.SAVED_MODEL,
        model=str(trained.model),
        stem="digits",
        scratch=str(tmp_path / "work"),
        policy=Policy(variants=(Variant.FLOAT32, Variant.INT8)),
        calibration=(str(trained.calibration),),
    )
    limits = AttemptLimits(wall_seconds=WARM_SECONDS)
    made = executor.run_attempt(request, limits, lambda *_: None, Event())
    assert made.report is not None, made
    files = tmp_path / "work" / "set"
    (files / "int8/digits.tflite").write_bytes((files / "float32/digits.tflite").read_bytes())
    proof = replace(
        request, evidence=request.scratch, scratch=str(tmp_path / "proof"), model="", calibration=()
    )
    proven = executor.run_attempt(proof, limits, lambda *_: None, Event())
    assert proven.report is not None, proven
    states = {entry.variant: entry.state for entry in proven.report.variants}
    assert states[Variant.INT8] is VariantState.REJECTED
    merged = {entry.variant: entry for entry in agreed(made.report, proven.report).variants}
    assert merged[Variant.FLOAT32].state is made.report.variants[0].state
    assert merged[Variant.INT8].state is VariantState.REJECTED
    assert "not the one that was reported" in merged[Variant.INT8].reason
