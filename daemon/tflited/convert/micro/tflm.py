"""Owns the conversation with the probe: starts it, asks it with a deadline, starts it anew.

The probe is a program of its own and no fork of the child: TensorFlow has threads by now, and TFLM
ends its process where an arena is far too small. It inherits the child's limits and its group, so
that whoever kills the child kills it too; standard input ends with the child as well.
"""

import contextlib
import importlib.metadata
import importlib.util
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from tflited.convert.arrays import Array

DISTRIBUTION: Final = "tflite-micro"
INSTALL: Final = "pip install --pre tflite-micro"
_MODULE: Final = "tflited.convert.micro.probe"
_ANSWER_SECONDS: Final = 120.0
_ANSWER_BYTES: Final = 65_536
_STOP_SECONDS: Final = 5.0
_END_SECONDS: Final = 0.5
_MOST_WORDS: Final = 400
_TOTAL: Final = re.compile(r"Arena allocation total (\d+) bytes")
_NO_ROOM: Final = re.compile(r"Failed to (?:allocate|resize)|[Rr]equested: ?\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one run.

    Attributes:
        is_ok: every sample was allocated and invoked.
        words: TFLM's own words where not, cleaned and cut.
        is_dead: the probe ended instead of answering.
        is_broken: it ended by itself with an error, which says nothing about the model.
        total_bytes: what TFLM says the arena holds; 0 where it was not asked or did not say.
        lacked_room: TFLM named a want of memory.
    """

    is_ok: bool
    words: str = ""
    is_dead: bool = False
    is_broken: bool = False
    total_bytes: int = 0
    lacked_room: bool = False


def is_installed() -> bool:
    """Whether TFLM's interpreter can be imported, without importing it."""
    return importlib.util.find_spec("tflite_micro") is not None


def version() -> str:
    """Version of the installed distribution; ``absent`` without one."""
    try:
        return importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


@dataclass(slots=True, kw_only=True)
class Tflm:
    """TFLM's interpreter on one model.

    Attributes:
        folder: holds model, samples, outputs and what the probe says; nothing else.
        output_count: how many outputs the model has.
        starts: how often the probe was started.
        seconds: how long one answer may take.
    """

    folder: Path
    output_count: int
    starts: int = 0
    seconds: float = _ANSWER_SECONDS
    _probe: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @classmethod
    @contextlib.contextmanager
    def opened(
        cls, folder: Path, content: bytes, samples: Sequence[Sequence[Array]], *, output_count: int
    ) -> Iterator["Tflm"]:
        """A conversation that ends with the block.

        Args:
            folder: an empty directory.
            content: the flatbuffer.
            samples: for each, the inputs in the interpreter's order and the file's own types.
            output_count: how many outputs the model has.
        """
        (folder / "model.tflite").write_bytes(content)
        named = {
            f"{number}_{index}": value
            for number, values in enumerate(samples)
            for index, value in enumerate(values)
        }
        np.savez(folder / "inputs.npz", allow_pickle=False, **named)
        made = cls(folder=folder, output_count=output_count)
        try:
            yield made
        finally:
            made.stop()

    def run(self, arena_bytes: int, samples: int, *, is_printing: bool = False) -> Answer:
        """Allocates and invokes in an arena of that size.

        Args:
            arena_bytes: a multiple of 16.
            samples: how many, from the first on.
            is_printing: asks how much of the arena is held.

        Raises:
            OSError: the probe cannot be started here.
        """
        question = {
            "arena": arena_bytes,
            "samples": samples,
            "output_count": self.output_count,
            "outputs": str(self._outputs),
            "is_printing": is_printing,
        }
        begin = self._said()
        answer = self._asked(question)
        text = self._words(begin)
        if answer is None:
            return self._lost(text)
        if not answer.get("ok"):
            words = text or str(answer.get("error", ""))
            lacked_room = bool(_NO_ROOM.search(text))
            return Answer(is_ok=False, words=_clean(words), lacked_room=lacked_room)
        total = _TOTAL.search(text)
        return Answer(is_ok=True, total_bytes=int(total[1]) if total else 0)

    def outputs(self, samples: int) -> list[list[Array]]:
        """The outputs of the last run that was fine, for each sample in the interpreter's order."""
        with np.load(self._outputs, allow_pickle=False) as file:
            return [
                [np.asarray(file[f"{sample}_{index}"]) for index in range(self.output_count)]
                for sample in range(samples)
            ]

    def stop(self) -> None:
        """Ends the probe, if one runs."""
        if self._probe is None:
            return
        with contextlib.suppress(OSError):
            self._probe.stdin.close()  # type: ignore[union-attr]  # it was started with a pipe
        self._probe.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._probe.wait(_STOP_SECONDS)
        self._probe.stdout.close()  # type: ignore[union-attr]  # as above
        self._probe = None

    @property
    def _outputs(self) -> Path:
        return self.folder / "outputs.npz"

    def _asked(self, question: dict[str, Any]) -> dict[str, Any] | None:
        """The probe's answer; None where it died or stayed silent."""
        if self._probe is None:
            self._start()
        probe = self._probe
        assert probe is not None  # noqa: S101 - narrows for the type checker
        try:
            probe.stdin.write(json.dumps(question).encode() + b"\n")  # type: ignore[union-attr]
            probe.stdin.flush()  # type: ignore[union-attr]  # started with pipes
        except BrokenPipeError:
            return None
        line = _line(probe.stdout.fileno(), self.seconds)  # type: ignore[union-attr]
        try:
            found = json.loads(line)
        except ValueError:  # nothing, or what native code run wild has left
            return None
        return found if isinstance(found, dict) else None

    def _start(self) -> None:
        self.starts += 1
        with (self.folder / "words").open("ab") as words:
            self._probe = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [
                    sys.executable,
                    "-P",
                    "-m",
                    _MODULE,
                    str(self.folder / "model.tflite"),
                    str(self.folder / "inputs.npz"),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=words,
                # Where the package lies need not be where the interpreter looks by itself.
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )

    def _lost(self, text: str) -> Answer:
        """How the probe ended; it is gone afterwards."""
        probe, code = self._probe, None
        if probe is not None:
            # What closed its pipe ends at once; what is silent does not, and is killed below.
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = probe.wait(_END_SECONDS)
        self.stop()
        is_broken = code is not None and code >= 0
        if code is None:
            ended = f"The interpreter gave no answer within {self.seconds:g} s."
        elif is_broken:
            text, ended = "", (text.strip().splitlines() or [f"exit code {code}"])[-1]
        else:
            ended = f"The interpreter was ended by {signal.Signals(-code).name}."
        return Answer(
            is_ok=False,
            words=_clean(f"{text} {ended}"),
            is_dead=True,
            is_broken=is_broken,
            lacked_room=bool(_NO_ROOM.search(text)),
        )

    def _said(self) -> int:
        words = self.folder / "words"
        return words.stat().st_size if words.exists() else 0

    def _words(self, begin: int) -> str:
        with (self.folder / "words").open("rb") as words:
            words.seek(begin)
            return words.read(_ANSWER_BYTES).decode("utf-8", "replace")


def _line(descriptor: int, seconds: float) -> bytes:
    """One line; empty at the end of the pipe, after the deadline, and where it is far too long."""
    deadline, found = time.monotonic() + seconds, b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while not found.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or len(found) > _ANSWER_BYTES or not selector.select(left):
                return b""
            part = os.read(descriptor, _ANSWER_BYTES)
            if not part:
                return b""
            found += part
    return found


def _clean(text: str) -> str:
    """One line of printable text, cut short."""
    flat = " ".join(text.split())
    return "".join(c if c.isprintable() else "?" for c in flat)[:_MOST_WORDS]
