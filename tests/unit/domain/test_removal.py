"""When a mass removal waits for a person."""

import pytest

from tflited.domain.removal import BrakeRules


@pytest.mark.parametrize(
    ("leaving", "staying", "is_held"),
    [
        (0, 0, False),
        (1, 0, False),
        (2, 0, True),
        (9, 1, False),
        (10, 10, False),
        (10, 9, True),
        (11, 10, True),
        (10, 100, False),
    ],
)
def test_share_and_count_or_all(leaving: int, staying: int, *, is_held: bool) -> None:
    """More than half and at least ten; or all of two or more."""
    assert BrakeRules().holds(leaving=leaving, staying=staying) is is_held


def test_a_share_of_one_holds_nothing() -> None:
    """Whoever wants no brake can have none."""
    assert not BrakeRules(share=1.0).holds(leaving=1000, staying=0)


def test_a_share_of_nought_asks_from_the_count_on() -> None:
    """Also where most of a root stays; a count of one asks always."""
    assert BrakeRules(share=0.0).holds(leaving=10, staying=1000)
    assert BrakeRules(share=0.0, count=1).holds(leaving=1, staying=1000)
    assert BrakeRules(share=0.0, count=1).holds(leaving=1, staying=0)
