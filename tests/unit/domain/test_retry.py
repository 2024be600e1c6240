"""When a failed attempt is tried again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflited.domain.retry import FIRST_DELAY_SECONDS, MAX_DEATHS, MAX_DELAY_SECONDS, delay_seconds


@pytest.mark.parametrize(("attempts", "expected"), [(1, 2), (2, 4), (3, 8), (8, 256), (9, 300)])
def test_the_delay_doubles_up_to_five_minutes(attempts: int, expected: float) -> None:
    """Two seconds after the first failure."""
    assert delay_seconds(attempts) == expected


@given(st.integers(-5, 10**9))
def test_the_delay_is_always_within_its_bounds(attempts: int) -> None:
    """However often a job failed, no overflow and no wait without end."""
    assert FIRST_DELAY_SECONDS <= delay_seconds(attempts) <= MAX_DELAY_SECONDS


@given(st.integers(1, 100))
def test_a_later_attempt_never_waits_less(attempts: int) -> None:
    """Trouble that stays is asked about less often."""
    assert delay_seconds(attempts) <= delay_seconds(attempts + 1)


def test_three_deaths_are_enough() -> None:
    """A poisonous model stops after as many children."""
    assert MAX_DEATHS == 3
