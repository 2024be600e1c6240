"""Counts what each client may still do: a token bucket per client, in bounded memory."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

_MOST_CLIENTS: Final = 1024


class Buckets:
    """Token buckets that fill at one rate; not for more than one thread.

    Args:
        per_minute: how fast a bucket fills.
        burst: how much it holds.
        clock: monotonic seconds.
    """

    def __init__(self, *, per_minute: float, burst: int, clock: Callable[[], float]) -> None:
        self._per_second = per_minute / 60.0
        self._burst = float(burst)
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """Takes one from a client's bucket.

        Returns:
            0.0 where there was one; else in how many seconds there is.
        """
        now = self._clock()
        level = self._level(client, now)
        wait = 0.0 if level >= 1.0 else (1.0 - level) / self._per_second
        self._levels[client] = (level if wait else level - 1.0, now)
        self._levels.move_to_end(client)
        if len(self._levels) > _MOST_CLIENTS:  # the one longest unseen has the fullest bucket
            self._levels.popitem(last=False)
        return wait

    def _level(self, client: str, now: float) -> float:
        level, at = self._levels.get(client, (self._burst, now))
        return min(self._burst, level + (now - at) * self._per_second)
