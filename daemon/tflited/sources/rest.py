"""Admits the models of one root that have come to rest, and follows its Hub references."""

import errno
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Final

from tflited.domain.model import ModelId, ModelKind
from tflited.domain.observation import Sight
from tflited.domain.ports import Clock
from tflited.errors import ModelRefusedError
from tflited.sources.admission import Wholeness, admit, has_settled
from tflited.sources.digest import Digester
from tflited.sources.hub import HubModels
from tflited.sources.look import Looker
from tflited.sources.recall import Recall
from tflited.sources.root_state import RootState
from tflited.sources.settle import SettleTracker, Waits
from tflited.sources.staging import is_unchanged
from tflited.sources.teller import Teller

_TURN_SECONDS: Final = 1.0
"""Admission of very many models lets hints be taken in between."""


@dataclass(slots=True, kw_only=True)
class Admitter:
    """Works in the thread of one root.

    Attributes:
        hub_lock: held for every call of ``hub``, which all roots share.
    """

    state: RootState
    clock: Clock
    looker: Looker
    tell: Teller
    recall: Recall
    digester: Digester
    hub: HubModels
    hub_lock: Lock
    waits: Waits

    def admit_due(self) -> None:
        """Looks once more at what has settled by now, and admits or refuses it."""
        state, until = self.state, self.clock.monotonic() + _TURN_SECONDS
        for path in sorted(state.pending):
            tracker = state.trackers.get(path)
            if tracker is None or self._is_restless(tracker):
                continue
            self.looker.part(path, frozenset(), is_quiet=True)
            if state.outage:
                return
            if state.trackers.get(path) is not tracker or path not in state.pending:
                continue
            if self._is_restless(tracker):
                continue
            if tracker.snapshot.blockers:
                tracker.put_off(self.clock.monotonic())
                continue
            if not has_settled(self._place(path), tracker, self.waits, self.clock.monotonic()):
                continue
            state.pending.discard(path)
            self._admit(path, tracker)
            if self.clock.monotonic() > until:
                return

    def forget(self, path: str) -> None:
        """Makes the next look at a model the first one, and its files be read again."""
        tracker = self.state.trackers.get(path)
        if tracker is not None:
            self.digester.forget(tracker.snapshot)
            nothing = replace(tracker.snapshot, files=())
            now, rested = self.clock.monotonic(), tracker.snapshot
            self.state.trackers[path] = SettleTracker(nothing, now, rested)
        self.recall.forget_model(self.state.root.name, path)
        self.state.pending.discard(path)
        self.state.admitted.pop(path, None)
        self.state.dirty.add(path)

    def fetch_again(self, path: str) -> None:
        """Has a Hub reference's module fetched anew."""
        with self.hub_lock:
            self.hub.fetch_again(ModelId(root=self.state.root.name, path=path))

    def follow_hub(self) -> float:
        """Tells how the modules of settled references stand; returns when to look again."""
        with self.hub_lock:
            changed, due = self.hub.news(self.state.root.name, self.state.admitted)
        for path, news in changed.items():
            self.tell.model(
                path, news.sight, digest=news.digest, reason=news.reason, hint=news.hint
            )
        return due

    def _place(self, path: str) -> Path:
        where = self.state.root.path / path
        return where.resolve() if self.state.root.follow_links else where

    def _is_restless(self, tracker: SettleTracker) -> bool:
        return self.clock.monotonic() < tracker.next_look(self.waits)

    def _admit(self, path: str, tracker: SettleTracker) -> None:
        tracker.rest()
        state, snapshot = self.state, tracker.snapshot
        where = self._place(path)
        try:
            if not tracker.is_whole:
                tracker.is_whole = admit(where, snapshot) is Wholeness.WHOLE
            digest = self.digester.model(where, snapshot)
            if snapshot.kind is ModelKind.HUB:
                model = ModelId(root=state.root.name, path=path)
                with self.hub_lock:
                    self.hub.open(model, where, snapshot, digest)
        except ModelRefusedError as error:
            self.tell.model(path, Sight.REFUSED, reason=error.message, hint=error.hint)
            return
        except OSError as error:
            if error.errno not in {errno.ENOENT, errno.ENOTDIR}:
                hint = "make it readable for the service's user"
                self.tell.model(path, Sight.REFUSED, reason=f"{where}: {error}", hint=hint)
            state.dirty.add(path)
            return
        if not is_unchanged(where, snapshot):  # while it was read: another look decides
            state.dirty.add(path)
            return
        state.admitted[path] = snapshot
        if snapshot.kind is not ModelKind.HUB:
            self.recall.keep_model(state.root.name, path, snapshot, digest)
            self.tell.model(path, Sight.ADMITTED, digest=digest)
