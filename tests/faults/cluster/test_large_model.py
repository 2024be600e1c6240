"""A model of two gigabytes reaches a worker's child without staying in daemon or scheduler."""

from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from cluster_executors import a_request, running_executor
from clusters import QUICK, running_cluster
from tflited.domain.attempt import AttemptLimits, AttemptResult

SIZE_BYTES = 2 * 2**30
MOST_GROWTH_BYTES = 100 * 2**20


def memory(pid: int | str, name: str) -> int:
    """A figure of a process, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    (line,) = [line for line in lines if line.startswith(f"{name}:")]
    return int(line.split()[1]) * 1024


def begin(pid: int | str) -> int:
    """Lets the peak of a process begin anew; gives what it holds now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
    return memory(pid, "VmRSS")


@pytest.mark.timeout(600)
def test_daemon_and_scheduler_do_not_grow(tmp_path: Path) -> None:
    """The worker has all of it; who offers it, in this process, and the scheduler never do."""
    with (
        running_cluster(tmp_path, ("one",), program=QUICK) as cluster,
        running_executor(cluster, tmp_path, ttl=60) as executor,
    ):
        request = a_request(tmp_path, "ok")
        with Path(request.model).open("r+b") as stream:
            stream.truncate(SIZE_BYTES)
        request = replace(request, attempt="2.1")
        places = {"daemon": "self", "scheduler": str(cluster.scheduler.pid)}
        before = {name: begin(pid) for name, pid in places.items()}
        outcome = executor.run_attempt(request, AttemptLimits(), lambda *_: None, Event())
        grown = {name: memory(pid, "VmHWM") - before[name] for name, pid in places.items()}
        sizes = [path.stat().st_size for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert outcome.result is AttemptResult.OK, outcome
    assert SIZE_BYTES in sizes
    assert max(grown.values()) < MOST_GROWTH_BYTES, grown
