"""The one wait of the test suite: until a condition holds, within a deadline."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

Value = TypeVar("Value")

POLL_SECONDS: Final = 0.01


def wait_until(
    condition: Callable[[], Value], deadline_seconds: float, *, what: str = "the condition"
) -> Value:
    """Returns the condition's value as soon as it is true.

    Args:
        condition: called every ``POLL_SECONDS``, at least once; its errors go through.
        deadline_seconds: longest wait; generous, because a passing test does not use it up.
        what: what is waited for, as in "the job is published", for the message.

    Raises:
        AssertionError: the deadline passed.
    """
    end = time.monotonic() + deadline_seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() >= end:
            message = f"Waited {deadline_seconds} s for {what}; last seen: {value!r}"
            raise AssertionError(message)
        time.sleep(POLL_SECONDS)  # noqa: TID251 - this is the one sleep
