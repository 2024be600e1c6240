"""What every job store must do: the same cases over the SQLite store and the double in memory."""

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fakes.samples import (
    FAILURE,
    MODEL,
    NOON,
    a_job,
    a_manifest,
    a_new_job,
    after,
)
from fakes.store import MemoryStore
from tflited.domain.build_key import combine
from tflited.domain.job import (
    ACTIVE,
    REPLACED,
    UNBOUND,
    Binding,
    Job,
    JobState,
    TriggerSource,
    may_become,
)
from tflited.domain.model import ModelId, ModelKind
from tflited.domain.ports import JobStore
from tflited.domain.sandbox import SandboxDemand
from tflited.domain.trigger import TriggerReceipt
from tflited.errors import StoreError
from tflited.store.queue import SqliteStore


@pytest.fixture(params=["sqlite", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[JobStore]:
    if request.param == "memory":
        yield MemoryStore()
        return
    with SqliteStore(tmp_path / "jobs.sqlite") as real:
        yield real


def claimed(store: JobStore, **changes: Any) -> Job:
    """A job that runs."""
    store.accept(a_new_job(**changes), NOON)
    job = store.claim(NOON)
    assert job is not None
    return job


def receipt(trigger_id: str, job_id: int | None, reason: str = "") -> TriggerReceipt:
    return TriggerReceipt(
        id=trigger_id, is_accepted=job_id is not None, job_id=job_id, reason=reason, at=NOON
    )


def test_accept_keeps_every_fact_of_the_job(store: JobStore) -> None:
    """What was accepted is what is read back, numbered and queued."""
    new = a_new_job(
        trigger=TriggerSource.API,
        trigger_id="t-1",
        priority=9,
        is_forced=True,
        save_to="elsewhere/here",
        policy_json='{"variants": ["int8"]}',
    )
    job = store.accept(new, NOON)
    assert store.job(job.id) == job
    assert {name: getattr(job, name) for name in type(new).__dataclass_fields__} == {
        name: getattr(new, name) for name in type(new).__dataclass_fields__
    }
    assert (job.state, job.created_at, job.attempts) == (JobState.QUEUED, NOON, 0)


@pytest.mark.parametrize("text", ["b\udce9b\u00e9", "\ud800", 'json:"x"', "a\nb", "", "日本"])
def test_every_name_comes_back_as_it_was(store: JobStore, text: str) -> None:
    """File names that are no UTF-8 and hostile trigger texts neither fail nor change."""
    job = store.accept(a_new_job(text, trigger_id=text, save_to=text), NOON)
    assert store.job(job.id) == job
    assert (job.model.path, job.save_to) == (text, text)
    assert store.job_of_trigger(text) == job
    assert store.latest(ModelId(root=MODEL.root, path=text)) == job


def test_accept_supersedes_what_was_queued_for_the_model(store: JobStore) -> None:
    """A newer state of a model takes the older one's place in the queue."""
    old = store.accept(a_new_job(), NOON)
    new = store.accept(a_new_job(), after(1))
    superseded = store.job(old.id)
    assert superseded is not None
    assert (superseded.state, superseded.finished_at) == (JobState.SUPERSEDED, after(1))
    assert superseded.failure == REPLACED
    assert [job.id for job in store.jobs(states=[JobState.QUEUED])] == [new.id]


@pytest.mark.parametrize("changes", [{"path": "other"}, {"save_to": "elsewhere"}])
def test_accept_leaves_other_queued_jobs_alone(store: JobStore, changes: dict[str, str]) -> None:
    """Another model, or another place for the same model, is another piece of work."""
    store.accept(a_new_job(), NOON)
    store.accept(a_new_job(**changes), NOON)
    assert store.counts().by_state[JobState.QUEUED] == 2


def test_accept_leaves_a_running_job_alone(store: JobStore) -> None:
    """Whether a running attempt is ended is the engine's decision."""
    job = claimed(store)
    store.accept(a_new_job(), NOON)
    assert store.job(job.id) == job


@pytest.mark.parametrize("way", ["accept", "finish_unchanged"])
def test_a_trigger_id_seen_before_is_the_same_job(store: JobStore, way: str) -> None:
    """A repeated trigger adds nothing, even when its model is queued anew since."""
    first = store.accept(a_new_job(trigger_id="t-1"), NOON)
    newer = store.accept(a_new_job(), NOON)
    again = getattr(store, way)(a_new_job("other", trigger_id="t-1"), after(9))
    assert again.id == first.id
    assert [job.id for job in store.jobs()] == [newer.id, first.id]


def test_a_receipt_makes_its_job_answer_for_the_trigger(store: JobStore) -> None:
    """A trigger may be answered by a job that another door brought."""
    job = store.accept(a_new_job(), NOON)
    store.record_receipt(receipt("t-2", job.id), TriggerSource.API)
    assert store.job_of_trigger("t-2") == job
    assert store.accept(a_new_job("other", trigger_id="t-2"), NOON) == job


def test_a_refused_trigger_may_come_again(store: JobStore) -> None:
    """A refusal does not use up the id."""
    store.record_receipt(receipt("t-3", None, "unknown policy"), TriggerSource.SPOOL)
    assert store.job_of_trigger("t-3") is None
    job = store.accept(a_new_job(), NOON)
    store.record_receipt(receipt("t-3", job.id), TriggerSource.SPOOL)
    assert store.job_of_trigger("t-3") == job


def test_what_was_accepted_stays_accepted(store: JobStore) -> None:
    """A later refusal under the same id does not disown the job."""
    job = store.accept(a_new_job(), NOON)
    store.record_receipt(receipt("t-4", job.id), TriggerSource.API)
    store.record_receipt(receipt("t-4", None, "malformed"), TriggerSource.API)
    assert store.job_of_trigger("t-4") == job


def test_a_receipt_cannot_name_a_job_that_is_not_there(store: JobStore) -> None:
    """Receipts and jobs hold together."""
    with pytest.raises(StoreError):
        store.record_receipt(receipt("t-5", 99), TriggerSource.API)


def test_finish_unchanged_records_a_job_that_is_over(store: JobStore) -> None:
    """A trigger for what is published is answered without touching the queue."""
    queued = store.accept(a_new_job(), NOON)
    job = store.finish_unchanged(a_new_job(), after(1))
    assert (job.state, job.finished_at) == (JobState.UNCHANGED, after(1))
    assert store.job(queued.id) == queued


def test_claim_takes_higher_priority_first_then_the_older(store: JobStore) -> None:
    """Priority 9 is first, and equals are served in order."""
    for path, priority in (("a", 5), ("b", 9), ("c", 5), ("d", 0)):
        store.accept(a_new_job(path, priority=priority), NOON)
    order = [store.claim(NOON) for _ in range(4)]
    assert [job.model.path for job in order if job] == ["b", "a", "c", "d"]
    assert store.claim(NOON) is None


def test_claim_starts_an_attempt(store: JobStore) -> None:
    """A claimed job runs, and its attempt is counted before it begins."""
    store.accept(a_new_job(), NOON)
    job = store.claim(after(5))
    assert job is not None
    assert (job.state, job.attempts, job.started_at) == (JobState.RUNNING, 1, after(5))
    assert store.job(job.id) == job


def test_claim_never_runs_two_jobs_of_one_model(store: JobStore) -> None:
    """Two builds of one model would race for its place; other models go on."""
    running = claimed(store)
    store.accept(a_new_job(), NOON)
    assert store.claim(NOON) is None
    other = store.accept(a_new_job("other", priority=0), NOON)
    claim = store.claim(NOON)
    assert claim is not None
    assert claim.id == other.id
    store.finish(running.id, JobState.PUBLISHED, NOON)
    assert store.claim(NOON) is not None


def test_claim_waits_until_not_before(store: JobStore) -> None:
    """A delayed job does not start early, and starts on time."""
    job = claimed(store)
    store.requeue(job.id, FAILURE, after(2), has_died=False)
    assert store.claim(after(1.999)) is None
    again = store.claim(after(2))
    assert again is not None
    assert (again.id, again.attempts, again.not_before) == (job.id, 2, None)


def test_a_clock_set_back_delays_no_job_for_long(store: JobStore) -> None:
    """A start time years ahead is a wrong clock's, not a delay."""
    job = claimed(store)
    store.requeue(job.id, FAILURE, after(10 * 365 * 86400), has_died=False)
    assert store.claim(NOON) is not None


def test_requeue_keeps_the_failure_and_counts_deaths(store: JobStore) -> None:
    """The reason of the last attempt stays visible while the job waits."""
    job = claimed(store)
    waiting = store.requeue(job.id, FAILURE, after(2), has_died=True)
    assert waiting.failure == FAILURE
    assert (waiting.state, waiting.deaths, waiting.not_before) == (JobState.QUEUED, 1, after(2))
    again = store.claim(after(2))
    assert again is not None
    assert store.requeue(job.id, FAILURE, after(4), has_died=False).deaths == 1


def test_retry_starts_over(store: JobStore) -> None:
    """A retried job is as new, under its old number, and waits from now on."""
    job = claimed(store)
    store.requeue(job.id, FAILURE, after(1), has_died=True)
    store.claim(after(1))
    store.finish(job.id, JobState.DEAD, after(2), FAILURE)
    again = store.retry(job.id, after(3))
    assert again == replace(job, state=JobState.QUEUED, attempts=0, started_at=None)
    assert store.counts().oldest_queued_at == after(3)


def test_recover_requeues_what_was_running(store: JobStore) -> None:
    """After a crash nothing runs, nothing is lost, and counters stay."""
    first, second = claimed(store, path="a"), claimed(store, path="b")
    store.accept(a_new_job("c"), NOON)
    assert [job.id for job in store.recover()] == [first.id, second.id]
    assert store.counts().by_state[JobState.QUEUED] == 3
    recovered = store.job(first.id)
    assert recovered is not None
    assert (recovered.attempts, recovered.deaths) == (1, 0)
    assert store.recover() == []


def test_finish_replaces_the_failure_of_earlier_attempts(store: JobStore) -> None:
    """A published job carries no failure."""
    job = claimed(store)
    store.requeue(job.id, FAILURE, NOON, has_died=False)
    store.claim(NOON)
    done = store.finish(job.id, JobState.PUBLISHED, after(3))
    assert (done.state, done.failure, done.finished_at) == (JobState.PUBLISHED, None, after(3))


def bring(store: JobStore, state: JobState) -> Job:
    """A job in a given state, reached by legal steps."""
    if state is JobState.UNCHANGED:
        return store.finish_unchanged(a_new_job(), NOON)
    job = store.accept(a_new_job(), NOON)
    if state is JobState.QUEUED:
        return job
    store.claim(NOON)
    if state is not JobState.RUNNING:
        store.finish(job.id, state, NOON, FAILURE if state is JobState.FAILED else None)
    found = store.job(job.id)
    assert found is not None
    return found


@pytest.mark.parametrize(("before", "after_"), [*itertools.product(JobState, JobState)])
def test_finish_follows_the_transition_table(
    store: JobStore, before: JobState, after_: JobState
) -> None:
    """Every pair of states: what the table allows happens, what it forbids changes nothing."""
    job = bring(store, before)
    if before in ACTIVE and after_ not in ACTIVE and may_become(before, after_):
        assert store.finish(job.id, after_, NOON).state is after_
        return
    with pytest.raises(StoreError, match=f"Job {job.id} cannot become {after_}"):
        store.finish(job.id, after_, NOON)
    assert store.job(job.id) == job


@pytest.mark.parametrize("before", [state for state in JobState if state is not JobState.RUNNING])
def test_requeue_wants_a_running_job(store: JobStore, before: JobState) -> None:
    """Only what runs can be put back."""
    job = bring(store, before)
    with pytest.raises(StoreError, match=before):
        store.requeue(job.id, FAILURE, NOON, has_died=False)
    assert store.job(job.id) == job


@pytest.mark.parametrize("before", sorted(set(JobState) - {JobState.FAILED, JobState.DEAD}))
def test_retry_wants_a_failed_or_dead_job(store: JobStore, before: JobState) -> None:
    """Only what ended badly can be tried again."""
    job = bring(store, before)
    with pytest.raises(StoreError, match=before):
        store.retry(job.id, NOON)
    assert store.job(job.id) == job


@pytest.mark.parametrize(
    "change",
    [
        lambda store: store.finish(7, JobState.FAILED, NOON),
        lambda store: store.requeue(7, FAILURE, NOON, has_died=False),
        lambda store: store.retry(7, NOON),
    ],
)
def test_a_job_that_is_not_there_cannot_change(
    store: JobStore, change: Callable[[JobStore], Job]
) -> None:
    """The message says so instead of pretending."""
    with pytest.raises(StoreError, match="no such job"):
        change(store)
    assert store.job(7) is None


def test_jobs_are_listed_in_parts(store: JobStore) -> None:
    """Before an id, by state and by model too: so a long list is read page by page."""
    for path in ("a", "b", "a", "c"):
        store.accept(a_new_job(path), NOON)
    model = ModelId(root=MODEL.root, path="a")
    assert [job.id for job in store.jobs(before=3)] == [2, 1]
    assert [job.id for job in store.jobs(before=3, model=model)] == [1]
    assert [job.id for job in store.jobs(before=4, states=[JobState.QUEUED])] == [3, 2]
    both = [JobState.SUPERSEDED, JobState.QUEUED]
    assert [job.id for job in store.jobs(before=4, states=both, limit=2)] == [3, 2]


def test_jobs_are_listed_newest_first(store: JobStore) -> None:
    """Filters by state and by model, and the limit, hold together."""
    for path in ("a", "b", "a", "c"):
        store.accept(a_new_job(path), NOON)
    model = ModelId(root=MODEL.root, path="a")
    assert [job.id for job in store.jobs()] == [4, 3, 2, 1]
    assert [job.id for job in store.jobs(limit=2)] == [4, 3]
    assert [job.id for job in store.jobs(model=model)] == [3, 1]
    assert [job.id for job in store.jobs(model=model, states=[JobState.SUPERSEDED])] == [1]
    assert [job.id for job in store.jobs(states=[JobState.SUPERSEDED, JobState.QUEUED])] == [
        4,
        3,
        2,
        1,
    ]


def test_latest_passes_over_superseded_and_cancelled(store: JobStore) -> None:
    """The newest job that answers for a model is neither replaced nor called off."""
    first = claimed(store)
    store.finish(first.id, JobState.PUBLISHED, NOON)
    second = store.accept(a_new_job(), NOON)
    store.finish(second.id, JobState.CANCELLED, NOON)
    latest = store.latest(MODEL)
    assert latest is not None
    assert latest.id == first.id
    assert store.latest(ModelId(root="models", path="never seen")) is None


def test_a_publication_with_a_manifest_is_a_build(store: JobStore) -> None:
    """The history of a model outlives its sets."""
    for minute in (1, 2):
        job = claimed(store)
        store.finish(job.id, JobState.PUBLISHED, after(60 * minute), manifest=a_manifest(job))
    newest, oldest = store.builds(MODEL)
    assert (newest.published_at, oldest.published_at) == (after(120), after(60))
    manifest = a_manifest(a_job(newest.job_id))
    assert newest.variants == manifest.variants
    assert newest.toolchain == manifest.toolchain
    assert (newest.build_key, newest.input_key) == (manifest.build_key, manifest.input_key)
    assert [build.id for build in store.builds(MODEL, limit=1)] == [newest.id]


def test_no_build_is_recorded_of_a_failure(store: JobStore) -> None:
    """A job that did not publish leaves no build behind."""
    job = claimed(store)
    store.finish(job.id, JobState.FAILED, NOON, FAILURE, manifest=a_manifest(job))
    assert store.builds(MODEL) == []


def test_counts_name_every_state(store: JobStore) -> None:
    """A gauge needs its zeros, and the age of the queue its oldest entry."""
    assert set(store.counts().by_state) == set(JobState)
    assert store.counts().oldest_queued_at is None
    store.accept(a_new_job("a"), after(5))
    store.accept(a_new_job("b"), after(7))
    counts = store.counts()
    assert counts.by_state[JobState.QUEUED] == 2
    assert counts.oldest_queued_at == after(5)


def test_many_threads_share_the_store(store: JobStore) -> None:
    """Claims from several threads never take a job twice while others read."""
    for number in range(40):
        store.accept(a_new_job(f"m{number}"), NOON)
    taken: list[int] = []

    def take() -> None:
        while (job := store.claim(NOON)) is not None:
            taken.append(job.id)
            store.counts()
            store.jobs(limit=5)

    threads = [threading.Thread(target=take, name=f"claim-{number}") for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(taken) == list(range(1, 41))


BINDING = Binding(
    sandbox=SandboxDemand.OFF,
    kind=ModelKind.KERAS,
    build_key=combine("build", "new"),
    input_key=combine("input", "new"),
    model_digest=combine("model", "new"),
    policy_json='{"target": "gpu"}',
    folder_key=combine("folder"),
)


def test_a_job_that_waits_is_not_claimed(store: JobStore) -> None:
    """It holds back nobody else, and its wait is no queue's age."""
    waiting = store.accept(a_new_job(build_key=UNBOUND, waits_for="its model", priority=9), NOON)
    other = store.accept(a_new_job("other"), after(1))
    assert store.waiting() == [waiting]
    assert store.counts().oldest_queued_at == after(1)
    claim = store.claim(after(2))
    assert claim is not None
    assert claim.id == other.id
    assert store.claim(after(2)) is None


@pytest.mark.parametrize("is_claimed", [True, False])
def test_waiting_uses_up_no_attempt(store: JobStore, is_claimed: bool) -> None:
    """A claim that found its model unsettled is taken back; the last failure stays visible."""
    job = claimed(store)
    store.requeue(job.id, FAILURE, NOON, has_died=True)
    if is_claimed:
        store.claim(after(1))
    waiting = store.wait(job.id, "its model settles")
    assert (waiting.state, waiting.waits_for) == (JobState.QUEUED, "its model settles")
    assert (waiting.attempts, waiting.deaths, waiting.failure) == (1, 1, FAILURE)
    assert store.wait(job.id, "its data settle").waits_for == "its data settle"
    assert store.job(job.id) == replace(waiting, waits_for="its data settle")


@pytest.mark.parametrize("is_claimed", [True, False])
def test_a_bound_job_has_its_keys_and_waits_no_more(store: JobStore, is_claimed: bool) -> None:
    """What was not known when it was accepted is filled in; nothing else changes."""
    job = store.accept(a_new_job(build_key=UNBOUND, folder_key=UNBOUND, waits_for="x"), NOON)
    if is_claimed:
        store.recover()
        claim = store.claim(NOON)
        assert claim is not None
        job = claim
    bound = store.bind(job.id, BINDING)
    fields = {name: getattr(BINDING, name) for name in Binding.__dataclass_fields__}
    assert bound == replace(job, **fields, waits_for="")
    assert store.job(job.id) == bound
    assert store.waiting() == []


def test_a_newer_job_ends_the_wait_of_the_older(store: JobStore) -> None:
    """A job that is over waits for nothing, however it ended."""
    store.accept(a_new_job(waits_for="x"), NOON)
    second = store.accept(a_new_job(waits_for="x"), NOON)
    assert [job.id for job in store.waiting()] == [second.id]
    store.finish(second.id, JobState.FAILED, NOON, FAILURE)
    assert store.waiting() == []


def test_a_start_looks_at_every_wait_anew(store: JobStore) -> None:
    """What was waited for may have come, or gone for good, while nobody looked."""
    job = store.accept(a_new_job(waits_for="x"), NOON)
    assert store.recover() == []
    assert store.waiting() == []
    claim = store.claim(NOON)
    assert claim is not None
    assert claim.id == job.id


@pytest.mark.parametrize("before", sorted(set(JobState) - ACTIVE))
def test_only_an_active_job_waits_or_is_bound(store: JobStore, before: JobState) -> None:
    """What is over is not changed."""
    job = bring(store, before)
    with pytest.raises(StoreError, match=before):
        store.wait(job.id, "x")
    with pytest.raises(StoreError, match=before):
        store.bind(job.id, BINDING)
    assert store.job(job.id) == job


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.DEAD])
def test_a_discarded_job_is_listed_as_cancelled(store: JobStore, state: JobState) -> None:
    """It left the list of the dead, keeps its failure and its end, and is not queued again."""
    job = store.accept(a_new_job(), NOON)
    store.claim(after(1))
    ended = store.finish(job.id, state, after(5), FAILURE)
    put_away = store.discard(job.id)
    assert put_away == replace(ended, state=JobState.CANCELLED)
    assert store.jobs(states=[state]) == []
    with pytest.raises(StoreError):
        store.retry(job.id, after(6))


def test_a_live_job_is_not_discarded(store: JobStore) -> None:
    """Ending one is another wish, with another command."""
    job = store.accept(a_new_job(), NOON)
    with pytest.raises(StoreError, match="queued"):
        store.discard(job.id)


def test_active_counts_what_has_work_before_it(store: JobStore) -> None:
    """Queued, waiting and running ones; ended ones are history."""
    assert store.active() == 0
    job = claimed(store)
    assert store.active() == 1
    store.finish(job.id, JobState.CANCELLED, NOON)
    assert store.active() == 0
