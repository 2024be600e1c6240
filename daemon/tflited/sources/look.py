"""Looks at one root and compares it with what is remembered: what is new, changed or gone.

Nothing is taken for gone while the look cannot be believed: a root that is not there, an unreadable
folder, a mount that went away.
"""

import os
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

import structlog

from tflited.domain.model import Digest, FileIdentity, ModelKind, Scan, Snapshot, is_below
from tflited.domain.observation import Sight
from tflited.domain.ports import Clock
from tflited.sources.audit import Audit, is_announced, is_related
from tflited.sources.coverage import Coverage
from tflited.sources.pace import Pace
from tflited.sources.recall import Recall, state_of
from tflited.sources.root_guard import Identity, RootGuard
from tflited.sources.root_state import RootState, ancestors, waits_for
from tflited.sources.scan import DirectoryScanner
from tflited.sources.settle import SettleTracker
from tflited.sources.teller import Teller

_LOG = structlog.get_logger()
_FROZEN: Final = "nothing below it counts as removed"


@dataclass(slots=True, kw_only=True)
class Looker:
    """Looks, in the thread of one root.

    Attributes:
        state: what is remembered of the root; changed here.
        settle_seconds: quiet time before a model is looked into.
        known: what was admitted before the restart, by path; empty after the first whole look.
    """

    state: RootState
    clock: Clock
    scanner: DirectoryScanner
    coverage: Coverage
    guard: RootGuard
    audit: Audit
    pace: Pace
    tell: Teller
    recall: Recall
    settle_seconds: float
    known: dict[str, tuple[bytes, Digest]]

    def whole(self, announced: AbstractSet[str]) -> None:
        """Looks at the whole root.

        Args:
            announced: where events told of changes since the last look.
        """
        started = self.clock.monotonic()
        try:
            before = self._enter()
            if self.coverage.renew():
                self._doubt()  # what happened before the watch was there, no event told
            scan = self.scanner.scan(self.state.root)
            is_same = self._enter() == before
        except OSError as error:
            self._outage(f"{error.strerror or error}")
            return
        gone = [path for path in self.state.trackers if path not in scan.models]
        reason = "" if is_same else "it was replaced while it was looked at"
        hints = announced - {""}
        reason = reason or self.guard.objection(
            before,
            known=self.state.trackers,
            found=scan.models,
            is_announced=all(is_announced(path, hints) for path in gone),
        )
        if reason:
            self._outage(reason)
            return
        self._take(scan, announced)
        self.coverage.cover(scan)
        self.state.is_known = self.state.has_been_scanned = True
        self.known = {}
        ended = self.clock.monotonic()
        self.pace.scanned(started, ended)
        self.state.note(scan)
        self.tell.look(scan, ended - started)

    def part(self, scope: str, announced: AbstractSet[str], *, is_quiet: bool = False) -> None:
        """Looks at a part of the root.

        Args:
            scope: the part.
            announced: where events told of changes since the last look.
            is_quiet: the look itself is told only when it found news beside the models.
        """
        started = self.clock.monotonic()
        try:
            if self._enter() != self.guard.identity:
                self.pace.doubt()  # another directory: judged as a whole
                return
            scan = self.scanner.scan(self.state.root, scope)
            if self._enter() != self.guard.identity:
                self.pace.doubt()
                return
        except OSError as error:
            self._outage(f"{error.strerror or error}")
            return
        self._take(scan, announced)
        if self.state.note(scan) or not is_quiet:
            self.tell.look(scan, self.clock.monotonic() - started)

    def accept(self) -> None:
        """Believes the next look, whatever it finds."""
        self.guard.accept()
        self.state.mounts &= {""}
        self._doubt()

    def _doubt(self) -> None:
        self.state.is_known = False
        self.audit.clear()

    def _enter(self) -> Identity:
        """Device and inode of the root's directory, which can be read."""
        path = self.state.root.path
        os.scandir(path).close()
        status = path.stat()
        return status.st_dev, status.st_ino

    def _outage(self, reason: str) -> None:
        root = self.state.root
        self.pace.failed(self.clock.monotonic())
        if self.state.outage != reason:
            _LOG.error("root_unavailable", root=root.name, path=str(root.path), reason=reason)
        self.state.outage = reason
        self._doubt()
        self.tell.outage(f"{root.path}: {reason}")

    def _take(self, scan: Scan, announced: AbstractSet[str]) -> None:
        """Compares a look that is believed with what is remembered."""
        if self.state.outage:
            _LOG.info("root_available", root=self.state.root.name)
        self.state.outage = ""
        frozen = self._frozen(scan)
        changed = [path for path, snapshot in scan.models.items() if self._sighted(path, snapshot)]
        gone = [
            path
            for path in self.state.trackers
            if is_below(path, scan.scope) and path not in scan.models
            if not any(above in frozen for above in ancestors(path))
        ]
        self._suspect(scan, [*changed, *gone], announced)
        for path in gone:
            self._gone(path)
        kept = {mount for mount in self.state.mounts if not is_below(mount, scan.scope)}
        self.state.mounts = kept | scan.mounts | (frozen & self.state.mounts)

    def _frozen(self, scan: Scan) -> set[str]:
        """The parts of a look about which it tells nothing; each is said."""
        state, frozen = self.state, set(scan.unread)
        for mount in state.mounts - scan.mounts - {""}:
            known = [path for path in state.trackers if is_below(path, mount)]
            is_seen = is_related(mount, scan.scope)
            if is_seen and known and not any(path in scan.models for path in known):
                frozen.add(mount)
                for path in [path for path in scan.models if is_below(path, mount)]:
                    del scan.models[path]  # the empty mount point looks like a model to come
                scan.trouble[mount] = (
                    f"its file system is not mounted; {_FROZEN}."
                    f" If that is meant: tflited confirm {state.root.name}"
                )
        return frozen

    def _suspect(self, scan: Scan, paths: list[str], announced: AbstractSet[str]) -> None:
        """Notes the changes that no event announced."""
        if not self.state.is_known:
            return
        moved = scan.mounts ^ {
            mount for mount in self.state.mounts if is_related(mount, scan.scope)
        }
        now = self.clock.monotonic()
        for path in paths:
            above = set(ancestors(path)) - {path}
            # What a folder is may change with what lies beside a model, and with mounts.
            if above & (scan.models.keys() | self.state.trackers.keys() | (moved - {""})):
                continue
            if not self.state.is_polled(path) and not is_announced(path, announced):
                self.audit.suspect(path, now)

    def _sighted(self, path: str, snapshot: Snapshot) -> bool:
        """Takes in one model; returns whether its content is not what was remembered."""
        now = self.clock.monotonic()
        tracker = self.state.trackers.get(path)
        before: Snapshot | None = None
        if tracker is None:
            # What is there at the first look may be an older model that is being written over.
            rested = None if self.state.has_been_scanned else snapshot
            tracker = self.state.trackers[path] = SettleTracker(snapshot, now, rested)
            if self._is_recalled(path, snapshot):
                return True
        else:
            before = tracker.snapshot
            if not tracker.observe(snapshot, now):
                return False
        self.state.admitted.pop(path, None)
        self.state.pending.discard(path)
        if snapshot.is_held:
            self.tell.model(path, Sight.HELD, reason="a .hold file asks to wait")
        else:
            self.state.pending.add(path)
            left = max(tracker.deadline(self.settle_seconds) - now, 0.0)
            reason = waits_for(snapshot)
            self.tell.model(path, Sight.SETTLING, reason=reason, left_seconds=left)
        return before is None or _content(before) != _content(snapshot)

    def _is_recalled(self, path: str, snapshot: Snapshot) -> bool:
        """Whether a model is exactly what was admitted before the restart; then it still is."""
        known = self.known.get(path)
        is_plain = not (snapshot.is_held or snapshot.blockers or snapshot.trouble)
        if known is None or not is_plain or snapshot.kind is ModelKind.HUB:
            return False
        state, digest = known
        if state != state_of(snapshot):
            return False
        self.state.admitted[path] = snapshot
        self.tell.model(path, Sight.ADMITTED, digest=digest)
        return True

    def _gone(self, path: str) -> None:
        self.tell.model(path, Sight.GONE, reason="no longer in its root")
        del self.state.trackers[path]
        self.state.pending.discard(path)
        self.state.admitted.pop(path, None)
        self.recall.forget_model(self.state.root.name, path)


def _content(snapshot: Snapshot) -> list[tuple[str, int, int, int]]:
    """What a change of content changes; another name for a file changes its ctime in silence."""
    return [(name, *_essence(identity)) for name, identity in snapshot.files]


def _essence(identity: FileIdentity) -> tuple[int, int, int]:
    return identity.inode, identity.size, identity.mtime_ns
