"""What a scrape of /metrics takes beside many models and jobs, at rest and while models convert."""

import statistics
import time
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from threading import Event
from typing import Any, Final

from filled import BUILD_SECONDS, fill
from served import START_SECONDS, ServedDaemon
from stopwatch import BenchmarkError, wait_until

SCRAPES: Final = 200
PAUSE_SECONDS: Final = 0.05
ACCEPT: Final = "application/openmetrics-text; version=1.0.0"


def measure(daemon: ServedDaemon, model: Path, models: int, builds: int) -> dict[str, Any]:
    """Times of scrapes, each over a connection of its own, from connecting to the last byte.

    Args:
        daemon: a filled one that does not run.
        model: a small SavedModel.
        models: how many published models it has.
        builds: how many copies of the model it builds while it is scraped.

    Raises:
        BenchmarkError: something did not happen in time.
    """
    with daemon.running():
        wait_until(lambda: daemon.published() == models, START_SECONDS, "published models")
        past_jobs = int(daemon.metric("tflited_jobs_stored"))
        before = daemon.cpu_seconds()
        at_rest = figures([_scrape(daemon) for _ in range(SCRAPES)])
        cpu_ms = round(1000 * (daemon.cpu_seconds() - before) / SCRAPES, 1)
        for number in range(builds):
            fill(model, daemon.root / f"scraped{number}")
        converting = _while_converting(daemon, models + builds)
        return {
            "what": "GET /metrics as OpenMetrics, from connecting to the last byte",
            "models": models,
            "past_jobs": past_jobs,
            "bytes": len(_exposition(daemon)),
            "at_rest": {**at_rest, "cpu_ms": cpu_ms},
            "while_converting": {
                **figures(converting),
                "builds": builds,
                "job_seconds_mean": round(_mean_job(daemon), 3),
            },
        }


def _while_converting(daemon: ServedDaemon, models: int) -> list[float]:
    taken, deadline, pause = [], time.monotonic() + BUILD_SECONDS, Event()
    while daemon.published() < models:
        if time.monotonic() > deadline:
            raise BenchmarkError(f"No {models} published models within {BUILD_SECONDS:.0f} s.")
        taken.append(_scrape(daemon))
        pause.wait(PAUSE_SECONDS)
    return taken


def _mean_job(daemon: ServedDaemon) -> float:
    name = "tflited_job_duration_seconds"
    return daemon.metric(f"{name}_sum") / max(daemon.metric(f"{name}_count"), 1)


def _scrape(daemon: ServedDaemon) -> float:
    started = time.monotonic()
    _exposition(daemon)
    return time.monotonic() - started


def _exposition(daemon: ServedDaemon) -> bytes:
    with closing(HTTPConnection("127.0.0.1", daemon.port, timeout=START_SECONDS)) as connection:
        connection.request("GET", "/metrics", headers={"Accept": ACCEPT})
        return connection.getresponse().read()


def figures(taken: list[float]) -> dict[str, Any]:
    """Median and the longest of several times in seconds; at least two."""
    cuts = statistics.quantiles(taken, n=100)
    return {
        "scrapes": len(taken),
        "median_ms": round(1000 * statistics.median(taken), 2),
        "p99_ms": round(1000 * cuts[98], 2),
        "max_ms": round(1000 * max(taken), 2),
    }
