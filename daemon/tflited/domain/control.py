"""The engine as its doors see it: what the HTTP API and the CLI may ask of a running daemon."""

from collections.abc import Sequence
from typing import Protocol

from tflited.domain.attempt_record import AttemptRecord
from tflited.domain.board import Board, ModelList, ModelQuery, ModelView
from tflited.domain.events import EventFeed
from tflited.domain.job import Job, JobState, TriggerSource
from tflited.domain.model import ModelId
from tflited.domain.status import Explanation, HealthCheck, PlanEntry, Status
from tflited.domain.trigger import TriggerReceipt


class Control(Protocol):
    """Every method may be called from any thread; none waits for a conversion.

    All of them raise ``CannotStartError`` once the daemon is draining and cannot answer any more.
    """

    def submit(self, document: bytes, source: TriggerSource) -> TriggerReceipt:
        """Validates a trigger document and makes its job durable before it returns.

        A refused document gives a receipt with ``is_accepted`` false and the reason.

        Raises:
            OverCapacityError: the queue is full; the document was neither accepted nor refused.
        """
        ...

    def status(self) -> Status:
        """The daemon now."""
        ...

    def why(self, path: str) -> Explanation:
        """What a path is and why something is or is not done about it."""
        ...

    def plan(self) -> Sequence[PlanEntry]:
        """What would be built, and why."""
        ...

    def board(self) -> Board:
        """The daemon now in figures; does not wait for the engine."""
        ...

    def models(self, query: ModelQuery) -> ModelList:
        """A part of the models; does not wait for the engine."""
        ...

    def model(self, name: str, save_to: str | None = None) -> ModelView | None:
        """One model by ``ROOT/PATH``, present or past; None where nothing is known of it."""
        ...

    def jobs(
        self,
        *,
        states: Sequence[JobState] = (),
        model: ModelId | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> Sequence[Job]:
        """Jobs, newest first; those with a lower id than ``before``, where that is given."""
        ...

    def job(self, job_id: int) -> Job | None:
        """One job; None where there is none of that id."""
        ...

    def attempts(self, job_id: int) -> Sequence[AttemptRecord]:
        """The records of a job's attempts that are still kept, the first one first."""
        ...

    def retry(self, job_id: int) -> Job:
        """Queues a failed or dead job again.

        Raises:
            UsageError: there is no such job, or its state allows no retry.
        """
        ...

    def discard(self, job_id: int) -> Job:
        """Puts a failed or dead job away, so that it is listed as cancelled.

        Raises:
            UsageError: there is no such job, or it neither failed nor died.
        """
        ...

    def cancel(self, job_id: int) -> Job:
        """Ends a queued or running job.

        Raises:
            UsageError: there is no such job, or it has ended.
        """
        ...

    def rebuild_stale(self) -> int:
        """Queues every stale model; returns how many."""
        ...

    def confirm(self, root: str) -> int:
        """Lets the removals that wait in a root go, and takes one that came back empty as it is.

        Returns:
            How many sets waited.

        Raises:
            UsageError: there is no such root.
        """
        ...

    def reload(self) -> None:
        """Reads the configuration again.

        Raises:
            ConfigurationError: the new one is wrong; the old one stays in force.
        """
        ...

    def events(self) -> EventFeed:
        """What happens to jobs, as it happens."""
        ...

    def is_alive(self) -> bool:
        """Whether the engine's loop advanced within the watchdog limit."""
        ...

    def readiness(self) -> Sequence[HealthCheck]:
        """What must hold for the daemon to accept work, each with its state."""
        ...
