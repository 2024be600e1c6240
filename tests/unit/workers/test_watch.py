"""Following a child: each limit of a policy ends it by name, within bounds."""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from tflited.domain.attempt import (
    AttemptLimits,
    AttemptOutcome,
    AttemptRequest,
    AttemptResult,
    SandboxDemand,
)
from tflited.domain.job import Failure
from tflited.domain.limits import Limits
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy
from tflited.workers.local import LocalExecutor
from waiting import wait_until

TESTS = Path(__file__).parents[2]
READY_SECONDS = 60.0
MEMORY_BYTES = 150 * 2**20
OVERSHOOT_BYTES = 256 * 2**20
"""Recipe C4: a bomb's peak is at most this much over its limit."""


@pytest.fixture(scope="module")
def executor() -> Iterator[LocalExecutor]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join((str(TESTS), str(TESTS.parent / "daemon"))))
        made = LocalExecutor(preload="json", entry="fakes.entries")
        made.start()
        wait_until(lambda: made.is_ready, READY_SECONDS, what="a zygote")
        yield made
        made.stop(deadline_seconds=READY_SECONDS)


def attempt(
    executor: LocalExecutor, stem: str, scratch: Path, limits: Limits, wall_seconds: float = 60.0
) -> AttemptOutcome:
    """One attempt of a greedy child."""
    request = AttemptRequest(
        attempt="1.1",
        kind=ModelKind.SAVED_MODEL,
        model="/nowhere",
        stem=stem,
        scratch=str(scratch),
        policy=replace(Policy(), limits=limits),
        # In the sandbox there is no heir: where one may be, its memory counts.
        sandbox=SandboxDemand.OFF if stem == "heir" else SandboxDemand.REQUIRED,
    )
    ceiling = AttemptLimits(wall_seconds=wall_seconds)
    return executor.run_attempt(request, ceiling, lambda *_: None, Event())


def failure_of(outcome: AttemptOutcome) -> Failure:
    """The failure of an attempt that has one."""
    assert outcome.report is None
    assert outcome.failure is not None
    return outcome.failure


@pytest.mark.parametrize("stem", ["eat", "share", "heir"])
def test_memory_is_bounded(executor: LocalExecutor, tmp_path: Path, stem: str) -> None:
    """Own, shared and a descendant's memory count alike, and the overshoot is bounded."""
    outcome = attempt(executor, stem, tmp_path, Limits(memory_bytes=MEMORY_BYTES))
    failure = failure_of(outcome)
    assert outcome.result is AttemptResult.LIMIT
    assert failure.code == "memory_limit"
    assert "in stage load" in failure.message
    assert f"allowed {MEMORY_BYTES}" in failure.message
    assert "limits.memory_bytes" in failure.hint
    assert outcome.peak_rss_bytes <= MEMORY_BYTES + OVERSHOOT_BYTES


@pytest.mark.parametrize(
    ("stem", "limits", "code", "word"),
    [
        ("spin", Limits(cpu_seconds=1), "cpu_limit", "SIGXCPU after 1 s"),
        ("fill", Limits(scratch_bytes=20 * 2**20), "scratch_limit", "bytes on disk"),
        ("fat file", Limits(scratch_bytes=20 * 2**20), "scratch_limit", "SIGXFSZ"),
    ],
)
def test_breaches_are_named(
    executor: LocalExecutor, tmp_path: Path, stem: str, limits: Limits, code: str, word: str
) -> None:
    """Each limit has a code of its own, and its message says observed and allowed."""
    outcome = attempt(executor, stem, tmp_path, limits)
    assert outcome.result is AttemptResult.LIMIT
    assert failure_of(outcome).code == code
    assert word in failure_of(outcome).message
    assert f"limits.{code.split('_', maxsplit=1)[0]}" in failure_of(outcome).hint


def test_too_large_set_is_refused_for_good(executor: LocalExecutor, tmp_path: Path) -> None:
    """The same input gives the same size: no other attempt is made."""
    outcome = attempt(executor, "fat set", tmp_path, Limits(output_bytes=1000))
    assert outcome.result is AttemptResult.ERROR
    assert failure_of(outcome).code == "output_limit"
    assert not failure_of(outcome).is_retryable


@pytest.mark.parametrize(("own", "everywhere"), [(0.3, 60.0), (0.0, 0.3), (60.0, 0.3)])
def test_first_deadline_holds(
    executor: LocalExecutor, tmp_path: Path, own: float, everywhere: float
) -> None:
    """A policy may allow less time than the daemon, never more."""
    started = time.monotonic()
    outcome = attempt(executor, "hang", tmp_path, Limits(wall_seconds=own), everywhere)
    assert outcome.result is AttemptResult.TIMEOUT
    assert failure_of(outcome).code == "wall_limit"
    assert time.monotonic() - started < 0.3 + 1.0


def test_want_of_memory_names_its_limit(executor: LocalExecutor, tmp_path: Path) -> None:
    """A child that was refused memory by the kernel replies by itself; the key is told, too."""
    failure = failure_of(attempt(executor, "memory", tmp_path, Limits(memory_bytes=MEMORY_BYTES)))
    assert failure.code == "out_of_memory"
    assert f"limits.memory_bytes = {MEMORY_BYTES}" in failure.hint


def test_next_attempt_after_a_breach_is_as_ever(executor: LocalExecutor, tmp_path: Path) -> None:
    """One child's greed costs no other attempt."""
    attempt(executor, "eat", tmp_path, Limits(memory_bytes=MEMORY_BYTES))
    assert attempt(executor, "ok", tmp_path, Limits()).result is AttemptResult.OK
