"""The list of jobs, and the page of one."""

from dataclasses import replace

from fakes.control import NOW, make_job
from tflited.domain.job import UNBOUND, Failure, JobState
from tflited.domain.report import Stage
from tflited.pages.jobs_page import list_page, page
from tflited.pages.progress import Step

FAILURE = Failure(code="proof", message="It is <wrong>.", hint="train it")


def test_the_list_goes_on() -> None:
    """Older ones follow behind the last that is shown, in the same state."""
    jobs = [make_job(9), make_job(7)]
    text = list_page(jobs, JobState.FAILED, {JobState.FAILED: 12}, is_more=True)
    assert "/jobs?state=failed&amp;before=7" in text
    assert "failed <b>12</b>" in text
    assert "Older" not in list_page(jobs, None, {}, is_more=False)


def test_an_empty_list_says_so() -> None:
    """And leads to the others."""
    text = list_page([], JobState.DEAD, {JobState.PUBLISHED: 3}, is_more=False)
    assert "There is no such job." in text
    assert "published <b>3</b>" in text


def test_a_failed_job_says_why_and_what_to_do() -> None:
    """First of all, and the code for those who search for it."""
    text = page(replace(make_job(3), failure=FAILURE), (), {}, NOW)
    assert "Why it failed" in text
    assert "It is &lt;wrong&gt;." in text
    assert "train it" in text
    assert "proof" in text


def test_a_job_that_is_tried_again_says_when() -> None:
    """With the reason of the attempt before."""
    job = replace(make_job(3, JobState.QUEUED), failure=FAILURE, not_before=NOW)
    text = page(job, (), {}, NOW)
    assert "Why the last attempt failed" in text
    assert "Tried again at" in text


def test_a_job_under_way_shows_its_stages() -> None:
    """Those that are over with their time, and the present one."""
    steps = (
        Step(stage=Stage.LOAD, detail="", since=NOW, until=NOW),
        Step(stage=Stage.LOWER, detail="float32", since=NOW, until=None),
    )
    text = page(make_job(3, JobState.RUNNING), steps, {}, NOW)
    assert "lower float32" in text
    assert "0.0 s" in text


def test_attempts_that_ended_lead_to_what_their_children_wrote() -> None:
    """Not the one under way; a job without any leads nowhere."""
    job = replace(make_job(3, JobState.RUNNING), attempts=2, policy_name="mobile")
    text = page(job, (), {}, NOW)
    assert 'href="/api/v1/jobs/3/attempts/1/log"' in text
    assert "/attempts/2/log" not in text
    assert "mobile" in text
    assert "/attempts/" not in page(make_job(3, JobState.QUEUED), (), {}, NOW)


def test_a_published_job_has_the_times_of_its_manifest() -> None:
    """Once the events are forgotten; without either the page says so."""
    job = make_job(3, JobState.PUBLISHED)
    assert "12 s" in page(job, (), {"load": 12.0}, NOW)
    assert "no longer held" in page(job, (), {}, NOW)


def test_what_is_not_known_yet_is_said() -> None:
    """A job that waits for its model has no keys."""
    job = replace(
        make_job(3, JobState.QUEUED), build_key=UNBOUND, model_digest=UNBOUND, waits_for="the model"
    )
    text = page(job, (), {}, NOW)
    assert text.count("not known yet") == 2
    assert "In the queue: the model." in text
