"""Limits as part of a policy."""

from dataclasses import replace

from tflited.domain.limits import LIMIT_NAMES, Limits
from tflited.domain.policy import Policy


def test_limits_are_no_part_of_the_build_key() -> None:
    """They decide whether there is a set, not its bytes: raising one rebuilds nothing."""
    other = Limits(**dict.fromkeys(LIMIT_NAMES, 1))
    assert replace(Policy(), limits=other).digest == Policy().digest
