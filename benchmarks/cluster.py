"""What a cluster costs: an attempt that does nothing, sent to a worker and back, beside one here.

Scheduler, worker and daemon are processes on loopback; the model is fetched over HTTP, its set is
delivered, and both paths run the same two children.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import Any, Final

from stopwatch import BenchmarkError, comparison, seconds, wait_until
from tflited import toolchain
from tflited.clock import SystemClock
from tflited.domain.attempt import AttemptLimits, AttemptRequest, AttemptResult
from tflited.domain.cluster import ClusterSettings
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy
from tflited.domain.ports import Executor
from tflited.engine.proving import ProvingExecutor
from tflited.workers.cluster.executor import DaskExecutor
from tflited.workers.local import LocalExecutor

HERE: Final = Path(__file__).resolve().parent
START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 30.0


def measure(model: Path, attempts: int) -> dict[str, Any]:
    """Seconds from the request to the outcome, over a cluster and here, in turns.

    Args:
        model: a SavedModel, which is carried and not opened.
        attempts: pairs to take, after two that are not counted.

    Raises:
        BenchmarkError: the cluster does not come up, or an attempt fails.
    """
    os.environ["PYTHONPATH"] = os.pathsep.join((str(HERE), str(HERE.parent / "daemon")))
    with tempfile.TemporaryDirectory(prefix="tflited-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        dask = _dask(stack, folder)
        local = LocalExecutor(preload="json", entry="empty_entry")
        stack.callback(local.stop, STOP_SECONDS)
        local.start()
        here = ProvingExecutor(local, SystemClock())
        wait_until(lambda: dask.is_ready, START_SECONDS, "worker")
        wait_until(lambda: local.is_ready, START_SECONDS, "zygote")
        pairs = [
            (_sample(dask, model, folder, number), _sample(here, model, folder, number))
            for number in range(attempts + 2)
        ][2:]
    compared = comparison([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    overhead = compared["ours_median_seconds"] - compared["peer_median_seconds"]
    return {
        "what": "empty attempt on a worker: offer, fetch, two children, delivery, answer",
        "peer": "the same two children on this machine",
        "attempt": compared,
        "overhead_median_seconds": round(overhead, 4),
    }


def _dask(stack: ExitStack, folder: Path) -> DaskExecutor:
    scheduler = _started(
        stack, folder / "scheduler.log", "-m", "tflited", "scheduler", "tcp://127.0.0.1:0"
    )
    wait_until(lambda: _event(scheduler, "scheduler_started"), START_SECONDS, "scheduler")
    address = _event(scheduler, "scheduler_started")["address"]
    program = str(HERE / "empty_worker.py")
    own = f"--directory={folder / 'worker'}"
    _started(stack, folder / "worker.log", program, "worker", address, "--slots=1", own)
    settings = ClusterSettings(
        scheduler=address,
        slots=1,
        attempt_memory_bytes=1,
        data_listen="127.0.0.1:0",
        share_paths=False,
    )
    made = DaskExecutor(
        settings,
        versions=toolchain.versions(),
        staging=folder / "delivered",
        clock=SystemClock(),
        show=lambda _: None,
    )
    stack.callback(made.stop, STOP_SECONDS)
    made.start()
    return made


def _started(stack: ExitStack, log: Path, *command: str) -> Path:
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, *command, "--log-format=json"], stdout=stream, stderr=stream
        )
    stack.callback(process.wait, STOP_SECONDS)
    stack.callback(process.terminate)
    return log


def _event(log: Path, name: str) -> dict[str, Any]:
    lines = [line for line in log.read_text().splitlines() if line.startswith("{")]
    found: Sequence[dict[str, Any]] = [json.loads(line) for line in lines]
    return next((entry for entry in found if entry["event"] == name), {})


def _sample(executor: Executor, model: Path, folder: Path, number: int) -> float:
    scratch = folder / "work"
    scratch.mkdir(exist_ok=True)
    request = AttemptRequest(
        attempt=f"{number}.1",
        kind=ModelKind.SAVED_MODEL,
        model=str(model),
        stem="empty",
        scratch=str(scratch),
        policy=Policy(),
    )
    results: list[AttemptResult] = []

    def once() -> None:
        outcome = executor.run_attempt(request, AttemptLimits(), lambda *_: None, Event())
        results.append(outcome.result)

    spent = seconds(once)
    if results != [AttemptResult.OK]:
        raise BenchmarkError(f"An empty attempt ended {results[0]}.")
    return spent


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2])), indent=2))
