"""A daemon's whole life on one thread, so that the n-th write is the same write every time.

Everything is the daemon's own, as ``app`` and ``assembly`` join and start it: engine, store, spool,
output tree, sources. Its doors to the network are shut, its slot and its spool take their turns on
the caller's thread, and attempts replay a recorded conversion. Run as a script it lives one life:

    python tests/faults/life.py FOLDER [MUTANT]
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any, Final

import pytest
import structlog

import zoo
from faults.mutants import MUTANTS
from model_trees import saved_model
from tflited import app, assembly
from tflited.domain.attempt import AttemptLimits, AttemptOutcome, AttemptRequest, AttemptResult
from tflited.domain.job import TriggerSource
from tflited.domain.ports import Progress
from tflited.domain.status import Phase
from tflited.engine import outcome
from tflited.engine.attempt import Work
from tflited.engine.dispatch import Slots
from tflited.engine.engine import Engine
from tflited.settings.load import load
from tflited.settings.model import Settings
from tflited.triggers.spool import drop

MAIN_FILE: Final = """\
[daemon]
workers = 1
settle_seconds = 0.0
settle_whole_seconds = 0.0
builds_per_hour = 10000

[[root]]
name = "models"
path = "{models}"
"""
MOST_STEPS: Final = 400
PROMISE: Final = "/promise/"


def trigger(name: str, path: str, **more: Any) -> dict[str, Any]:
    """A trigger document."""
    return {"version": 1, "id": name, "model": {"path": path}, **more}


DROPPED: Final = {
    "t1": trigger("t1", "a", save_to="elsewhere/a"),
    "t2": trigger("t2", "b", save_to="elsewhere/b"),
}
"""Lie in the spool when the life begins."""
SENT: Final = (trigger("t3", "b", force=True), trigger("t4", "a", save_to="elsewhere/a2"))
"""Come over the API while it lasts."""


class Replay:
    """Implements ``Executor`` by replaying in this process."""

    is_ready = True
    zygote_pid = None

    def __init__(self, *, recorder: object) -> None:
        """Has no zygote to tell the recorder of."""

    def start(self) -> None:
        """Needs no zygote."""

    def stop(self, deadline_seconds: float) -> None:
        """Has nothing to end."""

    def run_attempt(
        self, request: AttemptRequest, limits: AttemptLimits, progress: Progress, cancel: Event
    ) -> AttemptOutcome:
        """Leaves the recorded set."""
        from faults.replay import entry

        return AttemptOutcome(result=AttemptResult.OK, report=entry.run(request, progress))


class InTurn(Slots):
    """Slots whose attempts run where they are begun."""

    def start(self) -> None:
        """Needs no thread."""

    def begin(self, work: Work) -> None:
        """Runs the attempt to its end."""
        self._ended(self._runner.run(work, self._told(work), Event()))

    def _told(self, work: Work) -> Progress:
        return lambda stage, detail: self._stage_began(work.job, stage, detail)


class Shut:
    """Stands for a door or a thread that is not opened."""

    ident = None
    port = 0

    def __getattr__(self, _: str) -> Callable[..., Any]:
        return lambda *_, **__: ()


@contextmanager
def on_one_thread() -> Iterator[None]:
    """Daemons that are assembled inside live on the caller's thread."""

    def called(_: Engine, action: Callable[[], Any], timeout_seconds: float = 0.0) -> Any:
        return action()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(zoo.recorded())])
        patch.setattr(assembly, "LocalExecutor", Replay)
        patch.setattr(assembly, "Slots", InTurn)
        patch.setattr(assembly, "HookThread", Shut)
        patch.setattr(assembly, "HttpServer", lambda *_, **__: Shut())
        patch.setattr(assembly, "RoomWatch", lambda *_: Shut())
        patch.setattr(outcome, "STORAGE_SECONDS", 0.0)
        patch.setattr(Engine, "call", called)
        patch.setattr(signal, "signal", lambda *_: None)
        yield


class Life:
    """One daemon over a folder, inside ``on_one_thread``.

    Args:
        folder: holds ``tflited.toml`` and ``models/``.
    """

    def __init__(self, folder: Path) -> None:
        def settings() -> Settings:
            return load(path=folder / "tflited.toml")

        (root,) = settings().roots
        self._models = len(list(root.path.iterdir()))
        self.daemon = app.Daemon(settings(), settings)
        self._made = self.daemon._made
        vars(self._made.spool)["_thread"] = Shut()

    def start(self) -> None:
        """Starts as ``app`` does, recovery included."""
        self.daemon._start()

    def submit(self, document: dict[str, Any]) -> None:
        """Hands over a trigger; once it was accepted, says so where a trace can see it."""
        receipt = self._made.control.submit(json.dumps(document).encode(), TriggerSource.API)
        assert receipt.is_accepted, receipt
        os.access(f"{PROMISE}{receipt.id}", os.F_OK)

    def rest(self) -> None:
        """Works until there is nothing to do."""
        for _ in range(MOST_STEPS):
            self._made.spool.take()
            self._made.engine.step()
            if self._made.engine.fatal is not None:
                raise self._made.engine.fatal
            if self._is_at_rest():
                return
        message = f"not at rest: {[job.state for job in self._made.store.jobs()]}"
        raise AssertionError(message)

    def stop(self) -> None:
        """Stops as ``app`` does."""
        self.daemon._stop()

    def _is_at_rest(self) -> bool:
        entries = list(self._made.models.entries.values())
        is_done = len(entries) == self._models and not self._made.store.active()
        return is_done and all(entry.phase is Phase.PUBLISHED for entry in entries)


def configure(folder: Path, models: Path) -> None:
    """Writes the main file of a daemon with its output and its state below a folder."""
    (folder / "tflited.toml").write_text(MAIN_FILE.format(models=models))


def prepare(folder: Path) -> None:
    """Lets a daemon publish ``a``; then changes it, adds ``b`` and drops two triggers."""
    folder.mkdir(exist_ok=True)
    configure(folder, folder / "models")
    saved_model(folder / "models" / "a", data_bytes=101)
    with on_one_thread():
        life = Life(folder)
        life.start()
        life.rest()
        life.stop()
    saved_model(folder / "models" / "a", data_bytes=102)
    saved_model(folder / "models" / "b", data_bytes=102)
    for name, document in DROPPED.items():
        drop(folder / "state" / "spool", f"{name}.json", json.dumps(document).encode())


def live(folder: Path) -> None:
    """One life on prepared folders: what came meanwhile is built, then two more triggers come."""
    with on_one_thread():
        life = Life(folder)
        try:
            life.start()
            life.rest()
            for document in SENT:
                life.submit(document)
                life.rest()
        finally:  # as ``app`` does: a thread that still runs would keep the process
            life.stop()


def main() -> None:
    """Lives on the folder of the command line, and says how it ended."""
    folder, *mutants = sys.argv[1:]
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with pytest.MonkeyPatch.context() as patch:
        for name in mutants:
            MUTANTS[name](patch)
        live(Path(folder))


if __name__ == "__main__":
    main()
