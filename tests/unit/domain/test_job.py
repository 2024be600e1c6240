"""The one table of a job's transitions."""

import itertools

import pytest

from tflited.domain.job import ACTIVE, TRANSITIONS, JobState, may_become

FINAL_FOR_GOOD = {
    JobState.PUBLISHED,
    JobState.UNCHANGED,
    JobState.SUPERSEDED,
    JobState.CANCELLED,
}


def test_every_state_has_its_row() -> None:
    """No state is forgotten, none leads to an unknown one."""
    assert set(TRANSITIONS) == set(JobState)


@pytest.mark.parametrize(
    ("before", "after"), [*itertools.product(sorted(FINAL_FOR_GOOD), JobState)]
)
def test_what_is_over_stays_over(before: JobState, after: JobState) -> None:
    """A finished job is never run again; a new one is made."""
    assert not may_become(before, after)


@pytest.mark.parametrize("before", [JobState.FAILED, JobState.DEAD])
def test_only_retry_and_discard_lead_out_of_failure(before: JobState) -> None:
    """A failed or dead job can be queued or put away, and nothing else."""
    assert TRANSITIONS[before] == {JobState.QUEUED, JobState.CANCELLED}


def test_work_begins_only_in_the_queue() -> None:
    """Nothing runs that was not queued."""
    assert [state for state in JobState if may_become(state, JobState.RUNNING)] == [JobState.QUEUED]


def test_only_what_runs_can_be_published_or_die() -> None:
    """A job without an attempt has no result; it may fail where its model is refused."""
    for after in (JobState.PUBLISHED, JobState.DEAD):
        assert [state for state in JobState if may_become(state, after)] == [JobState.RUNNING]


@pytest.mark.parametrize("before", sorted(ACTIVE))
@pytest.mark.parametrize("after", [JobState.SUPERSEDED, JobState.CANCELLED])
def test_what_has_work_before_it_can_be_called_off(before: JobState, after: JobState) -> None:
    """Newer input and a word of the operator end a job in the queue and under way."""
    assert may_become(before, after)


@pytest.mark.parametrize("state", JobState)
def test_no_state_follows_itself(state: JobState) -> None:
    """A transition is a change."""
    assert not may_become(state, state)


@pytest.mark.parametrize("state", JobState)
def test_every_job_can_end(state: JobState) -> None:
    """From everywhere some path leads to a published set or a final word."""
    reached, pending = set[JobState](), [state]
    while pending:
        reached.add(here := pending.pop())
        pending += TRANSITIONS[here] - reached
    assert reached & FINAL_FOR_GOOD
