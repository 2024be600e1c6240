"""How attempts on a real cluster end when somebody ends them, or what they run on goes away."""

import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import psutil  # type: ignore[import-untyped]  # comes with Dask, without types
import pytest

from cluster_executors import a_request, running_executor
from clusters import QUICK, Cluster, Program, children, running_cluster
from daemon_process import processes
from tflited.domain.attempt import AttemptLimits, AttemptOutcome, AttemptResult
from tflited.domain.report import Stage
from tflited.workers.cluster.executor import DaskExecutor
from waiting import wait_until

WAIT_SECONDS = 60
TTL_SECONDS = 15


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler and one worker, whose children do as the stem says."""
    with running_cluster(tmp_path_factory.mktemp("cluster"), ["one"], program=QUICK) as made:
        yield made


@pytest.fixture(scope="module")
def executor(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskExecutor]:
    with running_executor(cluster, tmp_path_factory.mktemp("daemon"), ttl=TTL_SECONDS) as made:
        yield made


@pytest.fixture
def worker(cluster: Cluster, executor: DaskExecutor) -> Program:
    """The worker, which takes attempts."""
    wait_until(lambda: executor.is_ready, WAIT_SECONDS, what="the worker")
    return cluster.workers[0]


class Attempt:
    """An attempt that hangs, in a thread of its own.

    Args:
        executor: runs it.
        folder: for its files.
    """

    def __init__(self, executor: DaskExecutor, folder: Path) -> None:
        self.cancel = Event()
        self.stages: list[tuple[Stage, str]] = []
        self._ends: list[AttemptOutcome] = []
        request = a_request(folder, "hang")

        def run() -> None:
            limits = AttemptLimits(wall_seconds=600)
            told = lambda stage, detail: self.stages.append((stage, detail))  # noqa: E731
            self._ends.append(executor.run_attempt(request, limits, told, self.cancel))

        self._thread = Thread(target=run)
        self._thread.start()
        wait_until(lambda: Stage.LOAD in dict(self.stages), WAIT_SECONDS, what="a running child")

    def end(self) -> AttemptOutcome:
        """How it ended."""
        self._thread.join(WAIT_SECONDS)
        (outcome,) = self._ends
        return outcome


@pytest.fixture
def attempt(worker: Program, executor: DaskExecutor, tmp_path: Path) -> Iterator[Attempt]:
    """One whose child runs on the worker."""
    made = Attempt(executor, tmp_path)
    assert len(children(worker.pid)) == 2
    yield made
    made.cancel.set()
    made.end()


def is_idle(worker: Program) -> bool:
    """Whether the worker has its zygote and nothing below it."""
    return len(children(worker.pid)) == 1


def open_to(pid: int) -> set[str]:
    """The addresses that a process listens at."""
    connections = psutil.Process(pid).net_connections(kind="tcp")
    return {each.laddr.ip for each in connections if each.status == psutil.CONN_LISTEN}


def test_without_certificates_nobody_else_can_connect(cluster: Cluster, worker: Program) -> None:
    """Whatever a process of the cluster listens at is loopback."""
    found = open_to(cluster.scheduler.pid) | open_to(worker.pid)
    assert found <= {"127.0.0.1", "::1"}
    assert found


def test_stages_come_through(attempt: Attempt) -> None:
    """With the name of the worker, so that whoever looks at the page knows where to look on."""
    assert attempt.stages[0] == (Stage.CARRY, "to one")


def test_a_cancelled_attempt_ends_its_child(attempt: Attempt, worker: Program) -> None:
    """Dask would only forget the task; the child is killed."""
    attempt.cancel.set()
    assert attempt.end().result is AttemptResult.CANCELLED
    wait_until(lambda: is_idle(worker), WAIT_SECONDS, what="the child's end")
    assert list((worker.folder / "own" / "attempts").iterdir()) == []


def test_a_killed_worker_loses_its_attempt(
    attempt: Attempt, worker: Program, executor: DaskExecutor
) -> None:
    """And nothing else: it is no crash of the model's, and the child does not outlive it."""
    below = children(worker.pid)
    worker.kill()
    outcome = attempt.end()
    wait_until(lambda: not executor.is_ready, WAIT_SECONDS, what="the loss of its slot")
    worker.begin()
    assert outcome.result is AttemptResult.WORKER_LOST
    assert outcome.failure is not None
    assert outcome.failure.is_retryable
    assert "one" in outcome.failure.message
    wait_until(lambda: not still_there(below), WAIT_SECONDS, what="the children's end")


def test_a_lost_scheduler_is_no_fault_of_anybody(
    attempt: Attempt, cluster: Cluster, worker: Program, executor: DaskExecutor
) -> None:
    """Daemon and worker come back by themselves, and the zygote stays warm."""
    zygote = children(worker.pid)
    cluster.scheduler.kill()
    outcome = attempt.end()
    wait_until(lambda: is_idle(worker), WAIT_SECONDS, what="the child's end")
    assert outcome.result is AttemptResult.ENGINE_LOST
    assert not executor.is_ready
    (check, *_) = executor.checks()
    assert (check.name, check.is_ok, check.is_required) == ("cluster", False, False)
    assert check.reason
    cluster.scheduler.begin()
    wait_until(lambda: executor.is_ready, WAIT_SECONDS, what="a cluster again")
    assert children(worker.pid) <= zygote


def test_a_worker_that_stands_still_loses_its_attempt(
    attempt: Attempt, worker: Program, executor: DaskExecutor
) -> None:
    """Its connection stays, and it gives no sign of life. Later it is let in again."""
    worker.send(signal.SIGSTOP)
    try:
        outcome = attempt.end()
        assert outcome.result is AttemptResult.WORKER_LOST
        assert outcome.failure is not None
        assert "no sign of life" in outcome.failure.message
        wait_until(lambda: not executor.is_ready, WAIT_SECONDS, what="its refusal")
    finally:
        worker.send(signal.SIGCONT)
    wait_until(lambda: executor.is_ready, WAIT_SECONDS, what="its return")
    wait_until(lambda: is_idle(worker), WAIT_SECONDS, what="the late child's end")


def test_a_worker_that_is_stopped_says_so(
    attempt: Attempt, cluster: Cluster, executor: DaskExecutor
) -> None:
    """To Dask a stop is no failure, and the task would wait for ever; the worker answers first."""
    stopped = cluster.add_worker("brief", "--drain-seconds=0", program=QUICK)
    stopped.wait_for("scheduler_joined")
    wait_until(lambda: executor.is_ready, WAIT_SECONDS, what="a second slot")
    other = Attempt(executor, stopped.folder)
    assert stopped.stop() == 0
    outcome = other.end()
    assert outcome.result is AttemptResult.WORKER_LOST
    assert outcome.failure is not None
    assert "it was stopped" in outcome.failure.message


def still_there(processes_before: set[tuple[int, str]]) -> bool:
    """Whether one of some processes lives."""
    now = {(pid, began) for pid, _, began in processes()}
    return bool(processes_before & now)
