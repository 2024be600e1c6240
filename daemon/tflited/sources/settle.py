"""Decides when a model has stopped changing; pure, driven by the caller's clock.

Quiet means that two looks, at least the waiting time apart, saw the same identities. The waiting
time grows with the slowest gap seen between two writes of the same copy. A copy whose every file
has been written may be looked at once before that: if it proves whole, it has settled
(docs/adr/0009-proven-whole.md).
"""

from dataclasses import dataclass
from typing import Final

from tflited.domain.model import Snapshot

MAX_WAIT_SECONDS: Final = 60.0
_GAP_FACTOR: Final = 1.5


@dataclass(frozen=True, slots=True)
class Waits:
    """How long a model must have been still.

    Attributes:
        settle_seconds: before whatever is there is judged.
        whole_seconds: before it is looked at whether it can be proven whole.
    """

    settle_seconds: float
    whole_seconds: float


@dataclass(slots=True)
class SettleTracker:
    """One model's way to rest.

    Attributes:
        snapshot: as last seen.
        changed_at: monotonic seconds of the last look that saw a change.
        rested: the state that the present copy is written over; None where there was no model.
        slowest_gap: longest quiet time that was ended by another change, in seconds.
        has_been_tried: whether the early look of this quiet time is over.
        is_whole: whether the present state is proven whole.
    """

    snapshot: Snapshot
    changed_at: float
    rested: Snapshot | None = None
    slowest_gap: float = 0.0
    has_been_tried: bool = False
    is_whole: bool = False

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
        # A flag's time is not the writer's; after a whole state, or longer than any wait covers,
        # it is another copy.
        if not self.is_whole and not self.snapshot.is_held and gap <= MAX_WAIT_SECONDS:
            self.slowest_gap = max(self.slowest_gap, gap)
        self.snapshot = snapshot
        self.changed_at = now
        self.has_been_tried = self.is_whole = False
        return True

    def deadline(self, settle_seconds: float) -> float:
        """Monotonic seconds at which the model has settled if nothing more changes."""
        if self.snapshot.is_ready:
            return self.changed_at
        return self.changed_at + max(settle_seconds, self._adaptive)

    def next_look(self, waits: Waits) -> float:
        """Monotonic seconds at which the model is looked into if nothing more changes."""
        last = self.deadline(waits.settle_seconds)
        if self.has_been_tried or not self._is_rewritten:
            return last
        return min(last, self.changed_at + max(waits.whole_seconds, self._adaptive))

    def put_off(self, now: float) -> None:
        """Starts the quiet time anew: a temporary name tells that somebody is still writing."""
        self.changed_at = now
        self.has_been_tried = False

    def rest(self) -> None:
        """Forgets the gaps of the copy that has ended."""
        self.slowest_gap = 0.0
        self.rested = self.snapshot

    @property
    def _adaptive(self) -> float:
        return min(self.slowest_gap * _GAP_FACTOR, MAX_WAIT_SECONDS)

    @property
    def _is_rewritten(self) -> bool:
        """Whether no file is as it was before this copy.

        Copied over an older model file by file, a mixture of both may hold together by every
        checksum; as long as one file is still the old one, only the full quiet time tells.
        """
        if self.rested is None:
            return True
        return not set(self.snapshot.files) & set(self.rested.files)
