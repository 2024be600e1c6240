"""What every executor must do: children here, on a real cluster, and the double of the engine."""

import threading
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Protocol

import pytest

from cluster_executors import a_request, running_executor
from clusters import QUICK, running_cluster
from executors import READY_SECONDS, running_entry
from fakes.engine import ScriptedExecutor, an_end
from tflited.domain.attempt import AttemptLimits, AttemptOutcome, AttemptResult
from tflited.domain.ports import Executor, Progress
from tflited.domain.report import Stage
from tflited.workers.cluster.executor import DaskExecutor
from tflited.workers.local import LocalExecutor


class Subject(Protocol):
    """An executor, and how to make its next attempt end in a certain way."""

    executor: Executor

    def arrange(self, behaviour: str) -> str:
        """Prepares the next attempt: ``ok``, ``refused`` or ``hang``; returns its stem."""


class Real:
    """Real children, whose stem says what they do."""

    def __init__(self, executor: Executor) -> None:
        self.executor: Executor = executor

    def arrange(self, behaviour: str) -> str:
        """The behaviours of ``fakes.entries``."""
        return behaviour


class Scripted:
    """The double, whose script says how it ends."""

    def __init__(self) -> None:
        self.scripted = ScriptedExecutor()
        self.executor: Executor = self.scripted

    def arrange(self, behaviour: str) -> str:
        """Writes one line of the script."""
        if behaviour == "refused":
            self.scripted.script.append(an_end(AttemptResult.ERROR, code="unsupported_op"))
        self.scripted.is_holding = behaviour == "hang"
        return behaviour


@pytest.fixture(scope="module")
def local() -> Iterator[LocalExecutor]:
    with running_entry("fakes.entries") as made:
        yield made


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskExecutor]:
    folder = tmp_path_factory.mktemp("dask")
    with (
        running_cluster(folder, ["one"], program=QUICK) as cluster,
        running_executor(cluster, folder) as made,
    ):
        yield made


@pytest.fixture(params=["local", "dask", "scripted"])
def subject(request: pytest.FixtureRequest) -> Subject:
    if request.param == "scripted":
        return Scripted()
    return Real(request.getfixturevalue(request.param))


def ignore(stage: Stage, detail: str) -> None:
    """A progress nobody reads."""


def attempt(
    subject: Subject,
    behaviour: str,
    scratch: Path,
    progress: Progress = ignore,
    cancel: Event | None = None,
) -> AttemptOutcome:
    """One attempt that behaves as asked."""
    request = a_request(scratch, subject.arrange(behaviour))
    return subject.executor.run_attempt(
        request, AttemptLimits(wall_seconds=READY_SECONDS), progress, cancel or Event()
    )


def test_started_executor_is_ready(subject: Subject) -> None:
    """A child could start at once."""
    assert subject.executor.is_ready


def test_good_end_has_a_report_and_no_failure(subject: Subject, tmp_path: Path) -> None:
    """OK comes with the report, and with it alone."""
    outcome = attempt(subject, "ok", tmp_path)
    assert outcome.result is AttemptResult.OK
    assert outcome.report is not None
    assert outcome.failure is None


def test_refusal_has_its_failure_and_no_report(subject: Subject, tmp_path: Path) -> None:
    """ERROR keeps the code and the flag of what was raised."""
    outcome = attempt(subject, "refused", tmp_path)
    assert outcome.result is AttemptResult.ERROR
    assert outcome.report is None
    assert outcome.failure is not None
    assert (outcome.failure.code, outcome.failure.is_retryable) == ("unsupported_op", False)


def test_one_end_does_not_colour_the_next(subject: Subject, tmp_path: Path) -> None:
    """Attempts are independent."""
    results = [attempt(subject, name, tmp_path).result for name in ("refused", "ok", "refused")]
    assert results == [AttemptResult.ERROR, AttemptResult.OK, AttemptResult.ERROR]


def test_progress_comes_in_the_calling_thread(subject: Subject, tmp_path: Path) -> None:
    """The engine's slots rely on it: no lock guards what progress touches."""
    threads: set[int] = set()
    attempt(subject, "ok", tmp_path, lambda *_: threads.add(threading.get_ident()))
    assert threads == {threading.get_ident()}


def test_cancelled_attempt_returns_as_cancelled(subject: Subject, tmp_path: Path) -> None:
    """The flag ends an attempt that would go on, and the outcome says so."""
    cancel = Event()
    outcome = attempt(subject, "hang", tmp_path, lambda *_: cancel.set(), cancel)
    assert outcome.result is AttemptResult.CANCELLED
    assert outcome.report is None
    assert outcome.failure is not None
    assert outcome.failure.code == "cancelled"
