"""Kills a real daemon again and again, in the moments that matter, and looks at what is left.

    python tests/faults/kill/loop.py [--kills 3000] [--seed 1]

Each round starts the daemon on the folders of the last one, gives it work, and ends it with SIGKILL
at a random moment of one kind. After each kill nothing may be lost, torn or doubled and no process
may live on; at the end every model is published as it is on disk and nothing is left over. Prints
one JSON document; exits with 1 when something is wrong.
"""

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

TESTS: Final = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "daemon")]

import zoo  # noqa: E402
from daemon_process import MAIN_FILE, DaemonProcess  # noqa: E402
from faults import promises  # noqa: E402
from faults.kill.nursery import Nursery  # noqa: E402
from model_trees import saved_model  # noqa: E402
from tflited.cli.client import Client  # noqa: E402
from tflited.errors import TflitedError  # noqa: E402
from tflited.triggers.spool import drop  # noqa: E402
from waiting import wait_until  # noqa: E402

PACE: Final = """\
[daemon]
workers = 2
settle_seconds = 0.2
settle_whole_seconds = 0.0
scan_interval_seconds = 1.0
builds_per_hour = 10000

"""
MODELS: Final = 8
LONGEST_SECONDS: Final = {"start": 0.6, "accept": 0.04, "claim": 0.03, "publish": 0.12}
"""From the beginning of a moment to the latest kill in it."""
GONE_SECONDS: Final = 5.0
REST_SECONDS: Final = 120.0
OFTEN: Final = 25
"""Rounds after which the daemon may finish its work and is looked at as a whole."""


