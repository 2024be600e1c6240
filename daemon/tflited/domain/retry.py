"""When a failed attempt is tried again, and when no more."""

MAX_DEATHS = 3
"""Attempts that may end without a reply before a job is dead."""

MAX_LOSSES = 10
"""Attempts after which a job whose zygote is lost once more is dead: no death of its own each time,
but a model that kills the process above its child must not be tried for ever."""

FIRST_DELAY_SECONDS = 2.0
MAX_DELAY_SECONDS = 300.0


STORAGE_SECONDS = 15.0
"""Waiting time after a full or read-only disk: it is no failure of the model, and never grows."""


def delay_seconds(attempts: int) -> float:
    """Waiting time before the next attempt: doubles each time, bounded.

    Args:
        attempts: attempts made so far, at least 1.

    Returns:
        Seconds, from ``FIRST_DELAY_SECONDS`` to ``MAX_DELAY_SECONDS``.
    """
    exponent = min(max(attempts, 1) - 1, 20)
    return float(min(FIRST_DELAY_SECONDS * 2**exponent, MAX_DELAY_SECONDS))
