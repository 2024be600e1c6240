"""The folders that writers change: where each model is, and which generation it holds."""

import random
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Final

from tflited.output.rename import place

CHANGING: Final = -2
BROKEN: Final = -1
ABSENT: Final = 0
PARENTS: Final = ("a", "b")
_FILES: Final = (
    "saved_model.pb",
    "variables/variables.index",
    "variables/variables.data-00000-of-00001",
)
_RSYNC_WAYS: Final[tuple[list[str], ...]] = (
    [],
    ["--inplace"],
    ["--delay-updates"],
    ["--whole-file", "--ignore-times"],
)
_CHUNK_BYTES: Final = 4096
_PAUSES: Final = (0.0, 0.0, 0.0, 0.01, 0.2, 0.8, 2.0, 4.0)
"""Seconds between two files of a copy: most come at once, some take longer than any settle time."""


@dataclass(slots=True)
class Slot:
    """One model's folder: its name, the parent it is in, and what it holds.

    ``states`` tell its history: when each began, in monotonic seconds, in which parent, and its
    generation, ``ABSENT``, ``BROKEN`` or ``CHANGING``.
    """

    name: str
    parent: str = PARENTS[0]
    generation: int = ABSENT
    states: list[tuple[float, str, int]] = field(default_factory=list)

    @property
    def path(self) -> str:
        """Below the root."""
        return f"{self.parent}/{self.name}"

    def disturbed(self) -> None:
        """A change begins."""
        self.states.append((time.monotonic(), self.parent, CHANGING))

    def reached(self, generation: int) -> None:
        """A change is over."""
        self.generation = generation
        self.states.append((time.monotonic(), self.parent, generation))


@dataclass(slots=True)
class Writer:
    """One of several that change their own slots at random until told to stop.

    Args:
        root: the watched folder.
        aside: a folder on the same file system, outside the root.
        pool: one SavedModel for each generation, by number.
        slots: this writer's own; no other writer touches them.
        seed: of the random choices.
        stop: ends it, between two operations.
        pause_seconds: mean time between two operations.
    """

    root: Path
    aside: Path
    pool: dict[int, Path]
    slots: list[Slot]
    seed: int
    stop: Event
    pause_seconds: float
    counts: dict[str, int] = field(default_factory=dict)
    fault: str = ""

    def run(self) -> None:
        """Changes one slot after another; what goes wrong is kept in ``fault``."""
        choose = random.Random(self.seed)  # noqa: S311 - repeatable, not secret
        try:
            while not self.stop.wait(choose.expovariate(1 / self.pause_seconds)):
                self._operate(choose, choose.choice(self.slots))
        except (OSError, subprocess.SubprocessError) as error:
            self.fault = f"{type(error).__name__}: {error}"

    def fill(self, choose: random.Random) -> None:
        """Gives every slot its first generation."""
        for slot in self.slots:
            self._copy(slot, choose, slow=False)

    def _operate(self, choose: random.Random, slot: Slot) -> None:
        if slot.generation in {ABSENT, BROKEN}:
            operations = self._operations_on_nothing()
        else:
            operations = self._operations()
        name, operation = choose.choice(operations)
        self.counts[name] = self.counts.get(name, 0) + 1
        slot.disturbed()
        operation(slot, choose)

    def _operations_on_nothing(self) -> list[tuple[str, Callable[[Slot, random.Random], None]]]:
        return [("recreate", self._recreate), ("rename", self._rename), ("rsync", self._rsync)]

    def _operations(self) -> list[tuple[str, Callable[[Slot, random.Random], None]]]:
        return [
            ("copy", self._overwrite),
            ("copy", self._overwrite),
            ("rsync", self._rsync),
            ("rename", self._rename),
            ("move", self._move),
            ("exchange", self._exchange),
            ("truncate", self._truncate),
            ("delete", self._delete),
            ("recreate", self._recreate),
            ("touch", self._touch),
        ]

    def _place(self, slot: Slot) -> Path:
        return self.root / slot.path

    def _overwrite(self, slot: Slot, choose: random.Random) -> None:
        self._copy(slot, choose, slow=True)

    def _copy(self, slot: Slot, choose: random.Random, *, slow: bool) -> None:
        """Writes file by file, in any order, into what is there."""
        generation = choose.choice(list(self.pool))
        source = self.pool[generation]
        files = [path for path in source.rglob("*") if path.is_file()]
        choose.shuffle(files)
        pause = choose.choice(_PAUSES) if slow else 0.0
        for path in files:
            target = self._place(slot) / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as stream:
                content = path.read_bytes()
                for start in range(0, len(content), _CHUNK_BYTES):
                    stream.write(content[start : start + _CHUNK_BYTES])
            if pause:
                Event().wait(pause)
        slot.reached(generation)

    def _rsync(self, slot: Slot, choose: random.Random) -> None:
        generation = choose.choice(list(self.pool))
        self._place(slot).mkdir(parents=True, exist_ok=True)
        command = ["rsync", "-a", "--delete", "--checksum", *choose.choice(_RSYNC_WAYS)]
        subprocess.run(
            [*command, f"{self.pool[generation]}/", f"{self._place(slot)}/"], check=True, timeout=60
        )
        slot.reached(generation)

    def _rename(self, slot: Slot, choose: random.Random) -> None:
        """Takes what is there out and puts a whole model in its place, in two renames."""
        generation = choose.choice(list(self.pool))
        whole = self.aside / f"{slot.name}.new"
        shutil.copytree(self.pool[generation], whole)  # noqa: TID251 - a writer, no part of ours
        self._take_out(slot)
        whole.rename(self._place(slot))
        slot.reached(generation)

    def _move(self, slot: Slot, _: random.Random) -> None:
        """Renames a model from one folder of the root to the other."""
        before, generation = self._place(slot), slot.generation
        slot.states.append((time.monotonic(), slot.parent, ABSENT))
        slot.parent = PARENTS[1 - PARENTS.index(slot.parent)]
        before.rename(self._place(slot))
        slot.reached(generation)

    def _exchange(self, slot: Slot, choose: random.Random) -> None:
        """Swaps two models in one system call."""
        slot.reached(slot.generation)
        others = [one for one in self.slots if one is not slot and one.generation > ABSENT]
        if not others:
            return
        other = choose.choice(others)
        slot.disturbed()
        other.disturbed()
        place(self._place(slot), self._place(other))
        mine, theirs = slot.generation, other.generation
        slot.reached(theirs)
        other.reached(mine)

    def _truncate(self, slot: Slot, choose: random.Random) -> None:
        path = self._place(slot) / choose.choice(_FILES)
        with path.open("r+b") as stream:
            stream.truncate(choose.randrange(path.stat().st_size - 1))
        slot.reached(BROKEN)

    def _delete(self, slot: Slot, _: random.Random) -> None:
        shutil.rmtree(self._place(slot))
        slot.reached(ABSENT)

    def _recreate(self, slot: Slot, choose: random.Random) -> None:
        shutil.rmtree(self._place(slot), ignore_errors=True)
        self._copy(slot, choose, slow=True)

    def _touch(self, slot: Slot, choose: random.Random) -> None:
        files = [path for path in self._place(slot).rglob("*") if path.is_file()]
        choose.choice(files).touch()
        slot.reached(slot.generation)

    def _take_out(self, slot: Slot) -> None:
        if self._place(slot).exists():
            aside = self.aside / f"{slot.name}.old"
            self._place(slot).rename(aside)
            shutil.rmtree(aside)