class KillLoop:
    """One daemon, its models, and what was promised about them.

    Args:
        folder: an empty directory.
        nursery: starts daemons.
        seed: of every choice.
    """

    def __init__(self, folder: Path, nursery: Nursery, seed: int) -> None:
        self._daemon = DaemonProcess(folder, nursery.run)
        self._daemon.main_file.write_text(PACE + MAIN_FILE)
        self._places = promises.Places(self._daemon.output, self._daemon.state)
        self._choose = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._generations = dict.fromkeys((f"m{number}" for number in range(MODELS)), 0)
        self._accepted: set[str] = set()
        self._triggers = 0
        self._swapped: dict[int, int] = {}
        self._sender = Thread()
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []
        for name in self._generations:
            self._change(name)

    def run(self, kills: int) -> None:
        """Kills so many times, then lets the daemon come to rest and stops it."""
        for number in range(kills):
            moment = self._choose.choice(tuple(LONGEST_SECONDS))
            getattr(self, f"_{moment}")(self._choose.uniform(0.0, LONGEST_SECONDS[moment]))
            self._kill()
            self.seen[moment] += 1
            if number % OFTEN == OFTEN - 1:
                self._finish()
        self._finish()

    def _start(self, seconds: float) -> None:
        """Somewhere in the start, with everything that it takes up."""
        self._give_work()
        self._daemon.begin()
        Event().wait(seconds)

    def _accept(self, seconds: float) -> None:
        """While triggers come in over HTTP."""
        self._daemon.start()
        self._sender = Thread(target=self._send, args=(5,), name="sender")
        self._sender.start()
        Event().wait(seconds)

    def _claim(self, seconds: float) -> None:
        """As soon as an attempt has begun."""
        self._daemon.start()
        begun = self._attempts()
        self._give_work()
        self._wait_for(lambda: self._attempts() > begun)
        Event().wait(seconds)

    def _publish(self, seconds: float) -> None:
        """While sets are staged and swapped."""
        self._daemon.start()
        staging = self._places.output / promises.PRIVATE / "staging"
        self._give_work()
        self._wait_for(lambda: any(staging.iterdir()))
        Event().wait(seconds * self._choose.random())

    def _wait_for(self, moment: Callable[[], bool]) -> None:
        """Waits for a moment that may have been missed."""
        with suppress(AssertionError):
            wait_until(moment, 2.0)

    def _attempts(self) -> int:
        return self._daemon.log.read_text().count('"attempt_started"')

    def _give_work(self) -> None:
        """Changes models and drops triggers."""
        for name in self._choose.sample(sorted(self._generations), 3):
            self._change(name)
        name, document = self._document()
        drop(self._places.state / "spool", f"{name}.json", document)
        self._accepted.add(name)

    def _change(self, name: str) -> None:
        self._generations[name] += 1
        saved_model(self._daemon.root / name, data_bytes=100 + self._generations[name])

    def _document(self) -> tuple[str, bytes]:
        self._triggers += 1
        model = self._choose.choice(sorted(self._generations))
        trigger: dict[str, Any] = {"version": 1, "id": f"t{self._triggers}"}
        trigger["model"] = {"path": model}
        if self._choose.random() < 0.5:
            trigger["force"] = True
        if self._choose.random() < 0.3:
            trigger["save_to"] = f"elsewhere/{model}"
        return trigger["id"], json.dumps(trigger).encode()

    def _send(self, count: int) -> None:
        """Asks over HTTP; what was answered is promised, what was not may be there or not."""
        client = Client(self._places.state / "tflited.sock")
        for _ in range(count):
            name, document = self._document()
            with suppress(TflitedError, OSError, HTTPException):
                if client.post("/api/v1/triggers", document)["is_accepted"]:
                    self._accepted.add(name)

    def _kill(self) -> None:
        pid = self._daemon.pid
        self._daemon.kill()
        if self._sender.ident is not None:
            self._sender.join()
        wait_until(lambda: not survivors(pid), GONE_SECONDS, what=f"the children of {pid} to end")
        self._look()

    def _look(self) -> None:
        """What must hold at once; and which states the kills have met."""
        self.wrong += promises.at_rest(self._places, self._accepted_in_store())
        with promises.store(self._places.state) as store:
            if not promises.is_made(store):
                return
            running = store.execute("SELECT * FROM jobs WHERE state = 'running'").fetchall()
            queued = store.execute("SELECT id FROM jobs WHERE state = 'queued'").fetchall()
        self.seen["running"] += bool(running)
        self.seen["queued"] += bool(queued)
        self.seen["staged"] += bool(promises.left_over(self._places))
        for job in running:
            place = self._places.output / (job["save_to"] or f"models/{job['path']}")
            if promises.manifest(place).get("job") == job["id"]:
                self.seen["swapped"] += 1
                if job["trigger_source"] == "watch":  # a trigger builds a change that came since
                    self._swapped[job["id"]] = self._daemon.log.stat().st_size

    def _accepted_in_store(self) -> set[str]:
        """The accepted triggers whose document is not in the spool any more."""
        waiting = self._places.state / "spool" / "new"
        return self._accepted - {path.stem for path in waiting.glob("*.json")}

    def _finish(self) -> None:
        """Lets the daemon come to rest, looks at everything, and stops it."""
        self._daemon.start()
        wait_until(self._is_at_rest, REST_SECONDS, what="a daemon with nothing to do")
        self._daemon.stop()
        self.wrong += promises.at_rest(self._places, self._accepted)
        self.wrong += [f"{path} is left over" for path in promises.left_over(self._places)]
        with promises.store(self._places.state) as store:
            self.wrong += promises.undone(store)
        self.wrong += self._built_again()

    def _is_at_rest(self) -> bool:
        status = self._daemon.get("status")
        phases = Counter(status["roots"][0]["models"])
        waits = any((self._places.state / "spool" / "new").iterdir())
        with promises.store(self._places.state) as store:
            (active,) = store.execute(
                "SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')"
            ).fetchone()
        is_published = phases["published"] == MODELS == sum(phases.values())
        return is_published and not waits and not active

    def _built_again(self) -> list[str]:
        """Jobs whose set was in its place at a kill, and that were built all the same."""
        log = self._daemon.log.read_bytes()
        return [
            f"job {job} was built again after it was published"
            for job, begin in self._swapped.items()
            for line in log[begin:].splitlines()
            if b'"attempt_started"' in line and json.loads(line)["job_id"] == job
        ]


def survivors(pid: int) -> list[int]:
    """Processes that were started by a daemon, and what they forked: both have its number."""
    mark = f"--parent-pid\0{pid}\0".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def run(kills: int, seed: int, folder: Path) -> dict[str, Any]:
    """One whole loop: what its kills met, and what was wrong."""
    nursery = Nursery(zoo.recorded())
    try:
        loop = KillLoop(folder, nursery, seed)
        loop.run(kills)
    finally:
        nursery.close()
    return {"kills": kills, "seed": seed, "met": dict(loop.seen), "wrong": loop.wrong}


def main() -> None:
    """Runs one loop and prints what came of it."""
    parser = argparse.ArgumentParser(description="Kill the daemon at random moments.")
    parser.add_argument("--kills", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = run(options.kills, options.seed, Path(folder))
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    sys.exit(1 if figures["wrong"] else 0)


if __name__ == "__main__":
    main()
