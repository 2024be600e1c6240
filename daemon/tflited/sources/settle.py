"""Decides when a model has stopped changing; pure, driven by the caller's clock.

Quiet means that two looks, at least the waiting time apart, saw the same identities. The waiting
time grows with the slowest gap seen between two writes of the same copy.
"""

from dataclasses import dataclass
from typing import Final

from tflited.domain.model import Snapshot

MAX_WAIT_SECONDS: Final = 60.0
_GAP_FACTOR: Final = 1.5


@dataclass(slots=True)
class SettleTracker:
    """One model's way to rest.

    Attributes:
        snapshot: as last seen.
        changed_at: monotonic seconds of the last look that saw a change.
        slowest_gap: longest quiet time that was ended by another change, in seconds.
    """

    snapshot: Snapshot
    changed_at: float
    slowest_gap: float = 0.0

    def observe(self, snapshot: Snapshot, now: float) -> bool:
        """Takes in a fresh look.

        Args:
            snapshot: the model as seen now.
            now: monotonic seconds.

        Returns:
            Whether anything changed since the last look.
        """
        if snapshot == self.snapshot:
            return False
        gap = now - self.changed_at
        # A flag's time is not the writer's, and what no wait would cover is another copy.
        if not self.snapshot.is_held and gap <= MAX_WAIT_SECONDS:
            self.slowest_gap = max(self.slowest_gap, gap)
        self.snapshot = snapshot
        self.changed_at = now
        return True

    def deadline(self, settle_seconds: float) -> float:
        """Monotonic seconds at which the model has settled if nothing more changes."""
        if self.snapshot.is_ready:
            return self.changed_at
        adaptive = min(self.slowest_gap * _GAP_FACTOR, MAX_WAIT_SECONDS)
        return self.changed_at + max(settle_seconds, adaptive)

    def rest(self) -> None:
        """Forgets the gaps of the copy that has ended."""
        self.slowest_gap = 0.0
