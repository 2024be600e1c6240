"""The search for the smallest arena."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflited.convert.micro.arena import STEP, smallest

ENOUGH = 2**26


@given(least=st.integers(1, 2**22), guess=st.integers(0, 2**23))
def test_the_smallest_is_found_wherever_the_search_begins(least: int, guess: int) -> None:
    """It works, and the next smaller one was tried and does not."""
    tried: dict[int, bool] = {}

    def works(size: int) -> bool:
        tried[size] = size >= least
        return tried[size]

    found = smallest(works, guess=guess, enough=ENOUGH)
    assert found % STEP == 0
    assert found - STEP < least <= found
    assert found == ENOUGH or tried[found]
    assert found == STEP or not tried[found - STEP]


@pytest.mark.parametrize("least", [5136, 5264, 45_264])
def test_a_good_guess_is_quick(least: int) -> None:
    """TFLM prints a little less than it needs; each try costs a run."""
    tried: list[int] = []

    def works(size: int) -> bool:
        tried.append(size)
        return size >= least

    smallest(works, guess=least - 128, enough=ENOUGH)
    assert len(tried) < 12
    assert min(tried) >= least - 128


def test_what_always_works_needs_one_step() -> None:
    """There is no arena below the step."""
    assert smallest(lambda _size: True, guess=4096, enough=ENOUGH) == STEP


def test_what_only_the_known_size_holds() -> None:
    """The size that is known to work is never tried again, and may be the answer."""
    assert smallest(lambda size: size >= ENOUGH, guess=0, enough=ENOUGH) == ENOUGH
