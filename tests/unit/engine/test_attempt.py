"""One attempt: private copy, child, verdict, publication, and no trace of the copy."""

import errno
import os
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import NoReturn

import pytest

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
