"""The machine's time, as the ``Clock`` port."""

from datetime import UTC, datetime
from time import monotonic


class SystemClock:
    """Implements the ``Clock`` port."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start."""
        return monotonic()

    def now(self) -> datetime:
        """The present, aware UTC."""
        return datetime.now(UTC)
