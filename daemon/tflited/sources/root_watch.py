"""One root and its thread: takes hints, decides when to look, and lets what is due be done.

Every root has a thread of its own, so that one whose file system hangs stops no other.
"""

from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Final

import structlog

from tflited.domain.model import Snapshot
from tflited.domain.observation import Observation, RootObservation
from tflited.domain.ports import Clock, Root
from tflited.sources.audit import Audit
from tflited.sources.coverage import Coverage
from tflited.sources.digest import Digester
from tflited.sources.emitter import HintKind
from tflited.sources.hints import Hint, HintWatcher
from tflited.sources.hub import HubModels
from tflited.sources.look import Looker
from tflited.sources.pace import Pace
from tflited.sources.recall import Recall
from tflited.sources.rest import Admitter
from tflited.sources.root_guard import RootGuard
from tflited.sources.root_state import MOST_SCOPES, RootState
from tflited.sources.scan import DirectoryScanner
from tflited.sources.settle import Waits
from tflited.sources.teller import Receive, Teller

_LOG = structlog.get_logger()
_COALESCE_SECONDS: Final = 0.02
"""Hints of one burst are looked at together."""
_MAX_BURST_SECONDS: Final = 0.2
"""A burst that goes on for longer is looked at in between."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A model whose admitted state is no longer believed."""

    path: str
    should_fetch: bool = False


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The root is as it is meant to be."""


@dataclass(frozen=True, slots=True)
class Wake:
    """Only a reason to look at what is due."""


Message = Hint | Doubt | Acceptance | Wake


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the roots share."""

    clock: Clock
    receive: Receive
    waits: Waits
    scan_interval_seconds: float
    recall: Recall
    hub: HubModels
    hub_lock: Lock


