"""How long to wait before the next try: twice as long each time, and not in step with others."""

import secrets
from typing import Final

FIRST_SECONDS: Final = 0.5
LONGEST_SECONDS: Final = 30.0


class Backoff:
    """Grows from half a second to half a minute."""

    def __init__(self) -> None:
        self._seconds = FIRST_SECONDS

    def next_seconds(self) -> float:
        """The next wait: between half of the present step and the whole of it."""
        step, self._seconds = self._seconds, min(2 * self._seconds, LONGEST_SECONDS)
        return step * (0.5 + secrets.randbelow(1000) / 2000)

    def reset(self) -> None:
        """It worked."""
        self._seconds = FIRST_SECONDS
