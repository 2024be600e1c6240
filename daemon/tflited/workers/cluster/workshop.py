"""The worker's side of an attempt: fetches its files, runs it, delivers its set, answers."""

import contextlib
import secrets
import shutil
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Lock, Thread
from time import monotonic
from typing import Final

import structlog

from tflited.domain.attempt import AttemptLimits, AttemptOutcome, AttemptResult
from tflited.domain.ports import Executor
from tflited.domain.report import Stage
from tflited.durable import storage_errors
from tflited.errors import TflitedError, TransferError
from tflited.workers.cluster import ends
from tflited.workers.cluster.messages import Answer, Order, Told, decode_order
from tflited.workers.cluster.places import SET_NAME, moved
from tflited.workers.ends import CANCELLED
from tflited.workers.transfer.carrier import Carrier
from tflited.workers.transfer.offer import Offer
from tflited.workers.wire import FailureMessage

BEAT_SECONDS: Final = 4.0
"""Between two signs of life of each attempt."""
_GIVEN_UP: Final = 1000
"""Attempts that are remembered as given up before they began."""
Tell = Callable[[str, str], object]
"""Sends a text to a topic."""
_LOG = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution of an order."""

    order: Order
    cancel: Event
    tell: Callable[[Stage | None, str], None]
    place: Path


class Workshop:
    """Runs the attempts of one worker.

    Args:
        name: the worker's.
        executor: converts and proves.
        carrier: brings files and delivers sets.
        directory: gets one folder for each attempt.
        threads: processor threads of each child.
    """

    def __init__(
        self, *, name: str, executor: Executor, carrier: Carrier, directory: Path, threads: int
    ) -> None:
        self.worker_name = name
        self._executor = executor
        self._carrier = carrier
        self._directory = directory
        self._threads = threads
        self._lock = Lock()
        self._running: dict[str, Run] = {}
        self._given_up: OrderedDict[str, None] = OrderedDict()

    @property
    def running(self) -> int:
        """Attempts under way."""
        with self._lock:
            return len(self._running)

    def beat(self) -> None:
        """Gives a sign of life of every attempt."""
        with self._lock:
            runs = list(self._running.values())
        for run in runs:
            run.tell(None, "")

    def give_up(self) -> None:
        """Kills every attempt; each is answered as cancelled, or nobody listens any more."""
        with self._lock:
            for run in self._running.values():
                run.cancel.set()

    def drop(self, key: str) -> None:
        """Ends an attempt that nobody waits for any more, also one that has not begun.

        Args:
            key: of its order.
        """
        with self._lock:
            run = self._running.get(key)
            if run is not None:
                run.cancel.set()
                return
            self._given_up[key] = None
            while len(self._given_up) > _GIVEN_UP:
                self._given_up.popitem(last=False)

    def build(self, content: bytes, tell: Tell) -> bytes:
        """Runs one attempt from its order to its answer; blocks.

        Args:
            content: the order.
            tell: sends signs of life.

        Raises:
            WireError: it is no order.
        """
        order = decode_order(content)
        with self._registered(order, tell) as run:
            _LOG.info("attempt_began", attempt=order.request.attempt)
            began = monotonic()
            outcome = self._outcome(run)
            _LOG.info(
                "attempt_left",
                attempt=order.request.attempt,
                result=outcome.result.value,
                seconds=round(monotonic() - began, 3),
            )
        return _answer(order, outcome).encode()

    @contextlib.contextmanager
    def _registered(self, order: Order, tell: Tell) -> Iterator[Run]:
        number = secrets.token_hex(8)

        def told(stage: Stage | None, detail: str) -> None:
            message = Told(
                token=order.token, run=number, worker=self.worker_name, stage=stage, detail=detail
            )
            tell(order.topic, message.encode())

        place = self._directory / f"{order.request.attempt}-{number}"
        run = Run(order=order, cancel=Event(), tell=told, place=place)
        with self._lock:
            self._running[order.key] = run
            if order.key in self._given_up:
                run.cancel.set()
        try:
            yield run
        finally:
            with self._lock:
                del self._running[order.key]
            shutil.rmtree(place, ignore_errors=True)

    def _outcome(self, run: Run) -> AttemptOutcome:
        try:
            return self._carried(run)
        except TflitedError as error:
            if run.cancel.is_set():  # a transfer that is cut off
                return AttemptOutcome(result=AttemptResult.CANCELLED, failure=CANCELLED)
            return ends.failed(error)
        except OSError as error:
            hint = f"{self._directory} on the worker must be writable and have room"
            return ends.failed(
                TransferError(f"Scratch space of {self.worker_name}: {error}.", hint=hint)
            )

    def _carried(self, run: Run) -> AttemptOutcome:
        offer = Offer.from_json(run.order.offer.encode())
        began = monotonic()
        run.tell(Stage.CARRY, f"to {self.worker_name}")
        with storage_errors(run.place):
            run.place.mkdir(mode=0o700, parents=True)
            request = moved(
                run.order.request,
                run.place,
                lambda name, into: self._carrier.fetch(offer, name, into, cancel=run.cancel),
            )
        carried = monotonic() - began
        limits = AttemptLimits(wall_seconds=run.order.wall_seconds)
        outcome = self._executor.run_attempt(
            replace(request, threads=self._threads), limits, run.tell, run.cancel
        )
        if outcome.report is not None:
            began = monotonic()
            run.tell(Stage.CARRY, f"from {self.worker_name}")
            (run.place / "work" / SET_NAME).mkdir(exist_ok=True)
            self._carrier.deliver(offer, run.place / "work" / SET_NAME, cancel=run.cancel)
            carried += monotonic() - began
        return replace(outcome, stage_seconds={**outcome.stage_seconds, Stage.CARRY.value: carried})


def _answer(order: Order, outcome: AttemptOutcome) -> Answer:
    failure = outcome.failure
    return Answer(
        token=order.token,
        result=outcome.result,
        report=outcome.report,
        failure=None
        if failure is None
        else FailureMessage(
            code=failure.code,
            message=failure.message,
            hint=failure.hint,
            is_retryable=failure.is_retryable,
        ),
        stage_seconds={Stage(name): spent for name, spent in outcome.stage_seconds.items()},
        peak_rss_bytes=outcome.peak_rss_bytes,
        noise=outcome.noise,
        sandbox=outcome.sandbox,
        children=outcome.children,
    )


class Beats:
    """The thread that gives signs of life while the worker lives."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._ended = Event()
        self._thread = Thread(target=self._beat, name="beats", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it."""
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            self._workshop.beat()


def swept(directory: Path) -> Path:
    """The folder for attempts below a worker's directory, emptied of what a kill left."""
    attempts = directory / "attempts"
    shutil.rmtree(attempts, ignore_errors=True)
    attempts.mkdir(mode=0o700, parents=True)
    return attempts
