"""Compares what looks found with what events announced; pure, driven by the caller's clock.

A change that no event announced means that events cannot be trusted there. An event may still be
on its way when a look finds its change, so a suspicion is judged later.
"""

from collections.abc import Iterable
from typing import Final

from tflited.domain.model import is_below

GRACE_SECONDS: Final = 2.0
"""An event that comes so long after the look that saw its change was only late."""
_GIVE_UP_SECONDS: Final = 60.0
"""A suspicion that could not be judged for so long, because events kept coming, is dropped."""


class Audit:
    """The suspicions of one root."""

    def __init__(self) -> None:
        self._suspects: dict[str, float] = {}

    def hinted(self, path: str) -> None:
        """An event came for a path: what lies above and below it was announced."""
        if self._suspects:
            for suspect in [one for one in self._suspects if is_related(one, path)]:
                del self._suspects[suspect]

    def suspect(self, path: str, now: float) -> None:
        """A look found a change that no event had announced until then."""
        self._suspects[path] = now

    def clear(self) -> None:
        """Events are known to be lost, so that nothing can be told from their absence."""
        self._suspects.clear()

    def judge(self, now: float, *, is_drained: bool) -> list[str]:
        """The paths whose change was missed.

        Args:
            now: monotonic seconds.
            is_drained: no event waits to be read.
        """
        due = [path for path, since in self._suspects.items() if now >= since + GRACE_SECONDS]
        if not is_drained:
            due = [path for path in due if now >= self._suspects[path] + _GIVE_UP_SECONDS]
        for path in due:
            del self._suspects[path]
        return sorted(due) if is_drained else []

    def due(self) -> float | None:
        """When ``judge`` should be asked next."""
        return min(self._suspects.values()) + GRACE_SECONDS if self._suspects else None


def is_related(path: str, other: str) -> bool:
    """Whether one of two paths lies at or below the other."""
    return is_below(path, other) or is_below(other, path)


def is_announced(path: str, hints: Iterable[str]) -> bool:
    """Whether any of the hints concerns a path."""
    return any(is_related(path, hint) for hint in hints)
