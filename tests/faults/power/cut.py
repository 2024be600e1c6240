"""Cuts the power of a recorded life at every moment, and looks at what each disk is good for.

    python tests/faults/power/cut.py

Lets the next life work on every disk there is; prints one JSON document.
"""

import json
import os
import random
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

TESTS: Final = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(TESTS), str(TESTS.parent / "daemon")]

from faults import life, memory, promises  # noqa: E402
from faults.power.disk import History, Rule, Tree  # noqa: E402
from faults.power.trace import recorded  # noqa: E402


@dataclass(frozen=True, slots=True)
class Cut:
    """One disk after one power cut.

    Attributes:
        point: how many events had happened.
        rule: what there is of what was not durable.
        tree: the disk.
        promised: ids of the triggers that were accepted before.
    """

    point: int
    rule: Rule
    tree: Tree
    promised: frozenset[str]


class Recording:
    """One life under strace, and every disk that a power cut could leave of it.

    Args:
        folder: an empty directory.
        mutant: what is planted in it; none where it is empty.
    """

    def __init__(self, folder: Path, mutant: str = "") -> None:
        place = folder / "life"
        life.prepare(place)
        self.models = place / "models"
        tree = dict(_read(place))
        command = [sys.executable, str(TESTS / "faults" / "life.py"), str(place)]
        command += [mutant] if mutant else []
        path = os.pathsep.join(map(str, (TESTS, TESTS.parent / "daemon")))
        calls = recorded(command, folder / "trace", {**os.environ, "PYTHONPATH": path})
        self._history = History(tree, place, calls, _is_of_interest)

    @property
    def points(self) -> int:
        """How many events there are."""
        return len(self._history.events)

    def cuts(self, seed: int = 0) -> Iterator[Cut]:
        """Every different disk, in an order that finds a fault soon."""
        places = [(point, rule) for point in range(self.points + 1) for rule in Rule]
        random.Random(seed).shuffle(places)  # noqa: S311 - repeatable, not secret
        seen = set()
        for point, rule in places:
            tree = self._history.after(point, rule, seed + point)
            promised = frozenset(self._history.promised(point))
            key = hash((frozenset(tree.items()), promised))
            if key not in seen:
                seen.add(key)
                yield Cut(point, rule, tree, promised)


def faults_at_rest(cut: Cut, folder: Path) -> list[str]:
    """What is wrong with a disk that no daemon has touched since the power cut.

    Args:
        cut: the disk.
        folder: where it is laid out; emptied first.
    """
    lay_out(cut.tree, folder)
    places = promises.Places(folder / "output", folder / "state")
    waiting = {path.stem for path in (folder / "state/spool/new").glob("*.json")}
    wrong = promises.at_rest(places, (cut.promised | frozenset(life.DROPPED)) - waiting)
    if not promises.manifest(folder / "output/models/a"):
        wrong.append("models/a had a set before the power cut and has none now")
    return wrong


def faults_after_recovery(cut: Cut, folder: Path, models: Path) -> list[str]:
    """What is wrong after the next life has done all its work on a disk.

    Args:
        cut: the disk.
        folder: where it was laid out.
        models: the root.
    """
    life.configure(folder, models)
    with life.on_one_thread():
        next_life = life.Life(folder)
        try:
            next_life.start()
            next_life.rest()
        finally:
            next_life.stop()
    places = promises.Places(folder / "output", folder / "state")
    wrong = promises.at_rest(places, cut.promised | frozenset(life.DROPPED))
    with promises.store(places.state) as store:
        wrong += promises.undone(store)
    return wrong + [f"{path} is left over" for path in promises.left_over(places)]


def lay_out(tree: Tree, folder: Path) -> None:
    """Writes a tree into a folder, whatever was there before."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path in sorted(tree):
        content = tree[path]
        if content is None:
            (folder / path).mkdir()
        else:
            (folder / path).write_bytes(content)


def _read(folder: Path) -> Iterator[tuple[Path, bytes | None]]:
    """Everything below a folder that is followed."""
    for path in folder.rglob("*"):
        inner = path.relative_to(folder)
        if _is_of_interest(inner):
            yield inner, None if path.is_dir() else path.read_bytes()


def _is_of_interest(path: Path) -> bool:
    """Output and state, without what every start makes anew."""
    is_ours = path.parts[:1] in {("output",), ("state",)}
    is_made_anew = path.parts[:2] == ("state", "scratch") or path.name.endswith("-shm")
    return is_ours and not is_made_anew


def main() -> None:
    """Goes through every disk and prints what was wrong."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    wrong: list[str] = []
    disks = 0
    with memory.folder() as folder:
        recording = Recording(folder)
        for cut in recording.cuts():
            disks += 1
            found = faults_at_rest(cut, folder / "disk")
            found += faults_after_recovery(cut, folder / "disk", recording.models)
            wrong += [f"{cut.rule}, after {cut.point} events: {fault}" for fault in found]
    figures = {"events": recording.points, "disks": disks, "wrong": wrong}
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
