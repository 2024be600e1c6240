"""Turns what is on disk into observations: a thread for each root, and one that watches those.

Hints mark, looks decide, settled models are admitted. It reports to the engine by a callback and is
asked for copies and digests by the engine's threads.
"""

from collections.abc import Sequence
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Final

import structlog

from tflited.domain.model import Digest, ModelId, ModelKind
from tflited.domain.observation import RootObservation
from tflited.domain.ports import Clock, DataFile, Root
from tflited.errors import SourceChangedError
from tflited.sources import data
from tflited.sources.digest import Digester
from tflited.sources.hub import HubModels
from tflited.sources.recall import Recall
from tflited.sources.root_watch import Acceptance, Doubt, RootWatch, Surroundings, Wake
from tflited.sources.scan import DirectoryScanner
from tflited.sources.settle import Waits
from tflited.sources.staging import is_unchanged, stage_data, stage_model
from tflited.sources.teller import Receive

_LOG = structlog.get_logger()
HANG_SECONDS: Final = 30.0
"""A look that makes no progress for so long is said to hang."""


class SourceWatch:
    """Watches roots and reports every model's state; implements the engine's ``Sources`` port.

    Args:
        clock: time.
        receive: told every observation, from the threads of the roots.
        waits: quiet times before a model is looked into.
        scan_interval_seconds: least time between whole scans that no hint asked for.
        hub: makes models of Hub references.
        recall: what was read before the start.
    """

    def __init__(
        self,
        clock: Clock,
        receive: Receive,
        *,
        waits: Waits,
        scan_interval_seconds: float,
        hub: HubModels,
        recall: Recall | None = None,
    ) -> None:
        self._clock = clock
        self._receive = receive
        self._recall = Recall() if recall is None else recall
        self._data_digester = Digester(self._recall)
        self._data_lock = Lock()
        self._roots: dict[str, RootWatch] = {}
        self._hub = hub
        hub.cache.wake = self._wake
        self._shared = Surroundings(
            clock=clock,
            receive=receive,
            waits=waits,
            scan_interval_seconds=scan_interval_seconds,
            recall=self._recall,
            hub=hub,
            hub_lock=Lock(),
        )
        self._beats: dict[str, int] = {}
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="sources")

    def start(self, roots: tuple[Root, ...]) -> None:
        """Starts watching; the first look at every root is reported as soon as it is done."""
        self.watch(roots)
        self._thread.start()

    def stop(self, deadline_seconds: float) -> None:
        """Ends every thread, waiting at most so long for each."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(deadline_seconds)
        watches = list(self._roots.values())
        for watch in watches:
            watch.ask_to_stop()
        for watch in watches:
            watch.stop(deadline_seconds)
        self._hub.cache.stop(deadline_seconds)
        self._recall.close()

    def watch(self, roots: tuple[Root, ...]) -> None:
        """Replaces the set of roots; ones that stay keep what is known of them."""
        known = {root.name: root for root in roots}
        self._hub.roots = roots
        for name in [name for name, old in self._roots.items() if known.get(name) != old.root]:
            self._roots.pop(name).ask_to_stop()
        paths = tuple(root.path for root in roots)
        for name, root in known.items():
            if name not in self._roots:
                self._roots[name] = RootWatch(root, paths, self._shared)
                self._roots[name].start()

    def look_again(self, root: str, path: str) -> None:
        """Asks for one model to be settled, admitted and digested anew; returns at once."""
        if (watch := self._roots.get(root)) is not None:
            watch.post(Doubt(path))

    def accept_root(self, root: str) -> None:
        """Takes a root as it is now, although it came back empty or on another device."""
        if (watch := self._roots.get(root)) is not None:
            watch.post(Acceptance())

    def find_model(self, root: Root, path: str) -> ModelKind | None:
        """The kind of the model at exactly that path on disk now; None where there is none.

        Raises:
            OSError: the root cannot be read.
        """
        paths = [watch.root.path for watch in list(self._roots.values())]
        found = DirectoryScanner(paths).scan(root, path).models.get(path)
        return None if found is None else found.kind

    def fetch_again(self, root: str, path: str) -> None:
        """Asks for a Hub reference's module to be fetched anew; returns at once."""
        if (watch := self._roots.get(root)) is not None:
            watch.post(Doubt(path, should_fetch=True))

    def stage(self, model: ModelId, destination: Path, expected: Digest) -> Path:
        """Makes a private copy of an admitted model and proves that it has the expected digest.

        Raises:
            SourceChangedError: the model is gone or has another digest by now.
            StoragePausedError: no room for the copy.
        """
        watch = self._roots.get(model.root)
        snapshot = None if watch is None else watch.admitted(model.path)
        if watch is None or snapshot is None:
            raise SourceChangedError(f"{model} changed or went away before its copy was made.")
        if snapshot.kind is ModelKind.HUB:
            return self._hub.stage(model, destination, expected)
        return stage_model(_place(watch.root, model), snapshot, destination, expected)

    def is_unchanged(self, model: ModelId, digest: Digest) -> bool:
        """Whether the model on disk is still the admitted one with that digest."""
        watch = self._roots.get(model.root)
        snapshot = None if watch is None else watch.admitted(model.path)
        if watch is None or snapshot is None:
            return False
        if snapshot.kind is ModelKind.HUB:
            return self._hub.is_unchanged(model, digest)
        return is_unchanged(_place(watch.root, model), snapshot)

    def find_data(self, pattern: str) -> tuple[DataFile, ...]:
        """Files that match an absolute glob pattern, sorted by path."""
        return data.find(pattern)

    def digest_data(self, files: Sequence[DataFile]) -> Digest:
        """Digest of names and contents, cached by identity."""
        with self._data_lock:
            return data.digest(self._data_digester, files)

    def stage_data(self, file: Path, destination: Path, expected: Digest) -> Path:
        """Makes a private copy of one data file and proves that it has the expected digest."""
        return stage_data(file, destination, expected)

    @property
    def is_alive(self) -> bool:
        """Whether every thread runs; they end only by ``stop``."""
        return self._thread.is_alive() and all(one.is_alive for one in list(self._roots.values()))

    def _wake(self) -> None:
        for watch in list(self._roots.values()):
            watch.post(Wake())

    def _run(self) -> None:
        while not self._stopping.wait(HANG_SECONDS):
            for name, watch in list(self._roots.items()):
                self._check(name, watch)

    def _check(self, name: str, watch: RootWatch) -> None:
        """Says that a root hangs; when its look is over, that look tells how it is."""
        beats = watch.beats
        if beats is None:
            self._beats.pop(name, None)
            return
        if self._beats.get(name) == beats:
            reason = f"{watch.root.path}: a look at it hangs for {HANG_SECONDS:g} s and more"
            _LOG.error("root_hangs", root=name, path=str(watch.root.path), reason=reason)
            self._receive(
                RootObservation(
                    root=name, scope="", is_available=False, at=self._clock.now(), reason=reason
                )
            )
        self._beats[name] = beats


def _place(root: Root, model: ModelId) -> Path:
    """Where a model's files are: copies and looks follow no link themselves."""
    where = root.path / model.path
    return where.resolve() if root.follow_links else where
