"""Repeated pairs of measurements, their ratio, and waiting with a deadline."""

import os
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

POLL_SECONDS: Final = 0.05
QUIET: Final = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}


class BenchmarkError(Exception):
    """A measurement did not come about."""


def seconds(work: Callable[[], object]) -> float:
    """How long a call takes, on the monotonic clock."""
    started = time.monotonic()
    work()
    return time.monotonic() - started


def comparison(ours: Sequence[float], peer: Sequence[float]) -> dict[str, Any]:
    """The raw samples in seconds, both medians, and the median of the ratios of the pairs.

    Args:
        ours: one sample of each pair.
        peer: the other of each pair, in the same order; as many.
    """
    ratios = [one / other for one, other in zip(ours, peer, strict=True)]
    return {
        "ratio": round(statistics.median(ratios), 3),
        "ours_median_seconds": round(statistics.median(ours), 4),
        "peer_median_seconds": round(statistics.median(peer), 4),
        "ours_seconds": rounded(ours),
        "peer_seconds": rounded(peer),
    }


def rounded(samples: Sequence[float]) -> list[float]:
    """Samples to a tenth of a millisecond."""
    return [round(sample, 4) for sample in samples]


def wait_until(condition: Callable[[], object], deadline_seconds: float, what: str) -> None:
    """Blocks until the condition is true.

    Raises:
        BenchmarkError: it is not within the deadline.
    """
    end = time.monotonic() + deadline_seconds
    pause = threading.Event()
    while not condition():
        if time.monotonic() > end:
            raise BenchmarkError(f"No {what} within {deadline_seconds:.0f} s.")
        pause.wait(POLL_SECONDS)


def quiet() -> dict[str, str]:
    """This environment with TensorFlow's start-up messages off."""
    return {**os.environ, **QUIET}
