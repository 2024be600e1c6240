"""The job queue in SQLite: every change of a job's state is one durable transaction."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

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
from tflited.domain.ports import Clock, StoreCounts
from tflited.domain.trigger import TriggerReceipt
from tflited.errors import StoreError
from tflited.store.database import Database, Value
from tflited.store.rests import Rests
from tflited.store.rows import (
    binding_columns,
    build_columns,
    build_of,
    columns_of,
    failure_columns,
    instant,
    job_of,
    moment_of,
)

FARTHEST_START: Final = timedelta(days=1)
"""Delays are minutes; a start time farther off was written by a clock that was wrong."""
_LAST: Final = 2**63 - 1
"""The highest id that SQLite's INTEGER holds."""


def _nobody(_: Job) -> None:
    """Follows no job."""


class SqliteStore:
    """Implements ``JobStore`` over one file.

    Args:
        path: the file, made when missing; its directory exists.
        clock: by which jumps of the wall clock are noticed, so that no delay changes its length;
            without one the times that callers give are taken as they are.
        told: told every job that a committed transaction changed.

    Raises:
        StoreCorruptError: it is damaged.
        StoreError: it cannot be opened, or is of a newer release.
        StoragePausedError: its file system is full or read-only.
    """

    def __init__(
        self, path: Path, clock: Clock | None = None, told: Callable[[Job], None] = _nobody
    ) -> None:
        self._database = Database(path)
        self._rests = Rests(self._database, clock)
        self._told = told

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        self._database.close()

    def accept(self, job: NewJob, now: datetime) -> Job:
        """Adds a queued job, durable when it returns; supersedes queued jobs of the same model.

        A trigger id seen before returns the job from then and adds nothing.
        """
        with self._database.transaction():
            if (known := self._known(job)) is not None:
                return known
            replaced = self._database.rows(
                "supersede_queued",
                root=job.model.root,
                path=job.model.path,
                save_to=job.save_to,
                now=instant(now),
                **failure_columns(REPLACED),
            )
            new = self._insert(job, JobState.QUEUED, now)
        for row in replaced:
            self._told(job_of(row))
        return self._tell(new)

    def finish_unchanged(self, job: NewJob, now: datetime) -> Job:
        """Records a trigger that asked for what is published already."""
        with self._database.transaction():
            if (known := self._known(job)) is not None:
                return known
            new = self._insert(job, JobState.UNCHANGED, now)
        return self._tell(new)

    def claim(self, now: datetime) -> Job | None:
        """Takes the next job that may run, raising its attempts by one; None without one.

        A job that waits for something is passed over.
        """
        with self._database.transaction():
            self._rests.follow_clock()
            row = self._database.row(
                "claim", now=instant(now), horizon=instant(now + FARTHEST_START)
            )
        return None if row is None else self._tell(job_of(row))

    def wait(self, job_id: int, reason: str) -> Job:
        """Lets a queued or just claimed job wait until it is bound; the claim was no attempt.

        Raises:
            StoreError: the job is not there or has ended.
        """
        with self._database.transaction():
            job = self._moved("wait", job_id, JobState.QUEUED, reason=reason)
        return self._tell(job)

    def bind(self, job_id: int, binding: Binding) -> Job:
        """Gives a queued or running job its keys and ends its wait.

        Raises:
            StoreError: the job is not there or has ended.
        """
        with self._database.transaction():
            job = self._moved("bind", job_id, JobState.QUEUED, **binding_columns(binding))
        return self._tell(job)

    def waiting(self) -> Sequence[Job]:
        """Every job that waits for something, oldest first."""
        return [job_of(row) for row in self._database.rows("waiting")]

    def finish(
        self,
        job_id: int,
        state: JobState,
        now: datetime,
        failure: Failure | None = None,
        manifest: Manifest | None = None,
    ) -> Job:
        """Ends a running or queued job in a final state.

        A manifest given with PUBLISHED becomes the record of a build in the same transaction.

        Raises:
            StoreError: the job is not there, or may not go to that state from its own.
        """
        before = [known for known in ACTIVE if state not in ACTIVE and may_become(known, state)]
        with self._database.transaction():
            job = self._moved(
                "finish",
                job_id,
                state,
                state=state.value,
                now=instant(now),
                before=json.dumps(before),
                **failure_columns(failure),
            )
            if state is JobState.PUBLISHED and manifest is not None:
                columns = build_columns(manifest)
                self._database.rows("insert_build", job_id=job_id, now=instant(now), **columns)
        return self._tell(job)

    def requeue(
        self, job_id: int, failure: Failure, not_before: datetime, *, has_died: bool
    ) -> Job:
        """Puts a running job back, to be claimed no sooner than ``not_before``.

        Raises:
            StoreError: the job is not there or does not run.
        """
        with self._database.transaction():
            self._rests.follow_clock()
            job = self._moved(
                "requeue",
                job_id,
                JobState.QUEUED,
                not_before=instant(not_before),
                died=int(has_died),
                **failure_columns(failure),
            )
        return self._tell(job)

    def retry(self, job_id: int, now: datetime) -> Job:
        """Queues a failed or dead job again with its counters at zero.

        Raises:
            StoreError: the job is not there, or neither failed nor dead.
        """
        with self._database.transaction():
            job = self._moved("retry", job_id, JobState.QUEUED, now=instant(now))
        return self._tell(job)

    def discard(self, job_id: int) -> Job:
        """Puts a failed or dead job away as cancelled; its failure stays readable.

        Raises:
            StoreError: the job is not there, or neither failed nor dead.
        """
        with self._database.transaction():
            job = self._moved("discard", job_id, JobState.CANCELLED)
        return self._tell(job)

    def recover(self) -> Sequence[Job]:
        """At start: puts jobs that were running back into the queue and returns them.

        Their counters stay: the daemon's own end is not held against a job. What queued jobs wait
        for is forgotten, so that it is looked at anew. No delay exceeds the longest there is.
        """
        with self._database.transaction():
            self._rests.cap()
            self._database.rows("forget_waits")
            rows = self._database.rows("recover")
        return sorted((job_of(row) for row in rows), key=lambda job: job.id)

    def job(self, job_id: int) -> Job | None:
        """One job by its id."""
        row = self._database.row("job", id=job_id)
        return None if row is None else job_of(row)

    def job_of_trigger(self, trigger_id: str) -> Job | None:
        """The job that answers for a trigger id."""
        row = self._database.row("job_of_trigger", trigger_id=trigger_id)
        return None if row is None else job_of(row)

    def jobs(
        self,
        *,
        states: Sequence[JobState] = (),
        model: ModelId | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> Sequence[Job]:
        """Jobs, newest first; those with a lower id than ``before``, where that is given."""
        bounds: dict[str, Value] = {"before": _LAST if before is None else before, "limit": limit}
        if model is not None:
            wanted = json.dumps(list(states)) if states else None
            place = {"root": model.root, "path": model.path}
            rows = self._database.rows("jobs_of_model", states=wanted, **place, **bounds)
            return [job_of(row) for row in rows]
        if not states:
            return [job_of(row) for row in self._database.rows("jobs", **bounds)]
        # State by state: each is a walk along an index, however long the history is.
        each = (
            self._database.rows("jobs_in_state", state=state.value, **bounds)
            for state in dict.fromkeys(states)
        )
        found = sorted((row for rows in each for row in rows), key=lambda row: -int(row["id"]))
        return [job_of(row) for row in found[:limit]]

    def latest(self, model: ModelId) -> Job | None:
        """The newest job of a model that was neither superseded nor cancelled."""
        row = self._database.row("latest", root=model.root, path=model.path)
        return None if row is None else job_of(row)

    def record_receipt(self, receipt: TriggerReceipt, source: TriggerSource) -> None:
        """Keeps what became of a trigger; what was accepted once stays accepted."""
        with self._database.transaction():
            self._database.rows(
                "record_receipt",
                id=receipt.id,
                source=source.value,
                received_at=instant(receipt.at),
                is_accepted=int(receipt.is_accepted),
                reason=receipt.reason,
                job_id=receipt.job_id,
            )

    def builds(self, model: ModelId, *, limit: int = 50) -> Sequence[Build]:
        """Publications of a model, newest first."""
        rows = self._database.rows("builds", root=model.root, path=model.path, limit=limit)
        return [build_of(row) for row in rows]

    def active(self) -> int:
        """How many jobs are queued or running; cheap however long the history is."""
        row = self._database.row("active")
        return 0 if row is None else int(row["jobs"])

    def counts(self) -> StoreCounts:
        """How many jobs there are, by state; every state is there."""
        rows = {JobState(row["state"]): row for row in self._database.rows("counts")}
        queued = rows.get(JobState.QUEUED)
        return StoreCounts(
            by_state={state: rows[state]["jobs"] if state in rows else 0 for state in JobState},
            oldest_queued_at=None if queued is None else moment_of(queued["oldest"]),
        )

    def _tell(self, job: Job) -> Job:
        self._told(job)
        return job

    def _known(self, job: NewJob) -> Job | None:
        """The job that a trigger id stands for already."""
        return None if job.trigger_id is None else self.job_of_trigger(job.trigger_id)

    def _insert(self, job: NewJob, state: JobState, now: datetime) -> Job:
        """A new row; a job that is over already is finished as it begins."""
        moment = instant(now)
        finished_at = None if state in ACTIVE else moment
        columns = columns_of(job)
        row = self._database.row(
            "insert_job", state=state.value, now=moment, finished_at=finished_at, **columns
        )
        if row is None:  # pragma: no cover - INSERT ... RETURNING gives a row or an error
            raise StoreError(f"The store took the job of {job.model} without numbering it.")
        return job_of(row)

    def _moved(self, query: str, job_id: int, after: JobState, **parameters: Value) -> Job:
        """Runs a statement that moves one job and refuses when it moved none."""
        row = self._database.row(query, id=job_id, **parameters)
        if row is not None:
            return job_of(row)
        job = self.job(job_id)
        observed = "there is no such job" if job is None else f"it is {job.state}"
        raise StoreError(f"Job {job_id} cannot become {after}: {observed}.")
