"""Real children in a sandbox, for tests of its layers: an executor, a scratch, one attempt."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Final

import pytest

from tflited.domain.attempt import AttemptLimits, AttemptOutcome, AttemptRequest
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy
from tflited.domain.sandbox import SandboxDemand
from tflited.workers.local import LocalExecutor

TESTS: Final = Path(__file__).parents[1]
SECONDS: Final = 60.0
HARMLESS: Final = frozenset({"stat", "readlink"})
"""What works from inside: to learn that a path exists, and where a link leads."""


def executor_of(preload: str, entry: str) -> Iterator[LocalExecutor]:
    """An executor whose zygote finds the modules of the tests; stopped at the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join((str(TESTS), str(TESTS.parent / "daemon"))))
        made = LocalExecutor(preload=preload, entry=entry)
        made.start()
        yield made
        made.stop(deadline_seconds=SECONDS)


@contextmanager
def open_scratch() -> Iterator[Path]:
    """A folder that an ordinary user reaches: the scratch ``work``, a neighbour's ``secret``."""
    with tempfile.TemporaryDirectory(prefix="tflited-escape-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "secret").write_text("secret")
        (folder / "secret").chmod(0o666)
        (folder / "work").mkdir()
        (folder / "work").chmod(0o777)
        yield folder


def attempt(
    executor: LocalExecutor, scratch: Path, demand: SandboxDemand = SandboxDemand.REQUIRED
) -> AttemptOutcome:
    """One attempt with that scratch folder."""
    request = AttemptRequest(
        attempt="1.1",
        kind=ModelKind.SAVED_MODEL,
        model="/nowhere",
        stem="ok",
        scratch=str(scratch),
        policy=Policy(),
        sandbox=demand,
    )
    limits = AttemptLimits(wall_seconds=SECONDS)
    return executor.run_attempt(request, limits, lambda *_: None, Event())


def alone(code: str, *arguments: str) -> list[str]:
    """The words that some code prints in a process of its own, which a layer may be put on.

    Args:
        code: Python; ``CONFINEMENT`` is there, with the first argument as its scratch folder.
        arguments: of ``sys.argv``.
    """
    path = {"PYTHONPATH": os.pathsep.join((str(TESTS), str(TESTS.parent / "daemon")))}
    words = [sys.executable, "-c", f"{_HEAD}\n{code}", *arguments]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=path)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


_HEAD: Final = """
import os, sys
from dataclasses import replace
from tflited.domain.limits import Limits
from tflited.workers.sandbox import capabilities, kernel, landlock
from tflited.workers.sandbox.confinement import Confinement, Taken

CONFINEMENT = Confinement(
    parent_pid=os.getppid(), scratch=sys.argv[1] if sys.argv[1:] else "/", noise_fd=2, kept_fds=(),
    limits=Limits(), threads=1,
)
taken = Taken(status_fd=os.open("/proc/self/status", os.O_RDONLY))

def tried(action):
    try:
        action()
    except OSError as error:
        print(error.errno, flush=True)
    else:
        print("ok")
"""
