"""What watching costs: many models, nothing to do, and the way of one small model through.

One model is built by the daemon. The others are copies of it with inodes of their own, and copies
of its set under their own names, so that the daemon finds every model published and builds none.
"""

import contextlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from folder import copy, running_program
from stopwatch import BenchmarkError, rounded, wait_until
from tflited.sources.inotify import IN_ISDIR, IN_OPEN, IN_Q_OVERFLOW, Inotify

FILES: Final = 10
SAMPLE: Final = 500
"""Models of which every open is counted; more would slow down what is measured."""
IDLE_SECONDS: Final = 60.0
SETTLE_SECONDS: Final = 0.5
START_SECONDS: Final = 180.0
BUILD_SECONDS: Final = 180.0
CONVERSION: Final = ("load", "reference", "lower", "quantise", "prove", "emit_c", "profile")
"""The stages that are conversion; copying, starting a child and publishing are overhead."""
MAIN_FILE: Final = f"""\
[daemon]
settle_seconds = {SETTLE_SECONDS}

[http]
listen = "127.0.0.1:0"

[log]
format = "json"

[[root]]
name = "models"
path = "models"
"""


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
    daemon = _Daemon(folder / "intake")
    _fill(model, daemon.root / "m00000")
    with daemon.running():
        latency = _latency(daemon, model, builds)
    _multiply(daemon, models)
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


class _Daemon:
    """The real program over the folders of a main file."""

    def __init__(self, folder: Path) -> None:
        self.root, self.output = folder / "models", folder / "output" / "models"
        self._folder, self._log = folder, folder / "log"
        self.root.mkdir(parents=True)
        (folder / "tflited.toml").write_text(MAIN_FILE, encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    @contextlib.contextmanager
    def running(self) -> Iterator[float]:
        """Gives the seconds from start to ready."""
        main_file = self._folder / "tflited.toml"
        command = [sys.executable, "-m", "tflited", "serve", "--config", str(main_file)]
        started = time.monotonic()
        with running_program(command, self._log) as self._process:
            wait_until(self._is_ready, START_SECONDS, "ready daemon")
            yield time.monotonic() - started

    def _is_ready(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise BenchmarkError(f"The daemon ended: {self._log.read_text()[-2000:]}")
        text = self._log.read_text(encoding="utf-8", errors="replace")
        port = re.search(r'"http_port": ?(\d+)', text)
        self._port = int(port[1]) if port else 0
        return '"is_ready": true' in text or '"is_ready":true' in text

    def metric(self, name: str) -> float:
        """A sample, summed over its labels."""
        return sum(value for sample, value in self._samples() if sample.partition("{")[0] == name)

    def conversion_seconds(self) -> float:
        """Time of every build so far in the stages of the child that work on the model."""
        name = "tflited_stage_duration_seconds_sum"
        found = ((sample, value) for sample, value in self._samples() if sample.startswith(name))
        return sum(
            value for sample, value in found if any(f'"{stage}"' in sample for stage in CONVERSION)
        )

    def published(self) -> int:
        """How many models are published and up to date."""
        return int(
            sum(
                value
                for sample, value in self._samples()
                if sample.startswith("tflited_models{") and 'result="published"' in sample
            )
        )

    def _samples(self) -> Iterator[tuple[str, float]]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        for line in lines:
            if not line.startswith("#"):
                sample, _, value = line.rpartition(" ")
                yield sample, float(value)

    def status(self, key: str) -> int:
        """A number of the supervisor's ``/proc/PID/status``."""
        text = Path(f"/proc/{self._pid}/status").read_text(encoding="ascii")
        found = re.search(rf"^{key}:\s+(\d+)", text, re.MULTILINE)
        return int(found[1]) if found else 0

    def cpu_seconds(self) -> float:
        """What the supervisor has used so far."""
        fields = Path(f"/proc/{self._pid}/stat").read_text(encoding="ascii").rpartition(")")[2]
        ticks = sum(map(int, fields.split()[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")

    @property
    def _pid(self) -> int:
        return 0 if self._process is None else self._process.pid


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


def _fill(model: Path, folder: Path) -> None:
    """A copy of the model, filled up with assets to ten files."""
    copy(model, folder)
    (folder / "assets").mkdir(exist_ok=True)
    for number in range(FILES - sum(path.is_file() for path in folder.rglob("*"))):
        (folder / "assets" / f"{number}.txt").write_text(str(number), encoding="ascii")


def _multiply(daemon: _Daemon, models: int) -> None:
    """Copies of the first model and of its set."""
    first = daemon.root / "m00000"
    for spare in [*daemon.root.glob("latency*"), *daemon.output.glob("latency*")]:
        shutil.rmtree(spare)
    published = daemon.output / "m00000"
    manifest = (published / "manifest.json").read_text(encoding="utf-8")
    for number in range(1, models):
        name = f"m{number:05}"
        copy(first, daemon.root / name)
        place = daemon.output / name
        place.mkdir()
        (place / "manifest.json").write_text(
            manifest.replace('"m00000"', f'"{name}"'), encoding="utf-8"
        )


def _idle(daemon: _Daemon) -> float:
    """CPU of the supervisor while nothing happens, in percent of one processor."""
    used, started = daemon.cpu_seconds(), time.monotonic()
    threading.Event().wait(IDLE_SECONDS)
    spent = daemon.cpu_seconds() - used
    return round(100 * spent / (time.monotonic() - started), 3)


def _latency(daemon: _Daemon, model: Path, builds: int) -> dict[str, Any]:
    """From the last close of a model to its manifest, beyond settling and the child's stages."""
    wait_until((daemon.output / "m00000" / "manifest.json").exists, BUILD_SECONDS, "first set")
    wait_until(lambda: daemon.metric("tflited_sets_published_total") >= 1, BUILD_SECONDS, "set")
    overheads = []
    for number in range(builds):
        name, before = f"latency{number}", daemon.conversion_seconds()
        _fill(model, daemon.root / name)
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


def _has_published(daemon: _Daemon, sets: int) -> bool:
    return daemon.metric("tflited_sets_published_total") >= sets


def _wait_closely(path: Path) -> None:
    deadline, pause = time.monotonic() + BUILD_SECONDS, threading.Event()
    while not path.exists():
        if time.monotonic() > deadline:
            raise BenchmarkError(f"No {path} within {BUILD_SECONDS:.0f} s.")
        pause.wait(0.002)
