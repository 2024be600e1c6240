"""Follows one attempt on the cluster to its end, and names that end."""

from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Event
from typing import TYPE_CHECKING, Final

from tflited.domain.attempt import AttemptOutcome, AttemptResult
from tflited.domain.ports import Clock, Progress
from tflited.workers.cluster import ends
from tflited.workers.cluster.messages import Order, Told, decode_answer
from tflited.workers.cluster.session import Session
from tflited.workers.ends import CANCELLED
from tflited.workers.watch import POLL_SECONDS

if TYPE_CHECKING:
    from distributed.client import Future

GATHER_SECONDS: Final = 30.0
MOST_WAITING: Final = 256
"""Signs of life that may wait to be heard; more are dropped, so a worker costs no memory."""


@dataclass(slots=True, kw_only=True)
class Follow:
    """One attempt while the cluster has it.

    Attributes:
        session: the connection that it was sent over; it is lost with it.
        order: what was asked.
        progress: told about stages.
        cancel: asks for its end.
        clock: time.
        silence_seconds: without a sign of life for so long after it began, it is lost.
    """

    session: Session
    order: Order
    progress: Progress
    cancel: Event
    clock: Clock
    silence_seconds: float
    _inbox: SimpleQueue[Told | None] = field(default_factory=SimpleQueue)
    _worker: str = ""
    _run: str = ""
    _heard: float = 0.0
    _is_over: bool = False

    def outcome(self) -> AttemptOutcome:
        """Sends the attempt, blocks until its fate is known, and gives it up at the worker."""
        names = {member.address for member in self.session.accepted}
        future = self.session.submit(self.order, self._listen)
        try:
            future.add_done_callback(lambda _: self._inbox.put(None))
            lost = self._wait(names)
            return lost or self._answered(future)
        finally:
            self.session.release(self.order, future)

    def _listen(self, told: Told) -> None:
        if self._inbox.qsize() < MOST_WAITING:
            self._inbox.put(told)

    def _wait(self, addresses: set[str]) -> AttemptOutcome | None:
        """Waits for the task's end; gives the outcome where it is not waited for any more."""
        while not self._is_over:
            # Timely but cheap: a told stage wakes it at once.
            try:
                told = self._inbox.get(timeout=POLL_SECONDS)
            except Empty:
                lost = self._looked(addresses)
            else:
                lost = self._hear(told)
            if self.cancel.is_set():
                return AttemptOutcome(result=AttemptResult.CANCELLED, failure=CANCELLED)
            if lost is not None:
                return lost
        return None

    def _hear(self, told: Told | None) -> AttemptOutcome | None:
        if told is None:
            self._is_over = True
            return None
        if self._run and told.run != self._run:
            return ends.worker_lost(self._worker, f"{told.worker} began it a second time")
        self._run, self._worker, self._heard = told.run, told.worker, self.clock.monotonic()
        if told.stage is not None:
            self.progress(told.stage, told.detail)
        return None

    def _looked(self, addresses: set[str]) -> AttemptOutcome | None:
        """What nobody tells: the connection is gone, the worker is silent, or none is left."""
        if self.session.lost.is_set():
            return ends.engine_lost("the connection to the scheduler ended")
        if not self._run:
            if addresses.isdisjoint(member.address for member in self.session.accepted):
                return ends.engine_lost("no worker is left that could begin it")
            return None
        silent = self.clock.monotonic() - self._heard
        if silent > self.silence_seconds:
            return ends.worker_lost(self._worker, f"no sign of life for {silent:.0f} s")
        return None

    def _answered(self, future: "Future") -> AttemptOutcome:
        try:
            outcome = decode_answer(future.result(timeout=GATHER_SECONDS), self.order.token)
        except Exception as error:  # noqa: BLE001  # whatever Dask, or a task elsewhere, raised
            return self._failed(error)
        if outcome.result is AttemptResult.CANCELLED:  # by nobody here: the worker is ending
            return ends.worker_lost(self._worker, "it was stopped")
        return outcome

    def _failed(self, error: Exception) -> AttemptOutcome:
        from distributed import CancelledError
        from distributed.scheduler import KilledWorker

        match error:
            case KilledWorker():
                return ends.worker_lost(self._worker, "its process ended")
            case CancelledError():
                # Before the next look at it, nothing may be sent over a connection that is gone.
                if getattr(error, "reason", "") == "scheduler-connection-lost":
                    self.session.lost.set()
                return ends.engine_lost(str(error) or "the scheduler dropped it")
            case _:
                return ends.worker_lost(self._worker, f"{type(error).__name__}: {error}")
