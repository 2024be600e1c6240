"""The executor against children that mean harm: each costs one attempt and nothing else."""

import errno
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest
import structlog.testing

from executors import READY_SECONDS, running_entry
from fakes.hostile_entries import BRANCHES, MANY, VARIANTS
from tflited.domain.attempt import AttemptLimits, AttemptOutcome, AttemptRequest, AttemptResult
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy
from tflited.domain.sandbox import SandboxDemand
from tflited.workers.local import LocalExecutor
from tflited.workers.noise import HEAD_BYTES, TAIL_BYTES
from tflited.workers.wire import MAX_TEXT_CHARACTERS
from waiting import wait_until

GONE_SECONDS = 10.0
Run = Callable[..., AttemptOutcome]


@pytest.fixture(scope="module")
def executor() -> Iterator[LocalExecutor]:
    with running_entry("fakes.hostile_entries") as made:
        yield made


@pytest.fixture
def run(executor: LocalExecutor, tmp_path: Path) -> Run:
    def call(
        stem: str, *, model: str = "/nowhere", calibration: tuple[str, ...] = ()
    ) -> AttemptOutcome:
        request = AttemptRequest(
            attempt="1.1",
            kind=ModelKind.SAVED_MODEL,
            model=model,
            stem=stem,
            scratch=str(tmp_path),
            policy=Policy(),
            calibration=calibration,
            # The zygote's own defences, which must hold also where an operator wants no sandbox.
            sandbox=SandboxDemand.OFF,
        )
        limits = AttemptLimits(wall_seconds=READY_SECONDS)
        return executor.run_attempt(request, limits, lambda *_: None, Event())

    return call


def alive(scratch: Path) -> list[int]:
    """Processes whose id was left in a scratch and that still run."""
    pids = [int(path.read_text(encoding="ascii")) for path in scratch.glob("pid*")]
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def ended(outcome: AttemptOutcome) -> tuple[AttemptResult, str]:
    """How an attempt ended, and under which code."""
    assert outcome.failure is not None
    return outcome.result, outcome.failure.code


@pytest.mark.parametrize(("stem", "count"), [("escape", 1), ("fork many", BRANCHES)])
def test_processes_in_sessions_of_their_own_end_too(
    run: Run, tmp_path: Path, stem: str, count: int
) -> None:
    """A descendant that left the group falls to the zygote, which kills and reaps it."""
    assert run(stem).result is AttemptResult.OK
    wait_until(lambda: not alive(tmp_path), GONE_SECONDS, what="the end of every descendant")
    assert len(list(tmp_path.glob("pid*"))) <= count


def test_zygote_keeps_no_zombie(executor: LocalExecutor, run: Run) -> None:
    """What fell to the zygote is reaped, so process ids do not run out."""
    run("fork many")
    zygote = executor.zygote_pid
    children = Path(f"/proc/{zygote}/task/{zygote}/children")
    wait_until(lambda: not children.read_text(encoding="ascii"), GONE_SECONDS, what="no child")


def test_endless_noise_is_read_and_little_of_it_kept(run: Run) -> None:
    """Ten megabytes on standard error end neither on the daemon's disk nor in its memory."""
    noise = run("loud").noise
    assert noise.endswith("loud\nthe end")
    assert len(noise) < HEAD_BYTES + TAIL_BYTES
    assert "bytes are left out here" in noise
    assert "\x1b" not in noise


