"""Gives claimed jobs to slots: named threads, each running one attempt at a time."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import assert_never

from tflited.domain.job import Job
from tflited.domain.ports import Clock, Executor
from tflited.domain.report import Stage
from tflited.domain.status import RunningAttempt, SlotState
from tflited.engine.attempt import AttemptRunner, Work
from tflited.engine.messages import AttemptEnded


@dataclass(slots=True)
class _Running:
    work: Work
    started: float
    cancel: Event = field(default_factory=Event)
    stage: Stage = Stage.STAGE
    detail: str = ""


class Slots:
    """The slots of one daemon.

    Args:
        count: how many attempts run at once.
        runner: runs one.
        clock: time.
        ended: told from the slot's thread when one is over.
        stage_began: told from the slot's thread when a stage begins.
    """

    def __init__(
        self,
        count: int,
        runner: AttemptRunner,
        clock: Clock,
        ended: Callable[[AttemptEnded], None],
        stage_began: Callable[[Job, Stage, str], None],
    ) -> None:
        self.count = count
        self._runner = runner
        self._clock = clock
        self._ended = ended
        self._stage_began = stage_began
        self._queue: SimpleQueue[_Running | None] = SimpleQueue()
        self._running: dict[int, _Running] = {}
        self._lock = Lock()
        self._threads = [Thread(target=self._work, name=f"slot-{n}") for n in range(count)]

    def start(self) -> None:
        """Starts the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self, deadline_seconds: float) -> None:
        """Ends the threads once their attempts are over, waiting at most so long for each."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(deadline_seconds)

    @property
    def free(self) -> int:
        """How many more attempts could start."""
        with self._lock:
            return self.count - len(self._running)

    def begin(self, work: Work) -> None:
        """Starts an attempt in a free slot."""
        running = _Running(work, self._clock.monotonic())
        with self._lock:
            self._running[work.job.id] = running
        self._queue.put(running)

    def cancel(self, job_id: int) -> bool:
        """Kills the attempt of a job; false when it has none."""
        with self._lock:
            running = self._running.get(job_id)
        if running is None:
            return False
        running.cancel.set()
        return True

    def cancel_all(self) -> None:
        """Kills every attempt."""
        with self._lock:
            for running in self._running.values():
                running.cancel.set()

    def running(self) -> tuple[RunningAttempt, ...]:
        """The attempts under way."""
        now = self._clock.monotonic()
        with self._lock:
            return tuple(
                RunningAttempt(
                    job_id=entry.work.job.id,
                    model=entry.work.job.model,
                    attempt=entry.work.job.attempts,
                    stage=entry.stage,
                    detail=entry.detail,
                    seconds=now - entry.started,
                )
                for entry in self._running.values()
            )

    def _work(self) -> None:
        while (running := self._queue.get()) is not None:
            ended = self._runner.run(
                running.work, _Progress(running, self._stage_began), running.cancel
            )
            with self._lock:
                del self._running[running.work.job.id]
            self._ended(replace(ended, seconds=self._clock.monotonic() - running.started))


def slots_in(slots: Slots, executor: Executor, state: SlotState) -> int:
    """How many slots are in a state."""
    match state:
        case SlotState.BUSY:
            return slots.count - slots.free
        case SlotState.IDLE:
            return slots.free if executor.is_ready else 0
        case SlotState.STARTING:
            return 0 if executor.is_ready else slots.free
        case _:
            assert_never(state)


@dataclass(frozen=True, slots=True)
class _Progress:
    """Notes the stage of one attempt."""

    running: _Running
    told: Callable[[Job, Stage, str], None]

    def __call__(self, stage: Stage, detail: str) -> None:
        self.running.stage, self.running.detail = stage, detail
        self.told(self.running.work.job, stage, detail)
