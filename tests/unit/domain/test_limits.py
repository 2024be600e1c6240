"""Limits as part of a policy."""

from dataclasses import replace

from tflited.domain.limits import LIMIT_NAMES, SMALL_BYTES, Limits, most_unpacked_bytes
from tflited.domain.policy import Policy


def test_limits_are_no_part_of_the_build_key() -> None:
    """They decide whether there is a set, not its bytes: raising one rebuilds nothing."""
    other = Limits(**dict.fromkeys(LIMIT_NAMES, 1))
    assert replace(Policy(), limits=other).digest == Policy().digest


def test_what_an_archive_may_become() -> None:
    """Small ones anything, large ones a hundred times themselves, and never more than the limit."""
    assert most_unpacked_bytes(10) == SMALL_BYTES
    assert most_unpacked_bytes(2**30) == 100 * 2**30
    assert most_unpacked_bytes(2**30, 2**31) == 2**31
