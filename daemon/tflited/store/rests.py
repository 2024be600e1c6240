"""Delays before another attempt: their ends are wall-clock times, their lengths are monotonic.

A row holds when a job may start again as a time of day, so that people and the next start can read
it. When the wall clock jumps, every such time is moved with it.
"""

from datetime import datetime, timedelta
from typing import Final

import structlog

from tflited.domain.ports import Clock
from tflited.domain.retry import MAX_DELAY_SECONDS
from tflited.store.database import Database
from tflited.store.rows import instant

LEAST_JUMP_SECONDS: Final = 0.5
"""What a clock is slewed by between two looks is less; delays are seconds."""

_LOG = structlog.get_logger()


class Rests:
    """The start times of one store's queued jobs; used inside its transactions.

    Args:
        database: the store's.
        clock: tells jumps; None for a store without a daemon.
    """

    def __init__(self, database: Database, clock: Clock | None) -> None:
        self._database = database
        self._clock = clock
        self._seen = None if clock is None else _look(clock)

    def follow_clock(self) -> None:
        """Moves every start time by what the wall clock jumped since the last look."""
        if self._clock is None or self._seen is None:
            return
        wall, monotonic = self._seen
        self._seen = _look(self._clock)
        passed = timedelta(seconds=self._seen[1] - monotonic)
        jump = self._seen[0] - wall - passed
        if abs(jump.total_seconds()) < LEAST_JUMP_SECONDS:
            return
        _LOG.warning("clock_jumped", seconds=round(jump.total_seconds(), 3))
        for row in self._database.rows("resting"):
            self._move(row["id"], datetime.fromisoformat(row["not_before"]) + jump)

    def cap(self) -> None:
        """At start: no job waits longer than the longest delay, whatever the clock did."""
        if self._clock is None:
            return
        latest = self._clock.now() + timedelta(seconds=MAX_DELAY_SECONDS)
        for row in self._database.rows("resting"):
            if row["not_before"] > instant(latest):
                self._move(row["id"], latest)

    def _move(self, job_id: int, moment: datetime) -> None:
        self._database.rows("shift_rests", id=job_id, not_before=instant(moment))


def _look(clock: Clock) -> tuple[datetime, float]:
    return clock.now(), clock.monotonic()
