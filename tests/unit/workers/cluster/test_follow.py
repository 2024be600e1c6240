"""How one attempt on the cluster ends, told by what is heard and what is not; Dask is a double."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Event, Thread
from typing import Any

import pytest

from fakes.engine import FixedClock
from fakes.samples import a_report
from tflited.domain.attempt import AttemptOutcome, AttemptRequest, AttemptResult
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy
from tflited.domain.report import Stage
from tflited.workers.cluster.follow import MOST_WAITING, Follow
from tflited.workers.cluster.messages import Answer, Order, Told
from tflited.workers.cluster.roster import Member
from tflited.workers.wire import FailureMessage
from waiting import wait_until

TOKEN = "t" * 43
SILENCE_SECONDS = 20.0
WAIT_SECONDS = 30.0
HERE = Member(address="tcp://127.0.0.1:1", name="one", slots=1, refusal="")
ORDER = Order(
    token=TOKEN,
    topic="topic-0123456789abc",
    request=AttemptRequest(
        attempt="1.1", kind=ModelKind.KERAS, model="/m", stem="m", scratch="/s", policy=Policy()
    ),
    wall_seconds=0,
    offer="{}",
)
GOOD = Answer(token=TOKEN, result=AttemptResult.OK, report=a_report()).encode()


class Connection:
    """Stands for a session: one task, whose end and whose signs of life the test decides."""

    def __init__(self) -> None:
        self.accepted: tuple[Member, ...] = (HERE,)
        self.lost = Event()
        self.task: Future[Any] = Future()
        self.released = 0
        self.listener: Callable[[Told], None] | None = None

    def submit(
        self, order: Order, addresses: set[str], listener: Callable[[Told], None]
    ) -> "Future[Any]":
        """Remembers the listener."""
        assert addresses == {HERE.address}
        assert order == ORDER
        self.listener = listener
        return self.task

    def release(self, order: Order, future: "Future[Any]") -> None:
        """Counts."""
        assert future is self.task
        self.released += 1


class Followed:
    """An attempt that is followed in a thread of its own."""

    def __init__(self) -> None:
        self.connection, self.clock, self.cancel = Connection(), FixedClock(), Event()
        self.stages: list[tuple[Stage, str]] = []
        self._ends: list[AttemptOutcome] = []
        follow = Follow(
            session=self.connection,  # type: ignore[arg-type]  # what it uses of one
            order=ORDER,
            progress=lambda stage, detail: self.stages.append((stage, detail)),
            cancel=self.cancel,
            clock=self.clock,
            silence_seconds=SILENCE_SECONDS,
        )
        self._thread = Thread(target=lambda: self._ends.append(follow.outcome()), daemon=True)
        self._thread.start()
        wait_until(lambda: self.connection.listener, WAIT_SECONDS, what="the order")

    def tell(self, stage: Stage | None = None, *, run: str = "r" * 16) -> None:
        """A sign of life from the worker."""
        assert self.connection.listener is not None
        self.connection.listener(Told(token=TOKEN, run=run, worker="one", stage=stage))

    def begin(self) -> None:
        """The worker has it."""
        self.tell(Stage.CARRY)
        wait_until(lambda: self.stages, WAIT_SECONDS, what="the stage")

    def end(self) -> AttemptOutcome:
        """How it ended; the task is given up whatever came of it."""
        self._thread.join(WAIT_SECONDS)
        (outcome,) = self._ends
        assert self.connection.released == 1
        return outcome


@pytest.fixture
def followed() -> Followed:
    return Followed()


def test_a_good_answer(followed: Followed) -> None:
    """Its report is the outcome's."""
    followed.begin()
    followed.connection.task.set_result(GOOD)
    assert followed.end().report == a_report()
    assert followed.stages == [(Stage.CARRY, "")]


@pytest.mark.parametrize("content", [b"", b"{}", None, GOOD.replace(TOKEN.encode(), b"u" * 43), 7])
def test_nonsense_loses_the_worker_and_nothing_else(followed: Followed, content: object) -> None:
    """Also an answer about another attempt."""
    followed.begin()
    followed.connection.task.set_result(content)
    outcome = followed.end()
    assert outcome.result is AttemptResult.WORKER_LOST
    assert outcome.failure is not None
    assert "one" in outcome.failure.message


def test_an_answer_that_nobody_asked_to_cancel_means_a_stopping_worker(followed: Followed) -> None:
    """The job is tried again, not cancelled."""
    answer = Answer(
        token=TOKEN,
        result=AttemptResult.CANCELLED,
        failure=FailureMessage(code="cancelled", message="", hint="", is_retryable=True),
    )
    followed.connection.task.set_result(answer.encode())
    assert followed.end().result is AttemptResult.WORKER_LOST


def test_silence_loses_the_worker(followed: Followed) -> None:
    """Beats in between are signs of life; without one for the whole time it is lost."""
    followed.begin()
    followed.clock.advance(SILENCE_SECONDS - 1)
    followed.tell()
    followed.tell(Stage.LOAD)
    wait_until(lambda: len(followed.stages) == 2, WAIT_SECONDS, what="the beat")
    followed.clock.advance(SILENCE_SECONDS - 1)
    assert followed.stages[-1] == (Stage.LOAD, "")
    followed.clock.advance(2)
    outcome = followed.end()
    assert outcome.result is AttemptResult.WORKER_LOST
    assert outcome.failure is not None
    assert "no sign of life for 21 s" in outcome.failure.message


def test_waiting_for_a_slot_is_no_silence(followed: Followed) -> None:
    """The clock of an attempt starts when it does."""
    followed.clock.advance(10 * SILENCE_SECONDS)
    followed.begin()
    followed.connection.task.set_result(GOOD)
    assert followed.end().result is AttemptResult.OK


def test_another_run_of_the_same_attempt_ends_both(followed: Followed) -> None:
    """Dask may begin a task again by itself; the store alone repeats attempts."""
    followed.begin()
    followed.tell(Stage.CARRY, run="s" * 16)
    outcome = followed.end()
    assert outcome.result is AttemptResult.WORKER_LOST
    assert outcome.failure is not None
    assert "a second time" in outcome.failure.message


def test_a_lost_connection_is_no_fault_of_the_worker(followed: Followed) -> None:
    """Nothing is known of the child."""
    followed.begin()
    followed.connection.lost.set()
    assert followed.end().result is AttemptResult.ENGINE_LOST


def test_an_attempt_that_no_worker_can_begin_any_more(followed: Followed) -> None:
    """Dask would wait for those that it may run on, for ever."""
    followed.connection.accepted = ()
    assert followed.end().result is AttemptResult.ENGINE_LOST


def test_a_cancelled_attempt_is_given_up(followed: Followed) -> None:
    """At once, whatever the worker says afterwards."""
    followed.begin()
    followed.cancel.set()
    assert followed.end().result is AttemptResult.CANCELLED


def test_a_worker_that_talks_without_end_costs_no_memory(followed: Followed) -> None:
    """What is not heard in time is dropped, and the answer is still heard."""
    for _ in range(10 * MOST_WAITING):
        followed.tell(Stage.PROVE)
    followed.connection.task.set_result(GOOD)
    assert followed.end().result is AttemptResult.OK
    assert len(followed.stages) <= 10 * MOST_WAITING
