"""Turns what is on disk into observations: hints mark, scans decide, settled models are admitted.

One thread, named ``sources``, owns everything here. It reports to the engine by a callback and is
asked for copies and digests by the engine's threads.
"""

import errno
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Final

import structlog

from tflited.domain.model import Digest, ModelId, ModelKind, Snapshot, is_below
from tflited.domain.observation import Observation, RootObservation, Sight
from tflited.domain.ports import Clock, DataFile, Root
from tflited.errors import ModelRefusedError, SourceChangedError
from tflited.sources import data
from tflited.sources.admission import Wholeness, admit, has_settled
from tflited.sources.digest import Digester
from tflited.sources.hints import Hint, HintKind, HintWatcher
from tflited.sources.hub import HubModels
from tflited.sources.root_state import WAKE, Doubt, RootState, waits_for
from tflited.sources.scan import DirectoryScanner
from tflited.sources.settle import SettleTracker, Waits
from tflited.sources.staging import is_unchanged, stage_data, stage_model

_LOG = structlog.get_logger()
_MAX_SCOPES: Final = 64
"""More dirty places than this in one root are one whole scan."""
_OUTAGE_POLL_SECONDS: Final = 5.0
_COALESCE_SECONDS: Final = 0.02
"""Hints of one burst are looked at together."""
_MAX_BURST_SECONDS: Final = 0.2
"""A burst that goes on for longer is looked at in between."""

Receive = Callable[[Observation | RootObservation], None]


_Message = Hint | Doubt | tuple[Root, ...]


