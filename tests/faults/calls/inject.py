"""Lets one call of a life fail, or be its last, and looks at what the next life makes of it.

    python tests/faults/calls/inject.py [--every 1]

The life has one thread that writes, so its n-th call of a kind is the same call every time.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

TESTS: Final = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(TESTS), str(TESTS.parent / "daemon")]

from faults import life, memory, promises  # noqa: E402

CALLS: Final = (
    "fsync,fdatasync,write,pwrite64,ftruncate,rename,renameat2,unlink,unlinkat,mkdir,rmdir"
)
LIFE_SECONDS: Final = 120.0
_PROMISE: Final = re.compile(r'access\("/promise/([^"]+)"')
_CALL: Final = re.compile(r"(\w+)\((.*)\) += ")


class Fault(StrEnum):
    """What happens at a call, in strace's words."""

    KILL = "signal=SIGKILL"
    EIO = "error=EIO"
    ENOSPC = "error=ENOSPC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The n-th call of a kind, counted from one, and what happens at it."""

    call: str
    number: int
    fault: Fault

    def __str__(self) -> str:
        return f"{self.call} {self.number} {self.fault}"


class Scene:
    """Prepared folders, copied for each life on them.

    Args:
        folder: an empty directory, best in memory.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._prepared = folder / "prepared"
        life.prepare(self._prepared)

    def points(self) -> list[Point]:
        """Every durable call of an undisturbed life, once for each fault."""
        place = self.copy("undisturbed")
        ended = self.live(place, "trace")
        assert ended == 0
        counts: Counter[str] = Counter()
        found = []
        for line in (place / "strace").read_text().splitlines():
            match = _CALL.match(line)
            if match is None or match[1] not in CALLS.split(","):
                continue
            counts[match[1]] += 1
            if "/state/scratch/" not in line:  # of no use after the attempt
                number = counts[match[1]]
                found += [Point(call=match[1], number=number, fault=fault) for fault in Fault]
        return found

    def faults(self, point: Point) -> list[str]:
        """What was wrong after a life with this point in it, and after the next."""
        place = self.copy(str(point))
        self.live(place, f"inject={point.call}:{point.fault}:when={point.number}")
        trace = (place / "strace").read_text()
        promised = {*_PROMISE.findall(trace)}
        places = promises.Places(place / "output", place / "state")
        waiting = {path.stem for path in (place / "state/spool/new").glob("*.json")}
        wrong = promises.at_rest(places, (promised | set(life.DROPPED)) - waiting)
        if not promises.manifest(place / "output/models/a"):
            wrong.append("models/a had a set before and has none now")
        if self.live(place, "trace") != 0:
            wrong.append("the next life did not come to its good end")
        wrong += promises.at_rest(places, promised | set(life.DROPPED))
        wrong += [f"{path} is left over" for path in promises.left_over(places)]
        with promises.store(places.state) as store:
            wrong += promises.undone(store)
        shutil.rmtree(place)
        return [f"{point}: {fault}" for fault in wrong]

    def copy(self, name: str) -> Path:
        """Prepared folders for one life."""
        place = self._folder / name
        subprocess.run(["cp", "-a", str(self._prepared), str(place)], check=True)
        life.configure(place, place / "models")
        return place

    def live(self, place: Path, expression: str) -> int:
        """Lives once under strace; returns the exit status, and leaves a trace and the noise."""
        path = os.pathsep.join(map(str, (TESTS, TESTS.parent / "daemon")))
        options = ["-qq", "-o", str(place / "strace"), "-e", f"trace=access,{CALLS}"]
        if expression != "trace":
            options += ["-e", expression]
        program = [sys.executable, str(TESTS / "faults" / "life.py"), str(place)]
        ended = subprocess.run(
            ["strace", "-y", *options, "--", *program],
            env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            timeout=LIFE_SECONDS,
            check=False,
        )
        (place / "noise").write_bytes(ended.stdout + ended.stderr)
        return ended.returncode


def run(points: Sequence[Point], scene: Scene) -> list[str]:
    """What was wrong after any of the points; two lives at a time."""
    with ThreadPoolExecutor(2) as pool:
        return [fault for found in pool.map(scene.faults, points) for fault in found]


def main() -> None:
    """Goes through every point, or every n-th, and prints what was wrong."""
    parser = argparse.ArgumentParser(description="Let every durable call fail once.")
    parser.add_argument("--every", type=int, default=1)
    every = parser.parse_args().every
    with memory.folder() as folder:
        scene = Scene(folder)
        points = scene.points()[::every]
        figures: dict[str, Any] = {"points": len(points), "wrong": run(points, scene)}
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    sys.exit(1 if figures["wrong"] else 0)


if __name__ == "__main__":
    main()