class RootWatch:
    """Watches one root.

    Args:
        root: which.
        roots: the folders that links may lead into.
        shared: what the roots share.
    """

    def __init__(self, root: Root, roots: tuple[Path, ...], shared: Surroundings) -> None:
        self.root = root
        self._clock = shared.clock
        self._recall = shared.recall
        self._beats = 0
        self._is_looking = False
        self._inbox: SimpleQueue[Message | None] = SimpleQueue()
        self._state = state = RootState(root=root)
        self._hints = HintWatcher(root.path, self._inbox.put)
        self._audit = Audit()
        self._pace = Pace(shared.scan_interval_seconds)
        self._coverage = Coverage(state, self._hints)
        self._receive = shared.receive
        self._is_ending = False
        tell = Teller(shared.clock, self._pass_on, state)
        self._waits = shared.waits
        self._looker = Looker(
            state=state,
            clock=shared.clock,
            scanner=DirectoryScanner(roots, self._beat),
            coverage=self._coverage,
            guard=RootGuard(root.name),
            audit=self._audit,
            pace=self._pace,
            tell=tell,
            recall=shared.recall,
            settle_seconds=shared.waits.settle_seconds,
            known={},
        )
        self._admitter = Admitter(
            state=state,
            clock=shared.clock,
            looker=self._looker,
            tell=tell,
            recall=shared.recall,
            digester=Digester(shared.recall),
            hub=shared.hub,
            hub_lock=shared.hub_lock,
            waits=shared.waits,
        )
        # A daemon thread: one that hangs in the kernel must not keep the process from ending.
        self._thread = Thread(target=self._run, name=f"source {root.name}", daemon=True)

    def start(self) -> None:
        """Starts watching; the first look is reported as soon as it is done."""
        self._hints.start()
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Ends the thread and its hints after what it does now; returns at once."""
        self._is_ending = True
        self._inbox.put(None)

    def stop(self, deadline_seconds: float) -> None:
        """Ends every thread, waiting at most so long for each."""
        self.ask_to_stop()
        if self._thread.ident is not None:
            self._thread.join(deadline_seconds)
        self._hints.stop(deadline_seconds)

    def post(self, message: Message) -> None:
        """Puts a message into the inbox; returns at once."""
        self._inbox.put(message)

    def admitted(self, path: str) -> Snapshot | None:
        """The admitted state of a model; may be asked from any thread."""
        return self._state.admitted.get(path)

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs; it ends only by ``stop``."""
        return self._thread.is_alive()

    @property
    def beats(self) -> int | None:
        """A number that grows while a look makes progress; None while none is under way."""
        return self._beats if self._is_looking else None

    def _pass_on(self, seen: Observation | RootObservation) -> None:
        """Another root of the same name may have taken this one's place by now."""
        if not self._is_ending:
            self._receive(seen)

    def _beat(self) -> None:
        self._beats += 1

    def _run(self) -> None:
        self._looker.known = dict(self._recall.models(self.root.name))
        timeout = 0.0
        while self._gather(timeout):
            timeout = self.tick()
        self._hints.stop(0.0)

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

    def _take(self, message: Message) -> None:
        if isinstance(message, Hint):
            self._state.heard[message.kind] += 1
        match message:
            case Hint(kind=HintKind.CHANGED):
                self._audit.hinted(message.path)
                self._state.dirty.add(message.path)
            case Hint(kind=HintKind.WATCH_LIMIT):
                self._coverage.limit()
            case Hint():
                _LOG.warning("watch_in_doubt", root=self.root.name, kind=message.kind.value)
                self._state.is_known = False
                self._audit.clear()
                self._pace.doubt()
            case Doubt():
                if message.should_fetch:
                    self._admitter.fetch_again(message.path)
                self._admitter.forget(message.path)
            case Acceptance():
                self._looker.accept()
                self._pace.doubt()
            case Wake():
                pass

    def tick(self) -> float:
        """Does what is due; returns seconds until something will be."""
        self._beat()  # another look than the one before, however little it does
        self._is_looking = True
        try:
            self._look()
        finally:
            self._is_looking = False
        if not self._state.outage:
            self._admitter.admit_due()
        hub_due = self._admitter.follow_hub()
        self._recall.flush()
        now = self._clock.monotonic()
        waits = [self._state.trackers[path].next_look(self._waits) for path in self._state.pending]
        if self._state.dirty:  # a model vanished while it was read
            waits.append(now + _MAX_BURST_SECONDS)
        if (judged := self._audit.due()) is not None:
            waits.append(max(judged, now + _MAX_BURST_SECONDS))
        if self._state.polled:
            waits.append(self._pace.poll_due)
        return max(min([self._pace.scan_due, hub_due, *waits]) - now, 0.001)

    def _look(self) -> None:
        state = self._state
        self._judge()
        now = self._clock.monotonic()
        scopes, dirty = state.scopes(), frozenset(state.dirty)
        if len(scopes) > MOST_SCOPES and now < min(self._pace.flood_due, self._pace.scan_due):
            return  # what goes on for long is looked at now and then
        state.dirty.clear()
        is_polling = bool(state.polled) and now >= self._pace.poll_due
        if (
            self._pace.is_scan_due(now)
            or len(scopes) > MOST_SCOPES
            or (is_polling and "" in state.polled)
            or "" in scopes
        ):
            self._looker.whole(dirty)
            return
        if state.outage:
            return
        for scope in scopes:
            self._looker.part(scope, dirty | {scope})
        if is_polling:
            for scope in sorted(state.polled):
                self._looker.part(scope, dirty | {scope})
            self._pace.polled(now, self._clock.monotonic())

    def _judge(self) -> None:
        """Counts the changes that no event announced; their mounts are not trusted any more."""
        due = self._audit.due()
        now = self._clock.monotonic()
        if due is None or now < due:
            return
        missed = self._audit.judge(now, is_drained=self._hints.is_drained())
        if missed:
            self._coverage.missed(missed)
            self._pace.doubt()