def test_daemon_keeps_no_file_for_noise(run: Run, tmp_path: Path) -> None:
    """The attempt leaves nothing in its scratch and opens nothing on the daemon's side."""
    run("echo")
    before = len(list(Path("/proc/self/fd").iterdir()))
    run("loud")
    assert list(tmp_path.iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("stem", ["pickle", "talk on", "odd code"])
def test_bytes_outside_the_protocol_are_a_bad_reply(run: Run, stem: str) -> None:
    """A pickle, words after the last one or a code that is no name are a crash, not an error."""
    assert ended(run(stem)) == (AttemptResult.CRASH, "bad_reply")


def test_long_text_is_cut_and_cleaned(run: Run) -> None:
    """A failure's text is bounded and cannot command a terminal."""
    failure = run("long text").failure
    assert failure is not None
    assert len(failure.message) <= MAX_TEXT_CHARACTERS + 2
    assert len(failure.hint) <= MAX_TEXT_CHARACTERS + 2
    assert "\x1b" not in failure.message


def test_text_that_is_no_utf8_still_arrives(run: Run) -> None:
    """A failure about a file with an odd name is that failure, not a crash."""
    outcome = run("odd text")
    assert ended(outcome) == (AttemptResult.ERROR, "conversion")
    assert outcome.failure is not None
    assert outcome.failure.message == "Cannot read caf?."


@pytest.mark.parametrize("stem", ["not a number", "no report"])
def test_report_without_a_json_form_is_an_internal_failure(run: Run, stem: str) -> None:
    """A figure that is not a number never becomes null, which would claim an exact match."""
    outcome = run(stem)
    assert ended(outcome) == (AttemptResult.ERROR, "internal")
    assert outcome.report is None
    assert "Traceback" in outcome.noise


@pytest.mark.parametrize("stem", ["storage failed", "source changed"])
def test_child_cannot_stop_the_daemon_or_drop_its_job(run: Run, stem: str) -> None:
    """Codes on which the daemon acts are its own; a child's become a retryable worker's."""
    outcome = run(stem)
    assert ended(outcome) == (AttemptResult.ERROR, "worker")
    assert outcome.failure is not None
    assert outcome.failure.is_retryable


def test_report_of_many_variants_arrives_whole(run: Run) -> None:
    """Every variant's operators come through, in many datagrams."""
    report = run("many variants").report
    assert report is not None
    assert [entry.variant for entry in report.variants] == list(VARIANTS)
    assert {len(entry.operators) for entry in report.variants} == {MANY}


def test_names_that_are_no_utf8_reach_the_child(run: Run) -> None:
    """Models and data may have any name that the file system allows."""
    names = (b"/models/caf\xe9", b"/data/\xff.npz")
    model, data = map(os.fsdecode, names)
    report = run("echo", model=model, calibration=(data,)).report
    assert report is not None
    assert report.source.notes == tuple(name.hex() for name in names)


def test_request_longer_than_a_datagram_reaches_the_child(run: Run) -> None:
    """Thousands of calibration files are no reason to fail."""
    names = tuple(f"/data/{number:05}-{'n' * 200}.npz" for number in range(5000))
    report = run("echo", calibration=names).report
    assert report is not None
    assert len(report.source.notes) == 1 + len(names)


def test_executor_still_works_after_all_of_it(run: Run) -> None:
    """No hostile child spoils the next attempt."""
    for stem in ("pickle", "escape", "talk on"):
        run(stem)
    assert run("echo").result is AttemptResult.OK


def test_keeper_survives_a_start_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of descriptors, no zygote starts; when there are some again, one does."""
    failures = [OSError(errno.EMFILE, os.strerror(errno.EMFILE)) for _ in range(2)]
    socketpair = socket.socketpair

    def failing_at_first(*arguments: int) -> tuple[socket.socket, socket.socket]:
        if failures:
            raise failures.pop()
        return socketpair(*arguments)

    monkeypatch.setattr("tflited.workers.keeper.socket.socketpair", failing_at_first)
    executor = LocalExecutor(preload="json", entry="fakes.entries")
    with structlog.testing.capture_logs() as logs:
        executor.start()
        try:
            wait_until(lambda: executor.is_ready, READY_SECONDS, what="a start that works")
        finally:
            executor.stop(deadline_seconds=READY_SECONDS)
    assert [entry["event"] for entry in logs] == ["zygote_start_failed"] * 2
