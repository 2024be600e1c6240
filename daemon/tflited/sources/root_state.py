"""What the sources' thread remembers of one root; decides nothing."""

from dataclasses import dataclass, field

from tflited.domain.model import Snapshot
from tflited.domain.ports import Root
from tflited.sources.settle import SettleTracker


@dataclass(slots=True)
class RootState:
    """What is remembered of one root."""

    root: Root
    next_scan: float = 0.0
    is_available: bool = True
    dirty: set[str] = field(default_factory=set)
    trackers: dict[str, SettleTracker] = field(default_factory=dict)
    pending: set[str] = field(default_factory=set)
    admitted: dict[str, Snapshot] = field(default_factory=dict)


def waits_for(snapshot: Snapshot) -> str:
    """What a model that has not settled waits for."""
    if snapshot.blockers:
        return f"still being written: {snapshot.blockers[0]!r} is a temporary name"
    return "its files changed a moment ago"
