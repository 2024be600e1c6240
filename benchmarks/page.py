"""When the first byte of each page comes, beside many models and jobs and while models convert."""

import time
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from threading import Event
from typing import Any, Final

from filled import BUILD_SECONDS, fill
from scrape import figures
from served import START_SECONDS, ServedDaemon
from stopwatch import BenchmarkError, wait_until

ASKED: Final = 50
PAUSE_SECONDS: Final = 0.05
OK: Final = 200


def measure(daemon: ServedDaemon, model: Path, models: int, builds: int) -> dict[str, Any]:
    """Times from connecting to the first byte of an answer, each over a connection of its own.

    Args:
        daemon: a filled one that does not run.
        model: a small SavedModel.
        models: how many published models it has.
        builds: how many copies of the model it builds while it is asked.

    Raises:
        BenchmarkError: something did not happen in time, or a page was refused.
    """
    with daemon.running():
        wait_until(_all_published(daemon, models), START_SECONDS, "published models")
        past_jobs = int(daemon.metric("tflited_jobs_stored"))
        pages = _pages(models, past_jobs)
        at_rest = {
            name: figures([_first_byte(daemon, path) for _ in range(ASKED)])
            for name, path in pages.items()
        }
        for number in range(builds):
            fill(model, daemon.root / f"paged{number}")
        is_over = _all_published(daemon, models + builds)
        converting = _until(is_over, lambda: _first_byte(daemon, pages["overview"]))
        return {
            "what": "GET, from connecting to the first byte of the answer",
            "models": models,
            "past_jobs": past_jobs,
            "at_rest": at_rest,
            "overview_while_converting": {**figures(converting), "builds": builds},
        }


def _pages(models: int, jobs: int) -> dict[str, str]:
    """One of each kind, the dearest of its kind where they differ."""
    return {
        "overview": "/",
        "models": "/models",
        "models_found": "/models?q=999",
        "models_last_part": f"/models?part={models // 50}",
        "model": "/model?path=models/m00000",
        "jobs": "/jobs",
        "jobs_of_a_state": f"/jobs?state=published&before={jobs // 2}",
        "job": f"/jobs/{jobs // 2}",
        "compare": "/compare",
    }


def _all_published(daemon: ServedDaemon, models: int) -> Callable[[], bool]:
    return lambda: daemon.published() >= models


def _until(is_over: Callable[[], bool], ask: Callable[[], float]) -> list[float]:
    taken, deadline, pause = [ask(), ask()], time.monotonic() + BUILD_SECONDS, Event()
    while not is_over():
        if time.monotonic() > deadline:
            raise BenchmarkError(f"The builds did not end within {BUILD_SECONDS:.0f} s.")
        taken.append(ask())
        pause.wait(PAUSE_SECONDS)
    return taken


def _first_byte(daemon: ServedDaemon, path: str) -> float:
    with closing(HTTPConnection("127.0.0.1", daemon.port, timeout=START_SECONDS)) as connection:
        started = time.monotonic()
        connection.request("GET", path, headers={"Accept": "text/html"})
        answer = connection.getresponse()
        taken = time.monotonic() - started
        answer.read()
    if answer.status != OK:
        raise BenchmarkError(f"{path}: observed {answer.status}, allowed {OK}.")
    return taken
