"""When to look without being asked: whole scans, and polls of the parts that events do not cover.

Pure, driven by the caller's clock. However large a root is, whole scans take at most a
two-hundredth of the time, polls a twentieth, and scans under a flood of hints a quarter.
"""

from dataclasses import dataclass
from typing import Final

POLL_SECONDS: Final = 5.0
"""Time between two looks at a part that events do not cover."""
OUTAGE_SECONDS: Final = 5.0
_SCAN_SHARE: Final = 200.0
_POLL_SHARE: Final = 20.0
_FLOOD_SHARE: Final = 4.0


@dataclass(slots=True)
class Pace:
    """The due times of one root, in monotonic seconds.

    Attributes:
        interval: least time between whole scans.
        scan_due: the next whole scan.
    poll_due: the next look at the polled parts.
    flood_due: the next whole scan that is done only since very many places changed.
    """

    interval: float
    scan_due: float = 0.0
    poll_due: float = 0.0
    flood_due: float = 0.0

    def scanned(self, started: float, ended: float) -> None:
        """A whole scan is over."""
        self.scan_due = started + max(self.interval, (ended - started) * _SCAN_SHARE)
        self.flood_due = started + (ended - started) * _FLOOD_SHARE
        self.polled(started, ended)

    def polled(self, started: float, ended: float) -> None:
        """A look at the polled parts is over."""
        pause = max(min(POLL_SECONDS, self.interval), (ended - started) * _POLL_SHARE)
        self.poll_due = started + pause

    def failed(self, now: float) -> None:
        """The root could not be read, or was not believed."""
        self.scan_due = now + min(OUTAGE_SECONDS, self.interval)

    def doubt(self) -> None:
        """A whole scan is due at once."""
        self.scan_due = 0.0

    def is_scan_due(self, now: float) -> bool:
        """Whether to scan the whole root."""
        return now >= self.scan_due
