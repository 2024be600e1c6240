"""What the sources' thread remembers of one root; decides nothing."""

from dataclasses import dataclass, field
from typing import Final

from tflited.domain.model import Snapshot
from tflited.domain.ports import Root
from tflited.sources.settle import SettleTracker


@dataclass(frozen=True, slots=True)
class Doubt:
    """A model whose admitted state is no longer believed."""

    root: str
    path: str
    should_fetch: bool = False


WAKE: Final = Doubt("", "")
"""Of a root that is none: only a reason to look at what is due."""


@dataclass(slots=True)
class RootState:
    """What is remembered of one root.

    Attributes:
        root: which.
        next_scan: monotonic seconds of the next whole scan.
        is_available: whether it could be read at the last scan.
        has_been_scanned: whether a whole scan has ended well.
        dirty: paths that have to be looked at.
        trackers: every model that is there.
        pending: models that have not settled.
        admitted: models that are admitted, as they were then.
        doubted: models whose state was forgotten, though they were there.
    """

    root: Root
    next_scan: float = 0.0
    has_been_scanned: bool = False
    is_available: bool = True
    dirty: set[str] = field(default_factory=set)
    trackers: dict[str, SettleTracker] = field(default_factory=dict)
    pending: set[str] = field(default_factory=set)
    admitted: dict[str, Snapshot] = field(default_factory=dict)
    doubted: set[str] = field(default_factory=set)

    def was_vacant(self, path: str) -> bool:
        """Whether a model that is seen anew was certainly not there before; asked once for each.

        What is there at the first scan may be an older model that is being written over.
        """
        is_doubted = path in self.doubted
        self.doubted.discard(path)
        return self.has_been_scanned and not is_doubted


def waits_for(snapshot: Snapshot) -> str:
    """What a model that has not settled waits for."""
    if snapshot.blockers:
        return f"still being written: {snapshot.blockers[0]!r} is a temporary name"
    return "its files changed a moment ago"
