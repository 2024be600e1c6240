"""No capability is left, and what is left is told by its set."""

import os

import pytest

from fakes.sandboxed import alone

LACKING = "print(*(capabilities.lacking(CONFINEMENT, taken) or 'nothing').split()[:4])"


def test_nothing_is_left_after_the_layer() -> None:
    """Every set is empty; for root the bounding set, too."""
    told = alone(f"capabilities.drop(CONFINEMENT, taken)\n{LACKING}")
    assert told == ["nothing"]


@pytest.mark.skipif(os.geteuid() != 0, reason="run as root: others have no capability to miss")
def test_what_is_left_is_told() -> None:
    """The layer left out is missed."""
    assert alone(LACKING) == ["capabilities", "are", "left:", "CapPrm"]


@pytest.mark.skipif(os.geteuid() != 0, reason="run as root: others have no bounding set to drop")
def test_a_bounding_set_is_missed_where_it_could_be_dropped() -> None:
    """It is what a set-user-id program could bring back."""
    code = "capabilities.SETS = ()\n" + LACKING
    assert "CapBnd" in alone(code)
