"""The engine's doors: implements ``Control`` for any thread by calls into the engine's own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from tflited.domain.attempt_record import AttemptRecord
from tflited.domain.board import Board, ModelList, ModelQuery, ModelView
from tflited.domain.events import EventFeed
from tflited.domain.job import ACTIVE, Job, JobState, TriggerSource, may_become
from tflited.domain.model import ModelId
from tflited.domain.ports import AttemptRecords
from tflited.domain.status import Explanation, HealthCheck, PlanEntry, Status
from tflited.domain.trigger import TriggerReceipt
from tflited.engine.board import Viewer
from tflited.engine.engine import Engine
from tflited.engine.explain import Explainer, status_of
from tflited.engine.messages import Wake
from tflited.errors import CannotStartError, StoreCorruptError, UsageError

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineControl:
    """What the HTTP API, the spool and the CLI may ask of a running engine.

    Attributes:
        engine: answers.
        explainer: answers questions.
        version: of the program.
        started_at: of the daemon.
        alive_seconds: the engine is alive when its loop advanced within this.
        reload_settings: reads the configuration again and applies it, on the caller's thread.
        doors: the states of doors that the engine does not know of itself.
        feed: what happens to jobs.
        records: what is kept of their attempts.
        free_bytes: what is stored there to what tells its room; NaN where unknown.
    """

    engine: Engine
    explainer: Explainer
    version: str
    started_at: datetime
    alive_seconds: float
    reload_settings: Callable[[], None]
    feed: EventFeed
    records: AttemptRecords
    doors: Callable[[], Sequence[HealthCheck]] = tuple
    free_bytes: Mapping[str, Callable[[], float]] = field(default_factory=dict)

    def submit(self, document: bytes, source: TriggerSource) -> TriggerReceipt:
        """Validates a trigger and makes its job durable before it returns."""
        receipt = self._ask(lambda: self._submit(document, source))
        self.engine.post(Wake())
        return receipt

    def status(self) -> Status:
        """The daemon now."""
        return self._ask(
            lambda: status_of(
                self.engine,
                version=self.version,
                started_at=self.started_at,
                checks=tuple(self.readiness()),
            )
        )

    def why(self, path: str) -> Explanation:
        """What a path is, and why something is or is not done about it."""
        return self._ask(lambda: self.explainer.why(path))

    def plan(self) -> Sequence[PlanEntry]:
        """What would be built, and why."""
        return self._ask(self.explainer.plan)

    def board(self) -> Board:
        """The daemon now in figures."""
        with self._reading():
            return self._viewer().board(self.readiness())

    def models(self, query: ModelQuery) -> ModelList:
        """A part of the models."""
        return self._viewer().models(query)

    def model(self, name: str, save_to: str | None = None) -> ModelView | None:
        """One model by ``ROOT/PATH``; None where nothing is known of it."""
        with self._reading():
            return self._viewer().model(name, save_to)

    def jobs(
        self,
        *,
        states: Sequence[JobState] = (),
        model: ModelId | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> Sequence[Job]:
        """Jobs, newest first."""
        with self._reading():
            store = self.engine.parts.store
            return store.jobs(states=states, model=model, before=before, limit=limit)

    def job(self, job_id: int) -> Job | None:
        """One job."""
        with self._reading():
            return self.engine.parts.store.job(job_id)

    def attempts(self, job_id: int) -> Sequence[AttemptRecord]:
        """The records of a job's attempts."""
        return self.records.of_job(job_id)

    def retry(self, job_id: int) -> Job:
        """Queues a failed or dead job again."""
        return self._ask(lambda: self._retry(job_id))

    def discard(self, job_id: int) -> Job:
        """Puts a failed or dead job away."""
        return self._ask(lambda: self._discard(job_id))

    def cancel(self, job_id: int) -> Job:
        """Ends a queued or running job."""
        return self._ask(lambda: self._cancel(job_id))

    def rebuild_stale(self) -> int:
        """Queues every stale model; returns how many."""
        return self._ask(self.engine.rebuild_stale)

    def confirm(self, root: str) -> int:
        """Lets the removals that wait in a root go; returns how many sets waited."""
        return self._ask(lambda: self._confirm(root))

    def reload(self) -> None:
        """Reads the configuration again."""
        self.reload_settings()

    def events(self) -> EventFeed:
        """What happens to jobs, as it happens."""
        return self.feed

    def is_alive(self) -> bool:
        """Whether the engine's loop advanced lately."""
        age = self.engine.parts.clock.monotonic() - self.engine.last_tick
        return age <= self.alive_seconds

    def readiness(self) -> Sequence[HealthCheck]:
        """What must hold for the daemon to accept work."""
        roots = self.engine.models.roots.values()
        missing = [state.root.name for state in list(roots) if not state.has_answered]
        output = self.engine.parts.publisher.check_writable()
        return (
            HealthCheck(
                name="scan", is_ok=not missing, reason=f"first scan of {', '.join(missing)}"
            )
            if missing
            else HealthCheck(name="scan", is_ok=True),
            HealthCheck(name="output", is_ok=not output, reason=output),
            HealthCheck(
                name="accepting",
                is_ok=not self.engine.is_draining,
                reason="draining" if self.engine.is_draining else "",
            ),
            *self.doors(),
        )

    def _viewer(self) -> Viewer:
        return Viewer(
            engine=self.engine,
            feed=self.feed,
            version=self.version,
            started_at=self.started_at,
            free_bytes=self.free_bytes,
        )

    def _ask(self, action: Callable[[], _Answer]) -> _Answer:
        if self.engine.is_draining and not self.is_alive():
            raise CannotStartError("The daemon is stopping and answers no more.")
        try:
            return self.engine.call(action)
        except TimeoutError as error:
            raise CannotStartError(
                "The engine did not answer within 30 s.", hint="look into its log"
            ) from error

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Whoever finds the store damaged ends the daemon; the next start repairs it."""
        try:
            yield
        except StoreCorruptError as error:
            self.engine.fatal = error
            self.engine.post(Wake())
            raise

    def _submit(self, document: bytes, source: TriggerSource) -> TriggerReceipt:
        parts = self.engine.parts
        now = parts.clock.now()
        receipt = parts.intake.receive(document, source, now)
        job = None if receipt.job_id is None else parts.store.job(receipt.job_id)
        if job is not None and not receipt.is_duplicate:
            self.engine.queued(job)
        return receipt

    def _retry(self, job_id: int) -> Job:
        job = self._known(job_id)
        if not may_become(job.state, JobState.QUEUED) or job.state in ACTIVE:
            raise UsageError(
                f"Job {job_id} is {job.state}; only failed and dead jobs are tried again.",
                hint="tflited trigger PATH --force builds a model anew",
            )
        again = self.engine.parts.store.retry(job_id, self.engine.parts.clock.now())
        self.engine.queued(again)
        return again

    def _discard(self, job_id: int) -> Job:
        job = self._known(job_id)
        if job.state not in {JobState.FAILED, JobState.DEAD}:
            raise UsageError(
                f"Job {job_id} is {job.state}; only failed and dead jobs are discarded.",
                hint="tflited cancel ends an active one",
            )
        put_away = self.engine.parts.store.discard(job_id)
        self.engine.queued(put_away)
        return put_away

    def _cancel(self, job_id: int) -> Job:
        job = self._known(job_id)
        if job.state not in ACTIVE:
            raise UsageError(f"Job {job_id} is {job.state}; only active jobs can be cancelled.")
        self.engine.cancel(job, JobState.CANCELLED)
        return self._known(job_id)

    def _confirm(self, root: str) -> int:
        roots = self.engine.models.roots
        if root not in roots:
            raise UsageError(f"There is no root {root}.", hint=f"the roots are {', '.join(roots)}")
        return self.engine.parts.removals.confirm(root)

    def _known(self, job_id: int) -> Job:
        job = self.engine.parts.store.job(job_id)
        if job is None:
            raise UsageError(f"There is no job {job_id}.", hint="tflited jobs lists them")
        return job
