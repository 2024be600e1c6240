"""One attempt: private copy, child, verdict, publication, and no trace of the copy."""

import errno
import os
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import NoReturn

import pytest
from structlog.testing import capture_logs

from fakes.engine import World, an_end
from fakes.samples import a_job, a_publish_key, a_report, a_variant
from tflited.domain.attempt import AttemptOutcome, AttemptResult
from tflited.domain.job import JobState
from tflited.domain.model import Digest
from tflited.domain.policy import OnReject, Policy, Variant
from tflited.domain.report import Stage, VariantState
from tflited.domain.retry import STORAGE_SECONDS
from tflited.domain.sandbox import SandboxDemand, SandboxLevel
from tflited.engine.attempt import Work, failure_of
from tflited.engine.messages import AttemptEnded
from tflited.errors import SourceChangedError, StoragePausedError, TflitedError, WorkerError


def run(
    world: World,
    policy: Policy | None = None,
    custom_objects: tuple[Path, ...] = (),
    sandbox: SandboxDemand = SandboxDemand.REQUIRED,
) -> AttemptEnded:
    work = Work(
        job=a_job(7, sandbox=sandbox),
        policy=policy or Policy(),
        key=a_publish_key(),
        calibration=(Path("/data/a.npz"),),
        evaluation=(),
        custom_objects=custom_objects,
        custom_objects_digest=Digest("d" * 64) if custom_objects else None,
    )
    return world.runner.run(work, lambda *_: None, Event())


def test_the_child_gets_the_private_copy(world: World) -> None:
    """Never the source itself; with its data and where it came from."""
    run(world)
    (request,) = world.executor.requests
    assert request.attempt == "7.1"
    assert Path(request.model).is_relative_to(world.runner.scratch)
    assert request.calibration == ("/data/a.npz",)
    assert request.provenance["tensorflow"] == "2.21.0"
    assert request.stem == "mobilenet"


def test_the_child_gets_a_private_copy_of_the_module(world: World) -> None:
    """Code is run exactly as it was digested, whatever happens to the file meanwhile."""
    run(world, custom_objects=(Path("/models/layers.py"),))
    (request,) = world.executor.requests
    (copy,) = request.custom_objects
    assert Path(copy).name == "layers.py"
    assert Path(copy).is_relative_to(world.runner.scratch)


def test_a_good_attempt_ends_published(world: World) -> None:
    """The set is in the tree before anybody is told."""
    ended = run(world)
    assert ended.published is not None
    assert ended.failure is None
    assert set(ended.stage_seconds) == {Stage.STAGE, Stage.PUBLISH}


def test_a_change_during_the_build_discards_it(world: World) -> None:
    """Also one that nobody has told of yet: what is on disk is compared before publication."""
    world.sources.has_changed = True
    ended = run(world)
    assert ended.published is None
    assert ended.failure is not None
    assert ended.failure.code == SourceChangedError.code
    assert world.publisher.manifests() == []


def test_nothing_is_left_in_the_scratch_folder(world: World) -> None:
    """However it ends."""
    run(world)
    world.sources.error = SourceChangedError("It changed.")
    run(world)
    assert list(world.runner.scratch.iterdir()) == []


def test_a_failed_child_publishes_nothing(world: World) -> None:
    """Its failure is handed on."""
    world.executor.script = [an_end(AttemptResult.ERROR)]
    ended = run(world)
    assert ended.published is None
    assert ended.failure == an_end(AttemptResult.ERROR).failure
    assert world.publisher.manifests() == []


@pytest.mark.parametrize("end", [AttemptResult.CRASH, AttemptResult.LIMIT, AttemptResult.TIMEOUT])
@pytest.mark.parametrize("told", [(Stage.QUANTISE, "int8"), (Stage.PROVE, "int8 layers")])
def test_a_variant_that_ends_its_child_is_given_up(
    world: World, end: AttemptResult, told: tuple[Stage, str]
) -> None:
    """Another child makes the set without it, in an empty folder."""
    world.executor.told = told
    world.executor.script = [an_end(end, code="crash")]
    ended = run(world)
    first, second = world.executor.requests
    assert ended.published is not None
    assert dict(first.given_up) == {}
    assert list(second.given_up) == [Variant.INT8]
    assert second.given_up[Variant.INT8]


@pytest.mark.parametrize(
    ("told", "end", "code"),
    [
        ((Stage.LOAD, "int8"), AttemptResult.CRASH, "crash"),
        ((Stage.QUANTISE, "float32"), AttemptResult.CRASH, "crash"),
        ((Stage.QUANTISE, "a model called int8"), AttemptResult.CRASH, "crash"),
        ((Stage.QUANTISE, "int8"), AttemptResult.CRASH, "out_of_memory"),
        ((Stage.QUANTISE, "int8"), AttemptResult.ERROR, "conversion"),
        ((Stage.QUANTISE, "int8"), AttemptResult.CANCELLED, "cancelled"),
    ],
)
def test_other_ends_are_no_variants_fault(
    world: World, told: tuple[Stage, str], end: AttemptResult, code: str
) -> None:
    """Want of memory passes, and without float32 there is nothing to make."""
    world.executor.told = told
    world.executor.script = [an_end(end, code=code)]
    run(world)
    assert len(world.executor.requests) == 1


