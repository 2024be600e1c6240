"""What one root's thread remembers of it; decides nothing."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from tflited.domain.model import Scan, Snapshot, is_below
from tflited.domain.ports import Root
from tflited.sources.emitter import HintKind
from tflited.sources.settle import SettleTracker

MOST_SCOPES: Final = 64
"""More places to look at than this in one root are one whole scan."""


@dataclass(slots=True)
class RootState:
    """What is remembered of one root.

    Attributes:
        root: which.
        outage: why the last look could not be believed; "" when it could.
        has_been_scanned: a whole scan has ended well; what is seen for the first time later was
            not there before.
        is_known: a whole scan has told everything, and no event was lost since.
        dirty: where events say that something changed.
        trackers: path to every model's way to rest.
        pending: the models that have not settled.
        admitted: path to the admitted state.
        mounts: the parts that lie on a file system of their own.
        blind: the mounts whose events cannot be trusted.
        polled: the parts that are looked at on a short interval, with the reason.
        unwatched: how many directories the kernel's limit keeps from being watched.
        missed: changes that no event announced, not told yet.
        heard: hints by kind, not told yet.
    """

    root: Root
    outage: str = ""
    has_been_scanned: bool = False
    is_known: bool = False
    dirty: set[str] = field(default_factory=set)
    trackers: dict[str, SettleTracker] = field(default_factory=dict)
    pending: set[str] = field(default_factory=set)
    admitted: dict[str, Snapshot] = field(default_factory=dict)
    mounts: set[str] = field(default_factory=set)
    blind: set[str] = field(default_factory=set)
    polled: dict[str, str] = field(default_factory=dict)
    unwatched: int = 0
    missed: int = 0
    heard: Counter[HintKind] = field(default_factory=Counter)
    _beside: dict[str, object] = field(default_factory=dict)

    def note(self, scan: Scan) -> bool:
        """Keeps what a look found beside models; returns whether that is new."""
        before = {path: at for path, at in self._beside.items() if is_below(path, scan.scope)}
        now: dict[str, object] = {**scan.trouble, **scan.policies}
        for path in before.keys() - now.keys():
            del self._beside[path]
        self._beside.update(now)
        return before != now

    def scopes(self) -> list[str]:
        """Where to look: the dirty models, and the dirty paths that belong to none."""
        found = {self._model_of(path) for path in self.dirty}
        return sorted(path for path in found if not _has_ancestor(path, found))

    def _model_of(self, path: str) -> str:
        """The known model a path belongs to, else the path."""
        return next((above for above in ancestors(path) if above in self.trackers), path)

    def mount_of(self, path: str) -> str:
        """The deepest mount that a path lies on."""
        return next((above for above in ancestors(path) if above in self.mounts), "")

    def is_polled(self, path: str) -> bool:
        """Whether a path lies in a part that events do not cover."""
        return any(above in self.polled for above in ancestors(path))


def ancestors(path: str) -> Iterable[str]:
    """A path and every one above it, up to the root's own, which is ""."""
    yield path
    while path:
        path = path.rpartition("/")[0]
        yield path


def _has_ancestor(path: str, paths: set[str]) -> bool:
    return any(above in paths for above in ancestors(path) if above != path)


def waits_for(snapshot: Snapshot) -> str:
    """What a model that has not settled waits for."""
    if snapshot.blockers:
        return f"still being written: {snapshot.blockers[0]!r} is a temporary name"
    return "its files changed a moment ago"
