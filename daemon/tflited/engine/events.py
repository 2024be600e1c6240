"""Keeps the newest events of jobs in memory: bounded, for any thread, written by the engine's."""

from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Final

from tflited.domain.events import EventKind, JobEvent
from tflited.domain.job import Job
from tflited.domain.ports import Clock
from tflited.domain.report import Stage

CAPACITY: Final = 4096
"""Events held; a follower that lags farther behind misses some and still learns the end."""


class EventLog:
    """Implements ``EventFeed``.

    Args:
        clock: time.
        capacity: how many events are held.
    """

    def __init__(self, clock: Clock, capacity: int = CAPACITY) -> None:
        self._clock = clock
        self._events: deque[JobEvent] = deque(maxlen=capacity)
        self._listeners: list[Callable[[], None]] = []
        self._newest = 0
        self._looks = 0
        self._lock = Lock()

    def state_changed(self, job: Job) -> None:
        """Tells a job's state after a change."""
        self._add(job, EventKind.STATE, reason=_reason(job))

    def stage_began(self, job: Job, stage: Stage, detail: str) -> None:
        """Tells that a stage of a job's attempt began."""
        self._add(job, EventKind.STAGE, stage=stage, detail=detail)

    def model_changed(self) -> None:
        """Tells that a model stands elsewhere; where, is in the engine's memory."""
        with self._lock:
            self._looks += 1
            listeners = tuple(self._listeners)
        for wake in listeners:
            wake()

    def looks(self) -> int:
        """Grows whenever a model entered another phase, or its reason changed, or it left."""
        return self._looks

    def newest(self) -> int:
        """The id of the newest event; 0 before the first."""
        return self._newest

    def since(self, after: int, *, job_id: int | None = None) -> Sequence[JobEvent]:
        """The events after an id that are still held, oldest first; of one job where named."""
        with self._lock:
            return [
                event
                for event in self._events
                if event.id > after and job_id in (None, event.job_id)
            ]

    def snapshot(self, job: Job) -> JobEvent:
        """A job's present state as an event, under the newest id."""
        return self._event(job, EventKind.STATE, self._newest, reason=_reason(job))

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Calls ``wake`` after every event and look until the returned function is called."""
        with self._lock:
            self._listeners.append(wake)

        def end() -> None:
            with self._lock:
                self._listeners.remove(wake)

        return end

    def _add(
        self,
        job: Job,
        kind: EventKind,
        *,
        stage: Stage | None = None,
        detail: str = "",
        reason: str = "",
    ) -> None:
        with self._lock:
            self._newest += 1
            self._events.append(
                self._event(job, kind, self._newest, stage=stage, detail=detail, reason=reason)
            )
            listeners = tuple(self._listeners)
        for wake in listeners:
            wake()

    def _event(
        self,
        job: Job,
        kind: EventKind,
        number: int,
        *,
        stage: Stage | None = None,
        detail: str = "",
        reason: str = "",
    ) -> JobEvent:
        return JobEvent(
            id=number,
            kind=kind,
            at=self._clock.now(),
            job_id=job.id,
            model=job.model,
            state=job.state,
            attempt=job.attempts,
            stage=stage,
            detail=detail,
            reason=reason,
        )


def _reason(job: Job) -> str:
    if job.waits_for:
        return job.waits_for
    return job.failure.message if job.failure is not None else ""
