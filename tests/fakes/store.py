"""The job store in memory: implements ``JobStore`` for tests of what stands above it."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tflited.domain.job import (
    ACTIVE,
    REPLACED,
    Binding,
    Failure,
    Job,
    JobState,
    NewJob,
    TriggerSource,
    may_become,
)
from tflited.domain.manifest import Build, Manifest
from tflited.domain.model import ModelId
from tflited.domain.ports import StoreCounts
from tflited.domain.trigger import TriggerReceipt
from tflited.errors import StoreError

_OVER = frozenset({JobState.SUPERSEDED, JobState.CANCELLED})
_HORIZON = timedelta(days=1)


class MemoryStore:
    """Holds jobs in a dict; ``receipts`` shows what was recorded of triggers."""

    def __init__(self) -> None:
        self._jobs: dict[int, Job] = {}
        self._queued_at: dict[int, datetime] = {}
        self._builds: list[Build] = []
        self._lock = threading.RLock()
        self.receipts: dict[str, tuple[TriggerReceipt, TriggerSource]] = {}

    def close(self) -> None:
        """Does nothing."""

    def accept(self, job: NewJob, now: datetime) -> Job:
        """Adds a queued job and supersedes queued jobs of the same model and place."""
        with self._lock:
            if (known := self._known(job)) is not None:
                return known
            for other in self._in_state(JobState.QUEUED):
                if (other.model, other.save_to) == (job.model, job.save_to):
                    self._put(
                        replace(
                            other,
                            state=JobState.SUPERSEDED,
                            finished_at=now,
                            failure=REPLACED,
                            waits_for="",
                        )
                    )
            return self._insert(job, JobState.QUEUED, now)

    def finish_unchanged(self, job: NewJob, now: datetime) -> Job:
        """Adds a job that is over."""
        with self._lock:
            known = self._known(job)
            return known if known is not None else self._insert(job, JobState.UNCHANGED, now)

    def claim(self, now: datetime) -> Job | None:
        """Takes the next job that may run."""
        with self._lock:
            busy = {job.model for job in self._in_state(JobState.RUNNING)}
            waiting = [
                job
                for job in self._in_state(JobState.QUEUED)
                if job.model not in busy
                and not job.waits_for
                and (job.not_before is None or not now < job.not_before <= now + _HORIZON)
            ]
            if not waiting:
                return None
            job = min(waiting, key=lambda candidate: (-candidate.priority, candidate.id))
            return self._put(
                replace(
                    job,
                    state=JobState.RUNNING,
                    attempts=job.attempts + 1,
                    started_at=now,
                    not_before=None,
                )
            )

    def wait(self, job_id: int, reason: str) -> Job:
        """Lets an active job wait; a claim is taken back."""
        with self._lock:
            job = self._get(job_id, JobState.QUEUED, ACTIVE.__contains__)
            if job.state is JobState.RUNNING:
                job = replace(job, attempts=job.attempts - 1, started_at=None)
            return self._put(replace(job, state=JobState.QUEUED, waits_for=reason))

    def bind(self, job_id: int, binding: Binding) -> Job:
        """Gives an active job its keys."""
        with self._lock:
            job = self._get(job_id, JobState.QUEUED, ACTIVE.__contains__)
            fields = {name: getattr(binding, name) for name in Binding.__dataclass_fields__}
            return self._put(replace(job, **fields, waits_for=""))

    def waiting(self) -> Sequence[Job]:
        """Every job that waits, oldest first."""
        with self._lock:
            return [job for job in self._jobs.values() if job.waits_for]

    def finish(
        self,
        job_id: int,
        state: JobState,
        now: datetime,
        failure: Failure | None = None,
        manifest: Manifest | None = None,
    ) -> Job:
        """Ends a job that is queued or runs."""
        with self._lock:
            job = self._get(
                job_id, state, lambda before: before in ACTIVE and may_become(before, state)
            )
            if state in ACTIVE:
                raise StoreError(f"Job {job_id} cannot become {state}: it is no end.")
            if state is JobState.PUBLISHED and manifest is not None:
                self._builds.append(_build_of(len(self._builds) + 1, job_id, manifest, now))
            return self._put(
                replace(job, state=state, finished_at=now, failure=failure, waits_for="")
            )

    def requeue(
        self, job_id: int, failure: Failure, not_before: datetime, *, has_died: bool
    ) -> Job:
        """Puts a running job back."""
        with self._lock:
            job = self._get(job_id, JobState.QUEUED, lambda before: before is JobState.RUNNING)
            return self._put(
                replace(
                    job,
                    state=JobState.QUEUED,
                    failure=failure,
                    not_before=not_before,
                    deaths=job.deaths + has_died,
                )
            )

    def retry(self, job_id: int, now: datetime) -> Job:
        """Queues a failed or dead job again."""
        with self._lock:
            job = self._get(
                job_id,
                JobState.QUEUED,
                lambda before: before in {JobState.FAILED, JobState.DEAD},
            )
            self._queued_at[job_id] = now
            return self._put(
                replace(
                    job,
                    state=JobState.QUEUED,
                    attempts=0,
                    deaths=0,
                    not_before=None,
                    started_at=None,
                    finished_at=None,
                    failure=None,
                )
            )

    def discard(self, job_id: int) -> Job:
        """Puts a failed or dead job away."""
        ended = {JobState.FAILED, JobState.DEAD}
        with self._lock:
            job = self._get(job_id, JobState.CANCELLED, lambda before: before in ended)
            return self._put(replace(job, state=JobState.CANCELLED))

    def recover(self) -> Sequence[Job]:
        """Puts every running job back."""
        with self._lock:
            for job in self.waiting():
                self._put(replace(job, waits_for=""))
            running = self._in_state(JobState.RUNNING)
            return [self._put(replace(job, state=JobState.QUEUED)) for job in running]

    def job(self, job_id: int) -> Job | None:
        """One job by its id."""
        return self._jobs.get(job_id)

    def job_of_trigger(self, trigger_id: str) -> Job | None:
        """The job that carries the id, else the one that a receipt names."""
        with self._lock:
            carriers = (job for job in self._jobs.values() if job.trigger_id == trigger_id)
            if (carrier := next(carriers, None)) is not None:
                return carrier
            receipt, _ = self.receipts.get(trigger_id, (None, None))
            if receipt is None or receipt.job_id is None or not receipt.is_accepted:
                return None
            return self._jobs[receipt.job_id]

    def jobs(
        self,
        *,
        states: Sequence[JobState] = (),
        model: ModelId | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> Sequence[Job]:
        """Jobs, newest first; those with a lower id than ``before``, where that is given."""
        with self._lock:
            found = [
                job
                for job in self._jobs.values()
                if (not states or job.state in states)
                and model in {None, job.model}
                and (before is None or job.id < before)
            ]
        return sorted(found, key=lambda job: -job.id)[:limit]

    def latest(self, model: ModelId) -> Job | None:
        """The newest job of a model that was neither superseded nor cancelled."""
        states = [state for state in JobState if state not in _OVER]
        return next(iter(self.jobs(states=states, model=model, limit=1)), None)

    def record_receipt(self, receipt: TriggerReceipt, source: TriggerSource) -> None:
        """Keeps the first accepted receipt of an id, else the last refused one."""
        with self._lock:
            if receipt.job_id is not None and receipt.job_id not in self._jobs:
                raise StoreError(f"Trigger {receipt.id} names job {receipt.job_id}: not there.")
            known = self.receipts.get(receipt.id)
            if known is None or not known[0].is_accepted:
                self.receipts[receipt.id] = (receipt, source)

    def builds(self, model: ModelId, *, limit: int = 50) -> Sequence[Build]:
        """Publications of a model, newest first."""
        return [build for build in reversed(self._builds) if build.model == model][:limit]

    def active(self) -> int:
        """How many jobs are queued or running."""
        with self._lock:
            return sum(len(self._in_state(state)) for state in ACTIVE)

    def counts(self) -> StoreCounts:
        """How many jobs there are, by state."""
        with self._lock:
            queued = [
                self._queued_at[job.id]
                for job in self._in_state(JobState.QUEUED)
                if not job.waits_for
            ]
            return StoreCounts(
                by_state={state: len(self._in_state(state)) for state in JobState},
                oldest_queued_at=min(queued, default=None),
            )

    def _known(self, job: NewJob) -> Job | None:
        return None if job.trigger_id is None else self.job_of_trigger(job.trigger_id)

    def _in_state(self, state: JobState) -> list[Job]:
        return [job for job in self._jobs.values() if job.state is state]

    def _insert(self, job: NewJob, state: JobState, now: datetime) -> Job:
        fields = {name: getattr(job, name) for name in NewJob.__dataclass_fields__}
        number = len(self._jobs) + 1
        self._queued_at[number] = now
        finished_at = None if state in ACTIVE else now
        return self._put(
            Job(**fields, id=number, state=state, created_at=now, finished_at=finished_at)
        )

    def _get(self, job_id: int, after: JobState, allows: Callable[[JobState], bool]) -> Job:
        job = self._jobs.get(job_id)
        if job is None or not allows(job.state):
            observed = "there is no such job" if job is None else f"it is {job.state}"
            raise StoreError(f"Job {job_id} cannot become {after}: {observed}.")
        return job

    def _put(self, job: Job) -> Job:
        self._jobs[job.id] = job
        return job


def _build_of(number: int, job_id: int, manifest: Manifest, now: datetime) -> Build:
    return Build(
        id=number,
        job_id=job_id,
        model=manifest.model,
        build_key=manifest.build_key,
        input_key=manifest.input_key,
        published_at=now,
        toolchain=manifest.toolchain,
        variants=manifest.variants,
    )
