"""Starts of a zygote, and retiring one that still works."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from structlog.testing import capture_logs

from tflited.domain.attempt import AttemptLimits, AttemptOutcome, AttemptRequest, AttemptResult
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy
from tflited.workers.keeper import MOST_LINES, Retirement
from tflited.workers.local import LocalExecutor
from waiting import wait_until

TESTS = Path(__file__).parents[2]
READY_SECONDS = 60.0


@pytest.fixture(autouse=True)
def python_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(TESTS), str(TESTS.parent / "daemon"))))


@pytest.fixture
def executor(request: pytest.FixtureRequest) -> Iterator[LocalExecutor]:
    made = LocalExecutor(preload="json", entry="fakes.entries", retirement=request.param)
    made.start()
    wait_until(lambda: made.is_ready, READY_SECONDS, what="a zygote")
    yield made
    made.stop(deadline_seconds=READY_SECONDS)


class Heard:
    """Implements ChildRecorder: whether starts were good, and how children ended."""

    def __init__(self) -> None:
        self.starts: list[bool] = []
        self.ends: list[AttemptResult] = []

    def child_ended(self, outcome: AttemptOutcome) -> None:
        """Notes how."""
        self.ends.append(outcome.result)

    def zygote_started(self, seconds: float, *, is_ready: bool) -> None:
        """Notes whether."""
        assert seconds > 0
        self.starts.append(is_ready)


def run(executor: LocalExecutor, stem: str, scratch: Path, cancel: Event) -> AttemptResult:
    """One attempt."""
    request = AttemptRequest(
        attempt="1.1",
        kind=ModelKind.SAVED_MODEL,
        model="/nowhere",
        stem=stem,
        scratch=str(scratch),
        policy=Policy(),
    )
    return executor.run_attempt(request, AttemptLimits(), lambda *_: None, cancel).result


OLD = [Retirement(forks=3), Retirement(growth_bytes=-(2**40))]


@pytest.mark.parametrize("executor", OLD, indirect=True, ids=["forks", "growth"])
def test_old_zygote_is_replaced(executor: LocalExecutor, tmp_path: Path) -> None:
    """After so many children, or so much more memory, another takes over; no attempt is lost."""
    pids = set()
    for _ in range(6):
        wait_until(lambda: executor.is_ready, READY_SECONDS, what="a zygote")
        pids.add(executor.zygote_pid)
        assert run(executor, "ok", tmp_path, Event()) is AttemptResult.OK
    assert 2 <= len(pids) <= 6


@pytest.mark.parametrize("executor", [Retirement()], indirect=True)
def test_young_zygote_stays(executor: LocalExecutor, tmp_path: Path) -> None:
    """Starting one takes seconds: it is not done for nothing."""
    first = executor.zygote_pid
    assert [run(executor, "ok", tmp_path, Event()) for _ in range(6)] == [AttemptResult.OK] * 6
    assert executor.zygote_pid == first


@pytest.mark.parametrize("executor", [Retirement(forks=1)], indirect=True)
def test_zygote_with_a_running_child_stays(executor: LocalExecutor, tmp_path: Path) -> None:
    """Its end would take the child along: it is retired when the last one ended."""
    first, cancel = executor.zygote_pid, Event()
    with ThreadPoolExecutor(1) as pool:
        (tmp_path / "long").mkdir()
        (tmp_path / "short").mkdir()
        future = pool.submit(run, executor, "hang", tmp_path / "long", cancel)
        wait_until((tmp_path / "long" / "pid").exists, READY_SECONDS, what="the child")
        assert run(executor, "ok", tmp_path / "short", Event()) is AttemptResult.OK
        assert executor.zygote_pid == first
        cancel.set()
        assert future.result(READY_SECONDS) is AttemptResult.CANCELLED
    wait_until(lambda: executor.zygote_pid not in {None, first}, READY_SECONDS, what="another")


def test_what_a_zygote_says_becomes_events(capfd: pytest.CaptureFixture[str]) -> None:
    """Python's and native lines of the libraries it loads, bounded; none reaches this process's."""
    made = LocalExecutor(preload="fakes.chatty_preload", entry="fakes.entries")
    with capture_logs() as log:
        made.start()
        wait_until(lambda: made.is_ready, READY_SECONDS, what="a zygote")
        made.stop(deadline_seconds=READY_SECONDS)

    said = [event["text"] for event in log if event["event"] == "zygote_said"]
    assert said[:3] == ["from python", "from below: \ufffd done", "line 0"]
    assert len(said) == MOST_LINES + 1
    assert said[-1].startswith("more than")
    assert capfd.readouterr() == ("", "")


def test_a_start_and_the_ends_of_children_are_told(tmp_path: Path) -> None:
    """Metrics hear of every child, not only of attempts."""
    heard = Heard()
    made = LocalExecutor(preload="json", entry="fakes.entries", recorder=heard)
    made.start()
    wait_until(lambda: made.is_ready, READY_SECONDS, what="a zygote")
    ends = [run(made, stem, tmp_path, Event()) for stem in ("ok", "refused")]
    made.stop(deadline_seconds=READY_SECONDS)

    assert heard.starts == [True]
    assert heard.ends == ends


def test_a_start_that_comes_to_nothing_is_told() -> None:
    """Whatever is wrong with what it loads, it does not look like a start."""
    heard = Heard()
    made = LocalExecutor(preload="no_such_module_anywhere", entry="x", recorder=heard)
    made.start()
    wait_until(lambda: heard.starts, READY_SECONDS, what="the end of the start")
    made.stop(deadline_seconds=READY_SECONDS)

    assert set(heard.starts) == {False}
