"""The executor with real processes and entries that misbehave."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread

import pytest

from tflited.domain.attempt import AttemptLimits, AttemptOutcome, AttemptRequest, AttemptResult
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy
from tflited.domain.report import Stage
from tflited.domain.sandbox import SandboxDemand
from tflited.workers.keeper import EXIT_SECONDS
from tflited.workers.local import LocalExecutor
from tflited.workers.noise import HEAD_BYTES, TAIL_BYTES
from waiting import wait_until

TESTS = Path(__file__).parents[2]
READY_SECONDS = 60.0
GONE_SECONDS = 0.25
"""Facts measured here: zygote and child end within 0.05 s of the daemon."""
Run = Callable[..., AttemptOutcome]


@pytest.fixture(scope="module")
def python_path() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join((str(TESTS), str(TESTS.parent / "daemon"))))
        yield


@pytest.fixture(scope="module")
def executor(python_path: None) -> Iterator[LocalExecutor]:
    made = LocalExecutor(preload="json", entry="fakes.entries")
    made.start()
    yield made
    made.stop(deadline_seconds=READY_SECONDS)


def request_for(stem: str, scratch: Path) -> AttemptRequest:
    return AttemptRequest(
        attempt="1.1",
        kind=ModelKind.SAVED_MODEL,
        model="/nowhere",
        stem=stem,
        scratch=str(scratch),
        policy=Policy(),
        # Most behaviours need what the sandbox takes: these tests are about ends, not about it.
        sandbox=SandboxDemand.REQUIRED if stem == "ok" else SandboxDemand.OFF,
    )


def ignore(stage: Stage, detail: str) -> None:
    """A progress nobody reads."""


@pytest.fixture
def run(executor: LocalExecutor, tmp_path: Path) -> Run:
    def call(stem: str, *, wall_seconds: float = 60.0) -> AttemptOutcome:
        limits = AttemptLimits(wall_seconds=wall_seconds)
        return executor.run_attempt(request_for(stem, tmp_path), limits, ignore, Event())

    return call


def written_pid(scratch: Path) -> int | None:
    try:
        return int((scratch / "pid").read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return None


def is_gone(pid: int) -> bool:
    """Whether a process has ended; a zombie that nobody reaped yet has."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rsplit(")", 1)[1].split()[0] in {"Z", "X"}


def test_report_arrives_with_times_and_memory(run: Run) -> None:
    """A child that replies is OK, and what it cost is known."""
    outcome = run("ok")
    assert outcome.result is AttemptResult.OK
    assert outcome.report is not None
    assert outcome.report.source.loader == "fake"
    assert outcome.failure is None
    assert set(outcome.stage_seconds) == {Stage.START, Stage.LOAD, Stage.PROVE}
    assert outcome.peak_rss_bytes > 1024 * 1024


def test_progress_is_told_from_the_calling_thread(executor: LocalExecutor, tmp_path: Path) -> None:
    """Stages arrive in order with their details."""
    seen: list[tuple[Stage, str]] = []
    executor.run_attempt(
        request_for("ok", tmp_path),
        AttemptLimits(),
        lambda stage, detail: seen.append((stage, detail)),
        Event(),
    )
    assert seen == [(Stage.LOAD, "ok"), (Stage.PROVE, "float32")]


def test_big_report_arrives_whole(run: Run) -> None:
    """A report far beyond a socket buffer is put together."""
    outcome = run("big")
    assert outcome.report is not None
    notes = outcome.report.source.notes
    assert [len(note.partition(": ")[2]) for note in notes] == [1000] * 1024


@pytest.mark.parametrize(
    ("stem", "code", "is_retryable"),
    [
        ("refused", "unsupported_op", False),
        ("changed", "worker", True),
        ("memory", "out_of_memory", True),
        ("full", "worker", True),
        ("no such behaviour", "internal", False),
    ],
)
def test_failures_keep_code_and_flag(run: Run, stem: str, code: str, is_retryable: bool) -> None:
    """What the entry raises becomes a failure with its own code."""
    outcome = run(stem)
    assert outcome.result is AttemptResult.ERROR
    assert outcome.failure is not None
    assert (outcome.failure.code, outcome.failure.is_retryable) == (code, is_retryable)


def test_unexpected_error_leaves_a_traceback(run: Run) -> None:
    """An internal failure's traceback is in the noise."""
    assert "KeyError" in run("no such behaviour").noise


