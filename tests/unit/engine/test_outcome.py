"""What an ended attempt does to its job."""

from dataclasses import replace

import pytest

from fakes.engine import ListHooks, ListRecorder, World, an_end
from fakes.samples import a_new_job
from tflited.domain.attempt import AttemptOutcome, AttemptResult
from tflited.domain.job import CHANGED_MEANWHILE, Failure, Job, JobState
from tflited.domain.policy import Policy
from tflited.domain.retry import MAX_LOSSES
from tflited.engine.messages import AttemptEnded
from tflited.engine.outcome import Finisher


@pytest.fixture
def finisher(world: World) -> Finisher:
    return world.engine.parts.finisher


@pytest.fixture
def job(world: World) -> Job:
    world.store.accept(a_new_job(), world.clock.now())
    claimed = world.store.claim(world.clock.now())
    assert claimed is not None
    return claimed


def ended(job: Job, outcome: AttemptOutcome) -> AttemptEnded:
    return AttemptEnded(job=job, policy=Policy(), outcome=outcome, failure=outcome.failure)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (an_end(AttemptResult.ERROR), JobState.FAILED),
        (an_end(AttemptResult.ERROR, is_retryable=True), JobState.QUEUED),
        (an_end(AttemptResult.CRASH), JobState.QUEUED),
        (an_end(AttemptResult.TIMEOUT), JobState.QUEUED),
        (an_end(AttemptResult.LIMIT), JobState.QUEUED),
        (an_end(AttemptResult.WORKER_LOST, is_retryable=True), JobState.QUEUED),
        (an_end(AttemptResult.ERROR, code="source_changed"), JobState.SUPERSEDED),
    ],
)
def test_the_end_decides_the_state(
    finisher: Finisher, job: Job, outcome: AttemptOutcome, state: JobState
) -> None:
    """Permanent, retryable, died, or overtaken."""
    assert finisher.finish(ended(job, outcome), cancelled_as=None).state is state


@pytest.mark.parametrize("state", [JobState.CANCELLED, JobState.SUPERSEDED, JobState.QUEUED])
def test_an_end_on_purpose_is_no_failure(finisher: Finisher, job: Job, state: JobState) -> None:
    """The job becomes what was asked for, and no death is counted."""
    moved = finisher.finish(ended(job, an_end(AttemptResult.CANCELLED)), cancelled_as=state)
    assert (moved.state, moved.deaths) == (state, 0)


def test_a_build_that_was_overtaken_says_so(finisher: Finisher, job: Job) -> None:
    """The worker knows only that it was killed; who reads the jobs wants to know why."""
    moved = finisher.finish(
        ended(job, an_end(AttemptResult.CANCELLED)), cancelled_as=JobState.SUPERSEDED
    )
    assert moved.failure == CHANGED_MEANWHILE


def test_a_lost_zygote_is_no_death_of_the_job(finisher: Finisher, job: Job) -> None:
    """The model did nothing wrong when the process above its child ended."""
    end = an_end(AttemptResult.WORKER_LOST, is_retryable=True)
    assert finisher.finish(ended(job, end), cancelled_as=None).deaths == 0


def test_a_model_that_keeps_losing_its_zygote_is_dead(finisher: Finisher, job: Job) -> None:
    """It may have killed the process above its child each time."""
    lost = an_end(AttemptResult.WORKER_LOST, is_retryable=True)
    again = replace(job, attempts=MAX_LOSSES)
    assert finisher.finish(ended(again, lost), cancelled_as=None).state is JobState.DEAD


def test_a_lost_cluster_makes_no_job_dead(finisher: Finisher, job: Job) -> None:
    """However often it goes away: nothing is known of the model."""
    lost = an_end(AttemptResult.ENGINE_LOST, code="engine_lost", is_retryable=True)
    again = replace(job, attempts=10 * MAX_LOSSES)
    moved = finisher.finish(ended(again, lost), cancelled_as=None)
    assert (moved.state, moved.deaths) == (JobState.QUEUED, 0)


def test_two_deaths_before_make_the_next_the_last(
    finisher: Finisher, job: Job, world: World
) -> None:
    """Deaths are counted in the job, so that they outlive a restart."""
    dying = replace(job, deaths=2)
    moved = finisher.finish(ended(dying, an_end(AttemptResult.CRASH)), cancelled_as=None)
    assert moved.state is JobState.DEAD
    assert world.hooks.told == [JobState.DEAD]


def test_an_end_without_a_reason_is_recorded_as_internal(finisher: Finisher, job: Job) -> None:
    """A failed job always has a failure."""
    moved = finisher.finish(AttemptEnded(job=job, policy=Policy()), cancelled_as=None)
    assert isinstance(moved.failure, Failure)
    assert moved.failure.code == "internal"


def test_metrics_tell_a_retry_from_an_end(finisher: Finisher, job: Job, world: World) -> None:
    """A job that goes back has not finished; its attempt has."""
    recorder: ListRecorder = world.recorder
    hooks: ListHooks = world.hooks
    finisher.finish(ended(job, an_end(AttemptResult.CRASH)), cancelled_as=None)
    assert recorder.told == [("attempt_finished", True)]
    assert hooks.told == []
