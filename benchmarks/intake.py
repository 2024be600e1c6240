"""What watching costs: many models, nothing to do, and the way of one small model through.

The many models are those of ``filled.py``: the daemon finds every one published and builds none.
"""

import contextlib
import os
import statistics
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from filled import BUILD_SECONDS, FILES, fill, multiply
from served import SETTLE_SECONDS, START_SECONDS, ServedDaemon
from stopwatch import BenchmarkError, rounded, wait_until
from tflited.sources.inotify import IN_ISDIR, IN_OPEN, IN_Q_OVERFLOW, Inotify

SAMPLE: Final = 500
"""Models of which every open is counted; more would slow down what is measured."""
IDLE_SECONDS: Final = 60.0


def measure(model: Path, models: int, builds: int, folder: Path) -> dict[str, Any]:
    """Everything about intake.

    Args:
        model: a small SavedModel.
        models: how many copies of it are watched, of ten files each.
        builds: how many builds the latency is the median of.
        folder: a directory to work in.

    Raises:
        BenchmarkError: something did not happen in time.
    """
    daemon = ServedDaemon(folder / "intake")
    fill(model, daemon.root / "m00000")
    with daemon.running():
        latency = _latency(daemon, model, builds)
    multiply(daemon, models)
    with daemon.running() as ready_seconds:
        wait_until(lambda: daemon.published() == models, START_SECONDS, "published models")
        first = {
            "ready_seconds": round(ready_seconds, 2),
            "scan_seconds": round(daemon.metric("tflited_scan_duration_seconds_sum"), 2),
            "supervisor_rss_bytes": daemon.status("VmRSS") * 1024,
            "idle_cpu_percent": _idle(daemon),
        }
    with _opened(daemon.root) as opens, daemon.running() as ready_seconds:
        wait_until(lambda: daemon.published() == models, START_SECONDS, "published models")
        restart = {
            "ready_seconds": round(ready_seconds, 2),
            "cpu_seconds": round(daemon.cpu_seconds(), 2),
            "scan_seconds": round(daemon.metric("tflited_scan_duration_seconds_sum"), 2),
            "model_files_opened": opens.count,
            "were_opens_lost": opens.were_lost,
            "supervisor_rss_bytes": daemon.status("VmRSS") * 1024,
        }
    return {
        "what": "copies of one small model, published already; the latency is of real builds",
        "models": models,
        "files": models * FILES,
        "first_start": first,
        "restart": restart,
        "latency": latency,
    }


class _Opens:
    """Counts files of a sample of models that are opened."""

    def __init__(self, folder: Path) -> None:
        self.count, self.were_lost = 0, False
        self._inotify = Inotify()
        for model in sorted(folder.iterdir())[:: max(1, len(list(folder.iterdir())) // SAMPLE)]:
            for directory, _, _ in os.walk(model):
                self._inotify.watch(directory, IN_OPEN)
        self._stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, name="opens")

    def _run(self) -> None:
        while not self._stopping.is_set():
            for event in self._inotify.read(0.2):
                self.were_lost = self.were_lost or bool(event.mask & IN_Q_OVERFLOW)
                self.count += bool(event.mask & IN_OPEN and not event.mask & IN_ISDIR)

    def stop(self) -> None:
        self._stopping.set()
        self.thread.join()
        self._inotify.close()


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[_Opens]:
    opens = _Opens(folder)
    opens.thread.start()
    try:
        yield opens
    finally:
        opens.stop()


def _idle(daemon: ServedDaemon) -> float:
    """CPU of the supervisor while nothing happens, in percent of one processor."""
    used, started = daemon.cpu_seconds(), time.monotonic()
    threading.Event().wait(IDLE_SECONDS)
    spent = daemon.cpu_seconds() - used
    return round(100 * spent / (time.monotonic() - started), 3)


def _latency(daemon: ServedDaemon, model: Path, builds: int) -> dict[str, Any]:
    """From the last close of a model to its manifest, beyond settling and the child's stages."""
    wait_until((daemon.output / "m00000" / "manifest.json").exists, BUILD_SECONDS, "first set")
    wait_until(lambda: daemon.metric("tflited_sets_published_total") >= 1, BUILD_SECONDS, "set")
    overheads = []
    for number in range(builds):
        name, before = f"latency{number}", daemon.conversion_seconds()
        fill(model, daemon.root / name)
        closed = time.monotonic()
        _wait_closely(daemon.output / name / "manifest.json")
        published = time.monotonic()
        wait_until(
            partial(_has_published, daemon, number + 2),
            BUILD_SECONDS,
            "recorded set",
        )
        conversion = daemon.conversion_seconds() - before
        overheads.append(published - closed - SETTLE_SECONDS - conversion)
    return {
        "settle_seconds": SETTLE_SECONDS,
        "overhead_median_seconds": round(statistics.median(overheads), 4),
        "overhead_seconds": rounded(overheads),
    }


def _has_published(daemon: ServedDaemon, sets: int) -> bool:
    return daemon.metric("tflited_sets_published_total") >= sets


def _wait_closely(path: Path) -> None:
    deadline, pause = time.monotonic() + BUILD_SECONDS, threading.Event()
    while not path.exists():
        if time.monotonic() > deadline:
            raise BenchmarkError(f"No {path} within {BUILD_SECONDS:.0f} s.")
        pause.wait(0.002)