@pytest.mark.parametrize(
    ("stem", "code", "word"),
    [
        ("segfault", "crash", "SIGSEGV"),
        ("abort", "crash", "SIGABRT"),
        ("killed", "out_of_memory", "SIGKILL"),
        ("leave", "crash", "exit status 0"),
        ("system_exit", "crash", "exit status 70"),
        ("garbage", "bad_reply", "not JSON"),
        ("flood", "bad_reply", "longer than"),
    ],
)
def test_crashes_are_named(run: Run, stem: str, code: str, word: str) -> None:
    """A child without a valid reply is a crash that may be tried again."""
    outcome = run(stem)
    assert outcome.result is AttemptResult.CRASH
    assert outcome.failure is not None
    assert outcome.failure.code == code
    assert word in outcome.failure.message
    assert outcome.failure.is_retryable


@pytest.mark.parametrize(
    ("stem", "code", "words"),
    [
        ("llvm", "type_inference", "LLVM ERROR: Failed to infer result type(s)."),
        ("allocation", "out_of_memory", "std::bad_alloc"),
    ],
)
def test_an_abort_is_explained_by_its_last_words(
    run: Run, stem: str, code: str, words: str
) -> None:
    """Native code raises nothing; what it wrote leads to the hint, without its control signs."""
    outcome = run(stem)
    assert outcome.result is AttemptResult.CRASH
    assert outcome.failure is not None
    assert outcome.failure.code == code
    assert "SIGABRT" in outcome.failure.message
    assert words in outcome.failure.message
    assert outcome.failure.hint


def test_hang_ends_at_the_deadline(run: Run, tmp_path: Path) -> None:
    """A child that does not reply in time is killed."""
    outcome = run("hang", wall_seconds=0.5)
    assert outcome.result is AttemptResult.TIMEOUT
    assert outcome.failure is not None
    assert (outcome.failure.code, outcome.failure.is_retryable) == ("wall_limit", True)
    assert outcome.stage_seconds[Stage.LOAD] > 0.1
    pid = written_pid(tmp_path)
    assert pid is not None
    assert is_gone(pid)


def test_cancel_kills_the_child(executor: LocalExecutor, tmp_path: Path) -> None:
    """A cancelled attempt returns once its child is dead."""
    cancel = Event()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(
            executor.run_attempt, request_for("hang", tmp_path), AttemptLimits(), ignore, cancel
        )
        pid = wait_until(lambda: written_pid(tmp_path), READY_SECONDS, what="the child")
        cancel.set()
        outcome = future.result(READY_SECONDS)
    assert outcome.result is AttemptResult.CANCELLED
    assert pid is not None
    assert is_gone(pid)


def test_descendants_end_with_the_child(run: Run, tmp_path: Path) -> None:
    """What a child started is killed with its group."""
    assert run("descendant").result is AttemptResult.OK
    pid = written_pid(tmp_path)
    assert pid is not None
    wait_until(lambda: is_gone(pid), READY_SECONDS, what="the descendant's end")


def test_noise_is_kept_within_bounds(run: Run) -> None:
    """Standard output and error share one record, whose beginning and end are kept."""
    noise = run("noise").noise
    assert HEAD_BYTES + TAIL_BYTES < len(noise) < HEAD_BYTES + TAIL_BYTES + 100
    assert noise.endswith("athe end")