def test_a_child_that_ends_without_the_variant_is_not_tried_for_ever(world: World) -> None:
    """It was not the variant, then."""
    world.executor.told = (Stage.QUANTISE, "int8")
    world.executor.script = [an_end(AttemptResult.CRASH, code="crash")] * 5
    ended = run(world)
    assert len(world.executor.requests) == 2
    assert ended.published is None


def test_a_source_that_changed_starts_no_child(world: World) -> None:
    """Building it would prove the wrong model."""
    world.sources.error = SourceChangedError("It changed.")
    ended = run(world)
    assert ended.outcome is None
    assert ended.failure is not None
    assert ended.failure.code == "source_changed"
    assert world.executor.requests == []


def test_on_reject_hold_keeps_the_last_set(world: World) -> None:
    """A rejected variant holds the whole set back."""
    report = a_report(a_variant(), a_variant(Variant.INT8, VariantState.REJECTED))
    world.executor.script = [AttemptOutcome(result=AttemptResult.OK, report=report)]
    ended = run(world, Policy(on_reject=OnReject.HOLD))
    assert ended.published is None
    assert ended.failure is not None
    assert "held back" in ended.failure.message


@pytest.mark.parametrize(
    ("error", "is_retryable"),
    [
        (StoragePausedError("full"), True),
        (WorkerError("lost"), True),
        (SourceChangedError("changed"), False),
    ],
)
def test_an_error_becomes_a_record(error: TflitedError, is_retryable: bool) -> None:
    """A changed source is not waited for: it is looked at again."""
    failure = failure_of(error)
    assert (failure.code, failure.is_retryable) == (error.code, is_retryable)


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, "storage_paused"), (errno.EACCES, "worker")]
)
def test_scratch_space_that_cannot_be_used_is_no_fault_of_the_model(
    world: World, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    """The slot lives on, and the job is tried again."""

    def refuse(path: Path, **_: object) -> NoReturn:
        raise OSError(number, os.strerror(number), str(path))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "mkdir", refuse)
        job = world.build()
    assert job.state is JobState.QUEUED
    assert job.failure is not None
    assert job.failure.code == code
    world.clock.advance(STORAGE_SECONDS)
    world.run()
    assert world.states() == [JobState.PUBLISHED]


def test_the_manifest_tells_what_held_whatever_the_child_says(world: World) -> None:
    """The level is the daemon's word: a child that reports another one is not believed."""
    report = replace(a_report(), sandbox=SandboxLevel.FULL)
    world.executor.script = [
        AttemptOutcome(result=AttemptResult.OK, report=report, sandbox=SandboxLevel.OFF)
    ]
    ended = run(world)
    assert ended.report is not None
    assert ended.report.sandbox is SandboxLevel.OFF


def test_an_attempt_without_the_sandbox_is_logged(world: World) -> None:
    """Each one, as a warning."""
    with capture_logs() as logs:
        run(world)
        assert logs == []
        run(world, sandbox=SandboxDemand.OFF)
    assert [entry["event"] for entry in logs] == ["attempt_unsandboxed"]


def test_another_child_proves_without_the_model(world: World) -> None:
    """It knows the first one's folder, and has its own: but neither model nor code."""
    run(world, custom_objects=(Path("/models/layers.py"),))
    (made,), (proof,) = world.executor.requests, world.executor.proofs
    assert (made.evidence, proof.evidence) == ("", made.scratch)
    assert proof.scratch not in {made.scratch, ""}
    assert (proof.model, proof.calibration, proof.custom_objects) == ("", (), ())
    assert (proof.policy, proof.sandbox) == (made.policy, made.sandbox)


def test_a_set_that_the_second_proof_rejects_is_not_published(world: World) -> None:
    """Its reason is the job's."""
    bad = a_variant(state=VariantState.REJECTED, reason="fidelity: 3 dB")
    world.executor.second = AttemptOutcome(result=AttemptResult.OK, report=a_report(bad))
    ended = run(world)
    assert ended.published is None
    assert ended.failure is not None
    assert ended.failure.code == "baseline_mismatch"
    assert "3 dB" in ended.failure.message


def test_a_proof_that_dies_publishes_nothing(world: World) -> None:
    """A file that takes its prover down is no set, and the end has its name."""
    world.executor.second = an_end(AttemptResult.CRASH, code="crash")
    ended = run(world)
    assert ended.published is None
    assert ended.failure is not None
    assert ended.failure.code == "crash"
    assert len(world.executor.proofs) == 1
