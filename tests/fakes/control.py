"""A double of the engine's Control: answers from plain lists and remembers what was asked."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from tflited.clock import SystemClock
from tflited.domain.attempt_record import AttemptRecord
from tflited.domain.board import Board, ModelList, ModelQuery, ModelView
from tflited.domain.events import EventFeed
from tflited.domain.job import ACTIVE, Job, JobState, TriggerSource
from tflited.domain.model import Digest, ModelId, ModelKind
from tflited.domain.ports import StoreCounts
from tflited.domain.report import Stage
from tflited.domain.status import (
    Action,
    Explanation,
    HealthCheck,
    ModelStatus,
    Phase,
    PlanEntry,
    RootStatus,
    RunningAttempt,
    Status,
)
from tflited.domain.trigger import TriggerReceipt
from tflited.engine.events import EventLog
from tflited.errors import TflitedError, UsageError

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MODEL = ModelId(root="zoo", path="vision/net.keras")
KEY = Digest("sha256:" + "0" * 64)


def make_job(job_id: int, state: JobState = JobState.FAILED) -> Job:
    """A job of the double's one model."""
    return Job(
        id=job_id,
        state=state,
        model=MODEL,
        kind=ModelKind.KERAS,
        build_key=KEY,
        input_key=KEY,
        model_digest=KEY,
        policy_json="{}",
        trigger=TriggerSource.WATCH,
        created_at=NOW,
    )


class FakeControl:
    """Implements Control.

    Attributes:
        submitted: every document with its source.
        known: jobs by id.
        checks: what ``readiness`` gives.
        alive: what ``is_alive`` gives.
        refusal: why ``submit`` refuses; empty to accept.
        waits_for: what an accepted job waits for.
        error: raised by every method that answers or changes something, when set.
        reloads: how often ``reload`` was called.
        feed: where a test tells events.
        records: of attempts.
        asked: how often an answer was asked for, given or not.
    """

    def __init__(self) -> None:
        self.submitted: list[tuple[bytes, TriggerSource]] = []
        self.known = {1: make_job(1), 2: make_job(2, JobState.QUEUED)}
        self.checks = [HealthCheck(name="output", is_ok=True)]
        self.alive = True
        self.refusal = ""
        self.waits_for = ""
        self.error: TflitedError | RuntimeError | None = None
        self.reloads = 0
        self.asked = 0
        self.feed = EventLog(SystemClock())
        self.records: list[AttemptRecord] = []

    def submit(self, document: bytes, source: TriggerSource) -> TriggerReceipt:
        """Remembers the document; accepts it unless a refusal is set."""
        self._check()
        self.submitted.append((document, source))
        job_id = None if self.refusal else 1
        return TriggerReceipt(
            id="t1",
            is_accepted=not self.refusal,
            job_id=job_id,
            reason=self.refusal,
            waits_for=self.waits_for,
            at=NOW,
        )

    def status(self) -> Status:
        """A daemon with one root, one model and one attempt."""
        self._check()
        model = ModelStatus(
            model=MODEL, kind=ModelKind.KERAS, phase=Phase.BUILDING, reason="job 2", since=NOW
        )
        running = RunningAttempt(
            job_id=2, model=MODEL, attempt=1, stage=Stage.LOWER, detail="int8", seconds=1.5
        )
        root = RootStatus(
            name="zoo",
            path="/srv/zoo",
            is_available=True,
            models={Phase.BUILDING: 1},
            polled={"far": "nfs4"},
        )
        return Status(
            version="1.2.3",
            started_at=NOW,
            is_ready=all(check.is_ok for check in self.checks),
            is_draining=False,
            slots=2,
            roots=(root,),
            models=(model,),
            running=(running,),
            counts=StoreCounts(by_state={JobState.QUEUED: 1}, oldest_queued_at=NOW),
            checks=tuple(self.checks),
        )

    def why(self, path: str) -> Explanation:
        """Says that nothing is there, with the newest job."""
        self._check()
        return Explanation(path=path, subject="not there", summary="Gone.", job=self.known[1])

    def plan(self) -> Sequence[PlanEntry]:
        """Builds the one model."""
        self._check()
        return [PlanEntry(model=MODEL, action=Action.BUILD, reason="new")]

    def board(self) -> Board:
        """The figures of ``status``."""
        status = self.status()
        return Board(
            version=status.version,
            started_at=status.started_at,
            is_ready=status.is_ready,
            is_draining=status.is_draining,
            slots=status.slots,
            roots=status.roots,
            running=status.running,
            counts=status.counts,
            checks=status.checks,
            free_bytes={"Output": 2.0**30, "State": 2.0**31},
        )

    def models(self, query: ModelQuery) -> ModelList:
        """The one model, where its phase is asked for."""
        found = [
            model
            for model in self.status().models
            if not query.phases or model.phase in query.phases
        ]
        return ModelList(models=tuple(found), total=len(found), phases={Phase.BUILDING: 1})

    def model(self, name: str, save_to: str | None = None) -> ModelView | None:
        """The one model, without a set."""
        if name != str(MODEL):
            return None
        (status,) = self.status().models
        return ModelView(
            model=MODEL, save_to=save_to, status=status, job=self.known[1], builds=(), records=None
        )

    def jobs(
        self,
        *,
        states: Sequence[JobState] = (),
        model: ModelId | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> Sequence[Job]:
        """The known jobs, newest first."""
        self._check()
        found = [
            job
            for job in self.known.values()
            if (not states or job.state in states)
            and model in {None, job.model}
            and (before is None or job.id < before)
        ]
        return sorted(found, key=lambda job: -job.id)[:limit]

    def job(self, job_id: int) -> Job | None:
        """One known job."""
        self._check()
        return self.known.get(job_id)

    def attempts(self, job_id: int) -> Sequence[AttemptRecord]:
        """The records that the test left."""
        return [record for record in self.records if record.job_id == job_id]

    def retry(self, job_id: int) -> Job:
        """Queues a failed job."""
        if self.known[job_id].state not in {JobState.FAILED, JobState.DEAD}:
            raise UsageError(f"job {job_id}: observed queued, allowed failed or dead")
        return self._set(job_id, JobState.QUEUED)

    def discard(self, job_id: int) -> Job:
        """Puts a failed job away."""
        if self.known[job_id].state not in {JobState.FAILED, JobState.DEAD}:
            raise UsageError(f"job {job_id}: observed queued, allowed failed or dead")
        return self._set(job_id, JobState.CANCELLED)

    def cancel(self, job_id: int) -> Job:
        """Cancels an active job."""
        if self.known[job_id].state not in ACTIVE:
            raise UsageError(f"job {job_id}: observed an ended job, allowed queued or running")
        return self._set(job_id, JobState.CANCELLED)

    def rebuild_stale(self) -> int:
        """Queues three."""
        self._check()
        return 3

    def confirm(self, root: str) -> int:
        """Two sets of the one root waited."""
        self._check()
        if root != MODEL.root:
            raise UsageError(f"There is no root {root}.", hint="the roots are zoo")
        return 2

    def reload(self) -> None:
        """Counts."""
        self._check()
        self.reloads += 1

    def events(self) -> EventFeed:
        """What the test tells."""
        return self.feed

    def is_alive(self) -> bool:
        """As set."""
        return self.alive

    def readiness(self) -> Sequence[HealthCheck]:
        """As set."""
        self._check()
        return self.checks

    def _check(self) -> None:
        self.asked += 1
        if self.error:
            raise self.error

    def _set(self, job_id: int, state: JobState) -> Job:
        self.known[job_id] = replace(self.known[job_id], state=state)
        return self.known[job_id]