class SourceWatch:
    """Watches roots and reports every model's state; implements the engine's ``Sources`` port.

    Args:
        clock: time.
        receive: told every observation, from the thread of this object.
        waits: quiet times before a model is looked into.
        scan_interval_seconds: time between whole scans that no hint asked for.
        hub: makes models of Hub references.
    """

    def __init__(
        self,
        clock: Clock,
        receive: Receive,
        *,
        waits: Waits,
        scan_interval_seconds: float,
        hub: HubModels,
    ) -> None:
        self._clock = clock
        self._receive = receive
        self._waits = waits
        self._interval = scan_interval_seconds
        self._scanner = DirectoryScanner()
        self._digester = Digester()
        self._digest_lock = Lock()
        self._roots: dict[str, RootState] = {}
        self._inbox: SimpleQueue[_Message | None] = SimpleQueue()
        self._hub = hub
        hub.cache.wake = lambda: self._inbox.put(WAKE)
        self._hints = HintWatcher(self._inbox.put)
        self._thread = Thread(target=self._run, name="sources")

    def start(self, roots: tuple[Root, ...]) -> None:
        """Starts watching; the first scan of every root is reported as soon as it is done."""
        self._apply(roots)
        self._hints.start()
        self._thread.start()

    def stop(self, deadline_seconds: float) -> None:
        """Ends every thread, waiting at most so long for each."""
        self._inbox.put(None)
        if self._thread.ident is not None:
            self._thread.join(deadline_seconds)
        self._hints.stop(deadline_seconds)
        self._hub.cache.stop(deadline_seconds)

    def watch(self, roots: tuple[Root, ...]) -> None:
        """Replaces the set of roots; ones that stay keep what is known of them."""
        self._inbox.put(roots)

    def look_again(self, root: str, path: str) -> None:
        """Asks for one model to be settled, admitted and digested anew; returns at once."""
        self._inbox.put(Doubt(root, path))

    def find_model(self, root: Root, path: str) -> ModelKind | None:
        """The kind of the model at exactly that path on disk now; None where there is none.

        Raises:
            OSError: the root cannot be read.
        """
        found = self._scanner.scan(root, path).models.get(path)
        return None if found is None else found.kind

    def fetch_again(self, root: str, path: str) -> None:
        """Asks for a Hub reference's module to be fetched anew; returns at once."""
        self._inbox.put(Doubt(root, path, should_fetch=True))

    def accept_root(self, root: str) -> None:
        """Accepts the present state of a root as it is, also where it came back empty."""
        self._inbox.put(Doubt(root, ""))

    def stage(self, model: ModelId, destination: Path, expected: Digest) -> Path:
        """Makes a private copy of an admitted model and proves that it has the expected digest.

        Raises:
            SourceChangedError: the model is gone or has another digest by now.
            StoragePausedError: no room for the copy.
        """
        state = self._roots.get(model.root)
        snapshot = None if state is None else state.admitted.get(model.path)
        if state is None or snapshot is None:
            raise SourceChangedError(f"{model} changed or went away before its copy was made.")
        if snapshot.kind is ModelKind.HUB:
            return self._hub.stage(model, destination, expected)
        return stage_model(state.root.path / model.path, snapshot, destination, expected)

    def is_unchanged(self, model: ModelId, digest: Digest) -> bool:
        """Whether the model on disk is still the admitted one with that digest."""
        state = self._roots.get(model.root)
        snapshot = None if state is None else state.admitted.get(model.path)
        if state is not None and snapshot is not None and snapshot.kind is not ModelKind.HUB:
            return is_unchanged(state.root.path / model.path, snapshot)
        return snapshot is not None and self._hub.is_unchanged(model, digest)

    def find_data(self, pattern: str) -> tuple[DataFile, ...]:
        """Files that match an absolute glob pattern, sorted by path."""
        return data.find(pattern)

    def digest_data(self, files: Sequence[DataFile]) -> Digest:
        """Digest of names and contents, cached by identity."""
        with self._digest_lock:
            return data.digest(self._digester, files)

    def stage_data(self, file: Path, destination: Path, expected: Digest) -> Path:
        """Makes a private copy of one data file and proves that it has the expected digest."""
        return stage_data(file, destination, expected)

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs; it ends only by ``stop``."""
        return self._thread.is_alive()

    def _run(self) -> None:
        timeout = 0.0
        while self._gather(timeout):
            timeout = self._tick()

    def _gather(self, timeout: float) -> bool:
        """Takes messages until a burst is over, but not for ever; false when asked to stop."""
        last = self._clock.monotonic() + timeout + _MAX_BURST_SECONDS
        while True:
            try:
                message = self._inbox.get(timeout=timeout)
            except Empty:
                return True
            if message is None:
                return False
            self._take(message)
            timeout = _COALESCE_SECONDS
            if self._clock.monotonic() > last:
                return True
            last = min(last, self._clock.monotonic() + _MAX_BURST_SECONDS)

    def _take(self, message: _Message) -> None:
        if isinstance(message, tuple):
            self._apply(message)
            return
        state = self._roots.get(message.root)
        if state is None:
            return
        if isinstance(message, Doubt):
            if message.should_fetch:
                self._hub.fetch_again(ModelId(root=message.root, path=message.path))
            self._forget(state, message.path)
            return
        if message.kind is HintKind.CHANGED:
            state.dirty.add(message.path)
        else:
            _LOG.warning("watch_in_doubt", root=message.root, kind=message.kind.value)
            state.next_scan = 0.0

    def _forget(self, state: RootState, path: str) -> None:
        """Makes the next look at a model the first one."""
        tracker = state.trackers.pop(path, None)
        if tracker is not None:
            with self._digest_lock:
                self._digester.forget(tracker.snapshot)
            state.doubted.add(path)
        state.pending.discard(path)
        state.admitted.pop(path, None)
        state.dirty.add(path)

    def _apply(self, roots: tuple[Root, ...]) -> None:
        known = {root.name: root for root in roots}
        self._hub.roots = roots
        for name in [name for name, old in self._roots.items() if known.get(name) != old.root]:
            del self._roots[name]
            self._hints.forget(name)
        for name, root in known.items():
            self._roots.setdefault(name, RootState(root=root))

    def _tick(self) -> float:
        """Does what is due; returns seconds until something will be."""
        wake = self._clock.monotonic() + self._interval
        for state in self._roots.values():
            wake = min(wake, self._advance(state))
        return max(wake - self._clock.monotonic(), 0.001)

    def _advance(self, state: RootState) -> float:
        """Scans, settles and admits in one root; returns when it wants to be called again."""
        now = self._clock.monotonic()
        is_new = self._hints.ensure(state.root.name, state.root.path)
        if is_new or now >= state.next_scan or len(state.dirty) > _MAX_SCOPES:
            self._scan(state, "")
        else:
            for scope in sorted(state.dirty):
                self._scan(state, scope)
        state.dirty.clear()
        self._settle_due(state)
        hub_due = self._tell_hub(state)
        waits = [state.trackers[path].next_look(self._waits) for path in state.pending]
        if state.dirty:  # a model vanished while it was read
            waits.append(self._clock.monotonic() + _MAX_BURST_SECONDS)
        return min([state.next_scan, hub_due, *waits])

    def _scan(self, state: RootState, scope: str) -> None:
        started = self._clock.monotonic()
        try:
            scan = self._scanner.scan(state.root, scope)
        except OSError as error:
            self._outage(state, error)
            return
        if not scan.scope:
            state.next_scan = started + self._interval
        state.is_available = True
        for path, snapshot in scan.models.items():
            self._sighted(state, path, snapshot)
        for path in [p for p in state.trackers if is_below(p, scan.scope)]:
            if path not in scan.models:
                self._gone(state, path)
        state.has_been_scanned = state.has_been_scanned or not scan.scope
        self._receive(
            RootObservation(
                root=state.root.name,
                scope=scan.scope,
                is_available=True,
                at=self._clock.now(),
                seconds=self._clock.monotonic() - started,
                models=len(state.trackers),
                policies=scan.policies,
                trouble=scan.trouble,
            )
        )

    def _outage(self, state: RootState, error: OSError) -> None:
        state.next_scan = self._clock.monotonic() + min(_OUTAGE_POLL_SECONDS, self._interval)
        reason = f"{state.root.path}: {error.strerror or error}"
        if state.is_available:
            _LOG.error(
                "root_unavailable", root=state.root.name, path=str(state.root.path), reason=reason
            )
        state.is_available = False
        self._receive(
            RootObservation(
                root=state.root.name,
                scope="",
                is_available=False,
                at=self._clock.now(),
                models=len(state.trackers),
                reason=reason,
            )
        )

    def _sighted(self, state: RootState, path: str, snapshot: Snapshot) -> None:
        now = self._clock.monotonic()
        tracker = state.trackers.get(path)
        if tracker is None:
            rested = None if state.was_vacant(path) else snapshot
            tracker = state.trackers[path] = SettleTracker(snapshot, now, rested)
        elif not tracker.observe(snapshot, now):
            return
        state.admitted.pop(path, None)
        state.pending.discard(path)
        if snapshot.is_held:
            self._tell(state, path, Sight.HELD, reason="a .hold file asks to wait")
            return
        state.pending.add(path)
        left = max(tracker.deadline(self._waits.settle_seconds) - now, 0.0)
        self._tell(
            state,
            path,
            Sight.SETTLING,
            reason=waits_for(snapshot),
            left_seconds=left,
        )

    def _gone(self, state: RootState, path: str) -> None:
        self._tell(state, path, Sight.GONE, reason="no longer in its root")
        del state.trackers[path]
        state.pending.discard(path)
        state.admitted.pop(path, None)

    def _settle_due(self, state: RootState) -> None:
        for path in sorted(state.pending):
            tracker = state.trackers.get(path)
            if tracker is None or self._is_restless(tracker):
                continue
            self._scan(state, path)
            if not state.is_available:
                return
            if state.trackers.get(path) is not tracker or path not in state.pending:
                continue
            if self._is_restless(tracker):
                continue
            if tracker.snapshot.blockers:
                tracker.put_off(self._clock.monotonic())
                continue
            now = self._clock.monotonic()
            if not has_settled(state.root.path / path, tracker, self._waits, now):
                continue
            state.pending.discard(path)
            self._admit(state, path, tracker)

    def _is_restless(self, tracker: SettleTracker) -> bool:
        return self._clock.monotonic() < tracker.next_look(self._waits)

    def _admit(self, state: RootState, path: str, tracker: SettleTracker) -> None:
        tracker.rest()
        where = state.root.path / path
        try:
            if not tracker.is_whole:
                tracker.is_whole = admit(where, tracker.snapshot) is Wholeness.WHOLE
            with self._digest_lock:
                digest = self._digester.model(where, tracker.snapshot)
            if tracker.snapshot.kind is ModelKind.HUB:
                model = ModelId(root=state.root.name, path=path)
                self._hub.open(model, where, tracker.snapshot, digest)
        except ModelRefusedError as error:
            self._tell(state, path, Sight.REFUSED, reason=error.message, hint=error.hint)
            return
        except OSError as error:
            if error.errno not in {errno.ENOENT, errno.ENOTDIR}:
                hint = "make it readable for the service's user"
                self._tell(state, path, Sight.REFUSED, reason=f"{where}: {error}", hint=hint)
            state.dirty.add(path)
            return
        if not is_unchanged(where, tracker.snapshot):  # while it was read: another look decides
            state.dirty.add(path)
            return
        state.admitted[path] = tracker.snapshot
        if tracker.snapshot.kind is not ModelKind.HUB:
            self._tell(state, path, Sight.ADMITTED, digest=digest)

    def _tell_hub(self, state: RootState) -> float:
        """Tells how the modules of settled references stand; returns when to look again."""
        changed, due = self._hub.news(state.root.name, state.admitted)
        for path, news in changed.items():
            self._tell(
                state, path, news.sight, digest=news.digest, reason=news.reason, hint=news.hint
            )
        return due

    def _tell(  # noqa: PLR0913  # an observation's parts, all named
        self,
        state: RootState,
        path: str,
        sight: Sight,
        *,
        digest: Digest | None = None,
        reason: str = "",
        hint: str = "",
        left_seconds: float | None = None,
    ) -> None:
        now = self._clock.now()
        self._receive(
            Observation(
                model=ModelId(root=state.root.name, path=path),
                snapshot=state.trackers[path].snapshot,
                sight=sight,
                at=now,
                digest=digest,
                reason=reason,
                hint=hint,
                until=None if left_seconds is None else now + timedelta(seconds=left_seconds),
            )
        )
