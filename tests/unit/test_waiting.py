"""Tests of the one wait of the test suite."""

from itertools import count

import pytest

from waiting import wait_until


def test_returns_the_first_true_value() -> None:
    """The condition is asked again until it holds, and its value is handed on."""
    numbers = count()
    assert wait_until(lambda: next(numbers), 10.0) == 1


def test_fails_at_the_deadline_and_says_for_what() -> None:
    """A condition that never holds ends in an assertion that names it."""
    with pytest.raises(AssertionError, match=r"Waited 0\.0 s for a pig to fly; last seen: False"):
        wait_until(lambda: False, 0.0, what="a pig to fly")