def test_child_is_confined(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every layer of the sandbox holds in the child."""
    outcome = run("surroundings")
    assert outcome.report is not None
    notes = dict(note.split("=", 1) for note in outcome.report.source.notes)
    assert notes["cwd"] == notes["home"] == str(tmp_path)
    assert not {"PATH", "PYTHONPATH", "USER"} & set(notes["environment"].split(","))
    assert notes["umask"] == "77"
    assert notes["session"] == "True"
    assert notes["sockets"] == "1"
    assert notes["privileges"] == "1"


def test_missing_scratch_stops_the_child_in_the_sandbox(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    """A layer that fails ends the child before any model code."""
    request = request_for("ok", tmp_path / "missing")
    outcome = executor.run_attempt(request, AttemptLimits(), ignore, Event())
    assert outcome.result is AttemptResult.ERROR
    assert outcome.failure is not None
    assert outcome.failure.code == "sandbox_refused"
    assert "folder layer" in outcome.failure.message
    assert not outcome.failure.is_retryable


def test_many_children_on_four_threads(executor: LocalExecutor, tmp_path: Path) -> None:
    """Two hundred quick children are each classified by their own end."""
    expected = {
        "ok": AttemptResult.OK,
        "refused": AttemptResult.ERROR,
        "killed": AttemptResult.CRASH,
        "leave": AttemptResult.CRASH,
    }
    stems = list(expected) * 50

    def attempt(stem: str) -> AttemptResult:
        request = request_for(stem, tmp_path)
        return executor.run_attempt(request, AttemptLimits(), ignore, Event()).result

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(attempt, stems))
    assert results == [expected[stem] for stem in stems]


def test_lost_zygote_is_told_and_replaced(python_path: None, tmp_path: Path) -> None:
    """When the zygote dies its child dies too, and the next attempt gets a new zygote."""
    executor = LocalExecutor(preload="json", entry="fakes.entries")
    executor.start()
    try:
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(
                executor.run_attempt,
                request_for("hang", tmp_path),
                AttemptLimits(),
                ignore,
                Event(),
            )
            child = wait_until(lambda: written_pid(tmp_path), READY_SECONDS, what="the child")
            first = executor.zygote_pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            outcome = future.result(READY_SECONDS)
        assert outcome.result is AttemptResult.WORKER_LOST
        assert outcome.failure is not None
        assert (outcome.failure.code, outcome.failure.is_retryable) == ("worker_lost", True)
        assert child is not None
        wait_until(lambda: is_gone(child), GONE_SECONDS, what="the child's end")
        wait_until(lambda: executor.zygote_pid not in {None, first}, READY_SECONDS, what="zygote")
        again = executor.run_attempt(request_for("ok", tmp_path), AttemptLimits(), ignore, Event())
        assert again.result is AttemptResult.OK
    finally:
        executor.stop(deadline_seconds=READY_SECONDS)


def test_stop_ends_zygote_and_children(python_path: None, tmp_path: Path) -> None:
    """Stopping leaves no process and returns running attempts."""
    executor = LocalExecutor(preload="json", entry="fakes.entries")
    executor.start()
    outcomes: list[AttemptOutcome] = []
    request = request_for("hang", tmp_path)
    thread = Thread(
        target=lambda: outcomes.append(
            executor.run_attempt(request, AttemptLimits(), ignore, Event())
        )
    )
    thread.start()
    child = wait_until(lambda: written_pid(tmp_path), READY_SECONDS, what="the child")
    zygote = executor.zygote_pid
    executor.stop(deadline_seconds=READY_SECONDS)
    thread.join(READY_SECONDS)
    assert [outcome.result for outcome in outcomes] == [AttemptResult.WORKER_LOST]
    assert child is not None
    assert zygote is not None
    wait_until(lambda: is_gone(child), READY_SECONDS, what="the child's end")
    assert is_gone(zygote)
    assert not executor.is_ready


def test_waiting_for_a_zygote_can_be_cancelled(python_path: None, tmp_path: Path) -> None:
    """An attempt that never got a zygote is cancelled, not stuck."""
    executor = LocalExecutor(preload="no_such_module_anywhere", entry="fakes.entries")
    executor.start()
    cancel = Event()
    try:
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(
                executor.run_attempt, request_for("ok", tmp_path), AttemptLimits(), ignore, cancel
            )
            wait_until(lambda: executor.zygote_pid is not None, READY_SECONDS, what="a zygote")
            cancel.set()
            assert future.result(READY_SECONDS).result is AttemptResult.CANCELLED
        assert not executor.is_ready
    finally:
        executor.stop(deadline_seconds=READY_SECONDS)


def test_stop_does_not_wait_for_the_preload(python_path: None) -> None:
    """A zygote that still imports is killed at once."""
    executor = LocalExecutor(preload="fakes.slow_preload", entry="fakes.entries")
    executor.start()
    zygote = wait_until(lambda: executor.zygote_pid, READY_SECONDS, what="a zygote")
    began = time.monotonic()
    executor.stop(deadline_seconds=READY_SECONDS)
    assert time.monotonic() - began < EXIT_SECONDS
    assert zygote is not None
    assert is_gone(zygote)


PARENT = """
import sys
from pathlib import Path
from threading import Event
sys.path.insert(0, sys.argv[2])
from tflited.domain.attempt import AttemptLimits, AttemptRequest
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy
from tflited.workers.local import LocalExecutor

def told(stage, detail):
    Path(sys.argv[1], "zygote").write_text(str(executor.zygote_pid), encoding="ascii")

executor = LocalExecutor(preload="json", entry="fakes.entries")
executor.start()
request = AttemptRequest(attempt="1.1", kind=ModelKind.SAVED_MODEL, model="/nowhere", stem="hang",
                         scratch=sys.argv[1], policy=Policy())
executor.run_attempt(request, AttemptLimits(), told, Event())
"""


def test_killed_daemon_leaves_no_process(python_path: None, tmp_path: Path) -> None:
    """The zygote and its child end when the daemon is killed with SIGKILL."""
    with subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path), str(TESTS)]) as parent:
        child = wait_until(lambda: written_pid(tmp_path), READY_SECONDS, what="the child")
        record = tmp_path / "zygote"
        text = wait_until(
            lambda: record.exists() and record.read_text(encoding="ascii"), READY_SECONDS
        )
        parent.kill()
        pids = (int(child or 0), int(text))
        wait_until(lambda: all(map(is_gone, pids)), GONE_SECONDS, what="child and zygote's end")
