"""Kills and stops every part of a real cluster, one at a time, in the middle of real conversions.

    python tests/faults/cluster/losses.py [--models 60]

One scheduler, three workers and a daemon, each with folders of its own and no path in common. After
each fault what was running is built all the same. At the end every model was published once, as the
local executor builds it, and no process is left. Prints one JSON document; exits with 1 when
something is wrong.
"""

import argparse
import json
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any, Final

TESTS: Final = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "daemon")]

import zoo  # noqa: E402
from clusters import Cluster, Program, children, main_file  # noqa: E402
from daemon_process import MAIN_FILE, DaemonProcess, processes  # noqa: E402
from tree_copy import copy_tree  # noqa: E402
from waiting import wait_until  # noqa: E402

WORKERS: Final = ("one", "two", "three")
TTL_SECONDS: Final = 15
BUILD_SECONDS: Final = 300
GONE_SECONDS: Final = 30
KINDS: Final = frozenset({".tflite", ".c", ".h"})


class Losses:
    """One cluster with a daemon, and what is done to them.

    Args:
        folder: an empty directory.
        models: how many are built, in five portions.
    """

    def __init__(self, folder: Path, models: int) -> None:
        self.folder = folder
        self.models = models
        self.report: dict[str, Any] = {"models": models, "seconds": {}}
        self._dropped = 0
        self._ended = set[tuple[int, str]]()
        self.cluster = Cluster(folder / "cluster")
        for name in WORKERS:
            self.cluster.add_worker(name)
        (folder / "daemon").mkdir()
        self.daemon = DaemonProcess(folder / "daemon")
        text = main_file(self.cluster, slots=len(WORKERS), ttl=TTL_SECONDS)
        self.daemon.main_file.write_text(MAIN_FILE + text)

    def run(self) -> dict[str, Any]:
        """Does everything in order; what is wrong is an AssertionError."""
        for worker in self.cluster.workers:
            worker.wait_for("scheduler_joined")
        self.daemon.start()
        try:
            self._portion("nothing", lambda _: None)
            self._portion("worker_killed", self._kill_worker)
            self._portion("scheduler_killed", self._kill_scheduler)
            self._portion("daemon_killed", self._kill_daemon)
            self._portion("worker_stopped", self._stop_worker)
            self._note_processes()
            self._check_jobs()
        finally:
            self.daemon.stop()
            self.cluster.stop()
        wait_until(lambda: not self._left(), GONE_SECONDS, what="the end of every process")
        self._compare()
        return self.report

    def _portion(self, name: str, fault: Callable[[Program], None]) -> None:
        """Drops a fifth of the models, does the fault while they are built, waits for them all."""
        began = monotonic()
        goal = self.models if name == "worker_stopped" else self._dropped + self.models // 5
        new = [f"m{number:03}" for number in range(self._dropped, goal)]
        for model in new:
            copy_tree(zoo.digits().model, self.daemon.root / model)
        self._dropped = goal
        worker: Program = wait_until(self._children_at_work, BUILD_SECONDS, what="work")[0]
        fault(worker)
        self._note_processes()
        for model in new:
            self.daemon.wait_for(model, "published", deadline_seconds=BUILD_SECONDS)
        self.report["seconds"][name] = round(monotonic() - began, 1)

    def _children_at_work(self) -> list[Program]:
        """The workers with a child below their zygote."""
        return [each for each in self._alive() if len(children(each.pid)) > 1]

    def _alive(self) -> list[Program]:
        return [worker for worker in self.cluster.workers if worker.is_alive()]

    def _kill_worker(self, worker: Program) -> None:
        below = children(worker.pid)
        worker.kill()
        wait_until(lambda: not below & _running(), GONE_SECONDS, what="its children's end")
        worker.begin()

    def _kill_scheduler(self, _: Program) -> None:
        self.cluster.scheduler.kill()
        wait_until(lambda: not self._children_at_work(), GONE_SECONDS, what="the children's end")
        self.cluster.scheduler.begin()

    def _kill_daemon(self, _: Program) -> None:
        self.daemon.kill()
        wait_until(lambda: not self._children_at_work(), GONE_SECONDS, what="the children's end")
        self.daemon.start()

    def _stop_worker(self, worker: Program) -> None:
        """It comes back when everything was built without it; what it then delivers is late."""
        worker.send(signal.SIGSTOP)
        try:
            for number in range(self.models - self.models // 5, self.models):
                name = f"m{number:03}"
                self.daemon.wait_for(name, "published", deadline_seconds=BUILD_SECONDS)
        finally:
            worker.send(signal.SIGCONT)
        wait_until(lambda: not self._children_at_work(), GONE_SECONDS, what="the late child's end")

    def _note_processes(self) -> None:
        pids = [each.pid for each in (*self._alive(), self.cluster.scheduler)]
        for pid in (*pids, self.daemon.pid):
            self._ended |= children(pid)

    def _left(self) -> set[tuple[int, str]]:
        return self._ended & _running()

    def _check_jobs(self) -> None:
        jobs = self.daemon.get("jobs", limit=1000)
        by_model = Counter(job["model"]["path"] for job in jobs)
        states = Counter(job["state"] for job in jobs)
        assert states == {"published": self.models}, states
        assert set(by_model.values()) == {1}, by_model
        lines = self.daemon.log.read_text().splitlines()
        events = [json.loads(line) for line in lines if line.startswith("{")]
        told = Counter(entry["model"] for entry in events if entry["event"] == "set_published")
        assert max(told.values()) == 1, told
        self.report["attempts"] = sum(job["attempts"] for job in jobs)
        self.report["failures"] = Counter(
            entry["code"] for entry in events if entry["event"] == "attempt_failed"
        )

    def _compare(self) -> None:
        """Every set is byte by byte what a daemon without a cluster makes of the same models."""
        (self.folder / "local").mkdir()
        local = DaemonProcess(self.folder / "local")
        local.main_file.write_text(
            MAIN_FILE.replace('path = "models"', f'path = "{self.daemon.root}"')
        )
        local.start()
        try:
            here = local.output / "models"
            wait_until(
                lambda: len(list(here.glob("*/manifest.json"))) == self.models,
                BUILD_SECONDS,
                what="the local sets",
            )
        finally:
            local.stop()
        expected, observed = _artifacts(here), _artifacts(self.daemon.output / "models")
        different = {name for name in expected if observed.get(name) != expected[name]}
        assert not different, sorted(different)[:5]
        assert observed.keys() == expected.keys()
        self.report["equal_files"] = len(expected)


def _running() -> set[tuple[int, str]]:
    return {(pid, began) for pid, _, began in processes()}


def _artifacts(tree: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(tree)): path.read_bytes()
        for path in tree.rglob("*")
        if path.suffix in KINDS and path.is_file()
    }


def main() -> int:
    """Runs it once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=60)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tflited-losses-") as folder:
        report = Losses(Path(folder), arguments.models).run()
    print(json.dumps(report, indent=2))  # noqa: T201 - what the program is for
    return 0


if __name__ == "__main__":
    sys.exit(main())
