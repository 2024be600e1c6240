"""Changes hundreds of models at random for minutes under the real daemon; nothing may be wrong.

    python tests/soak/run.py [--minutes 20] [--models 500] [--writers 6] [--seed 1]

Writers copy, rsync, rename, move, exchange, truncate, delete, recreate and touch; every state that
they write carries one generation's number in its graph and in its weights. At the end every whole
model is published as it is on disk, no set ever mixed generations, every broken model says why, and
builds stay below 1.2 for each settled state. Prints one JSON document; exits with 1 when something
is wrong.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

TESTS: Final = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS.parent / "daemon")]

from daemon_process import DaemonProcess, running  # noqa: E402
from soak import verdict  # noqa: E402
from soak.tree import ABSENT, BROKEN, PARENTS, Slot, Writer  # noqa: E402
from tflited.errors import TflitedError  # noqa: E402
from tflited.sources.digest import Digester  # noqa: E402
from tflited.sources.scan import snapshot_of  # noqa: E402
from waiting import wait_until  # noqa: E402

GENERATIONS: Final = 40
MAKE_SECONDS: Final = 240
REST_SECONDS: Final = 600
MOST_BUILDS: Final = 1.2
LOOK_SECONDS: Final = 5.0
SETTLE_SECONDS: Final = 0.5
"""A state that rests for ``settle_whole_seconds`` may be built: it counts as settled."""
POLICY: Final = 'variants = ["float32"]\nc_array = { enabled = false }\n'
MOVING: Final = ("settling", "queued", "building", "checking")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long, over how many models, by how many writers, one of how many seconds each."""

    seconds: float
    models: int
    writers: int
    seed: int
    pause_seconds: float = 2.0
    generations: int = GENERATIONS


def soak(plan: Plan, folder: Path) -> dict[str, Any]:
    """Runs one soak.

    Args:
        plan: its size.
        folder: an empty directory.

    Returns:
        Figures, and under ``wrong`` what must not have happened.
    """
    pool = _pool(folder / "pool", plan.generations)
    digests = {number: _digest(path) for number, path in pool.items()}
    (folder / "aside").mkdir()
    with running(folder) as daemon:
        (daemon.root / ".tflited.toml").write_text(POLICY)
        for parent in PARENTS:
            (daemon.root / parent).mkdir()
        stop = Event()
        writers = _writers(plan, daemon.root, folder / "aside", pool, stop)
        mixed = _disturb(plan, daemon, writers, stop, digests)
        slots = [slot for writer in writers for slot in writer.slots]
        ended = time.monotonic()
        wait_until(lambda: _is_at_rest(daemon), REST_SECONDS, what="every model at rest")
        return _judged(daemon, writers, slots, digests, mixed, ended)


def _pool(folder: Path, count: int) -> dict[int, Path]:
    script = Path(__file__).with_name("generations.py")
    command = [sys.executable, str(script), str(folder), str(count)]
    subprocess.run(command, check=True, timeout=MAKE_SECONDS, capture_output=True)
    return {number: folder / str(number) for number in range(1, count + 1)}


def _digest(model: Path) -> str:
    snapshot = snapshot_of(model)
    assert snapshot is not None
    return Digester().model(model, snapshot)


def _writers(
    plan: Plan, root: Path, aside: Path, pool: dict[int, Path], stop: Event
) -> list[Writer]:
    slots = [Slot(name=f"m{number}") for number in range(plan.models)]
    return [
        Writer(
            root=root,
            aside=aside,
            pool=pool,
            slots=slots[number :: plan.writers],
            seed=plan.seed * 1000 + number,
            stop=stop,
            pause_seconds=plan.pause_seconds,
        )
        for number in range(plan.writers)
    ]


def _disturb(
    plan: Plan, daemon: DaemonProcess, writers: list[Writer], stop: Event, digests: dict[int, str]
) -> list[str]:
    """Lets the writers loose for the time, looking at what is published all the while."""
    choose = random.Random(plan.seed)  # noqa: S311 - repeatable, not secret
    for writer in writers:
        writer.fill(choose)
    threads = [Thread(target=writer.run, name="writer") for writer in writers]
    for thread in threads:
        thread.start()
    mixed: list[str] = []
    end = time.monotonic() + plan.seconds
    while time.monotonic() < end and any(thread.is_alive() for thread in threads):
        stop.wait(min(LOOK_SECONDS, plan.seconds))
        mixed += verdict.mixtures(daemon.output / "models", digests)
    stop.set()
    for thread in threads:
        thread.join(MAKE_SECONDS)
    return mixed


def _is_at_rest(daemon: DaemonProcess) -> bool:
    phases = _phases(daemon)
    return not any(phases.get(phase, 0) for phase in MOVING)


def _phases(daemon: DaemonProcess) -> Counter[str]:
    return sum((Counter(root["models"]) for root in daemon.get("status")["roots"]), Counter())


def _judged(
    daemon: DaemonProcess,
    writers: list[Writer],
    slots: list[Slot],
    digests: dict[int, str],
    mixed: list[str],
    ended: float,
) -> dict[str, Any]:
    output = daemon.output / "models"
    states = verdict.settled_states(slots, SETTLE_SECONDS, ended + REST_SECONDS)
    builds = verdict.attempts(daemon.state)
    wrong = [writer.fault for writer in writers if writer.fault]
    wrong += mixed + verdict.mixtures(output, digests) + verdict.late(slots, output, digests)
    wrong += _unexplained(daemon, slots)
    if builds > MOST_BUILDS * states:
        wrong.append(f"{builds} builds for {states} settled states, allowed {MOST_BUILDS} each")
    return {
        "operations": sum((Counter(writer.counts) for writer in writers), Counter()),
        "states": {
            "whole": sum(slot.generation > ABSENT for slot in slots),
            "broken": sum(slot.generation == BROKEN for slot in slots),
            "absent": sum(slot.generation == ABSENT for slot in slots),
        },
        "phases": {phase: count for phase, count in _phases(daemon).items() if count},
        "settled_states": states,
        "builds": builds,
        "builds_per_settled_state": round(builds / max(states, 1), 3),
        "wrong": wrong,
    }


def _unexplained(daemon: DaemonProcess, slots: list[Slot]) -> list[str]:
    """Broken models without a reason."""
    wrong = []
    for slot in (slot for slot in slots if slot.generation == BROKEN):
        try:
            model = daemon.why(slot.path)["model"] or {}
        except TflitedError as error:
            model = {"phase": "unknown", "reason": str(error)}
        if model.get("phase") != "refused" or not model.get("reason"):
            wrong.append(f"{slot.path}: broken, observed {model.get('phase')}: {model}")
    return wrong


def main() -> None:
    """Runs a soak as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--models", type=int, default=500)
    parser.add_argument("--writers", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    plan = Plan(
        seconds=asked.minutes * 60,
        models=asked.models,
        writers=asked.writers,
        seed=asked.seed,
    )
    with tempfile.TemporaryDirectory(prefix="tflited-soak-") as folder:
        figures = soak(plan, Path(folder))
        sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    sys.exit(1 if figures["wrong"] else 0)


if __name__ == "__main__":
    main()
