"""What happens to jobs, as it happens: one event, and the feed that doors follow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from tflited.domain.job import Job, JobState
from tflited.domain.model import ModelId
from tflited.domain.report import Stage


class EventKind(StrEnum):
    """What an event tells."""

    STATE = "state"
    """The job's state, or what it waits for, as of now."""
    STAGE = "stage"
    """A stage of its attempt began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent:
    """One thing that happened to one job.

    Attributes:
        id: grows with every event of one run of the daemon.
        kind: what is told.
        at: when, aware UTC.
        job_id: of which job.
        model: of which model.
        state: the job's.
        attempt: how many attempts were started.
        stage: that began; None where the event is about the state.
        detail: the stage's, such as the variant.
        reason: what it waits for, or why it failed.
    """

    id: int
    kind: EventKind
    at: datetime
    job_id: int
    model: ModelId
    state: JobState
    attempt: int
    stage: Stage | None = None
    detail: str = ""
    reason: str = ""


class EventFeed(Protocol):
    """The newest events, for any thread; never waits."""

    def newest(self) -> int:
        """The id of the newest event; 0 before the first."""
        ...

    def since(self, after: int, *, job_id: int | None = None) -> Sequence[JobEvent]:
        """The events after an id that are still held, oldest first; of one job where named."""
        ...

    def snapshot(self, job: Job) -> JobEvent:
        """A job's present state as an event, under the newest id."""
        ...

    def looks(self) -> int:
        """Grows whenever a model entered another phase, or its reason changed, or it left."""
        ...

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Calls ``wake`` after every event and look, from the thread that told it.

        It must return at once.

        Returns:
            Ends it.
        """
        ...
