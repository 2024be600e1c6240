"""What isolation costs: an attempt that does nothing, through the real preload and executor."""

import os
import statistics
import tempfile
from pathlib import Path
from threading import Event
from typing import Any, Final

from stopwatch import BenchmarkError, rounded, seconds, wait_until
from tflited.domain.attempt import AttemptLimits, AttemptRequest, AttemptResult
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy
from tflited.workers.local import LocalExecutor

WARM_SECONDS: Final = 120.0
STOP_SECONDS: Final = 10.0


def measure(attempts: int) -> dict[str, Any]:
    """Seconds from the request to the reaped child, over several attempts.

    Args:
        attempts: samples to take, after one that is not counted.

    Raises:
        BenchmarkError: the zygote does not come up, or an attempt fails.
    """
    folder = str(Path(__file__).resolve().parent)
    os.environ["PYTHONPATH"] = os.pathsep.join(
        part for part in (folder, os.environ.get("PYTHONPATH")) if part
    )
    executor = LocalExecutor(entry="empty_entry")
    executor.start()
    try:
        wait_until(lambda: executor.is_ready, WARM_SECONDS, "warm zygote")
        samples = [_sample(executor, number) for number in range(attempts + 1)][1:]
    finally:
        executor.stop(STOP_SECONDS)
    return {
        "what": "empty attempt: fork from the warm zygote, confine, reply, reap",
        "median_seconds": round(statistics.median(samples), 4),
        "seconds": rounded(samples),
    }


def _sample(executor: LocalExecutor, number: int) -> float:
    with tempfile.TemporaryDirectory(prefix="tflited-bench-") as scratch:
        request = AttemptRequest(
            attempt=f"1.{number}",
            kind=ModelKind.SAVED_MODEL,
            model=scratch,
            stem="empty",
            scratch=scratch,
            policy=Policy(),
        )
        return seconds(lambda: _attempt(executor, request))


def _attempt(executor: LocalExecutor, request: AttemptRequest) -> None:
    limits = AttemptLimits(wall_seconds=WARM_SECONDS)
    outcome = executor.run_attempt(request, limits, lambda _stage, _detail: None, Event())
    if outcome.result is not AttemptResult.OK:
        raise BenchmarkError(f"The empty attempt ended as {outcome.result}: {outcome.failure}.")
