"""The rule that tells an outage from a removal."""

import pytest

from tflited.sources.root_guard import RootGuard

FIRST, REPLACED, OTHER = (1, 10), (1, 11), (2, 10)
KNOWN = ("a", "b", "c", "d")


@pytest.fixture
def guard() -> RootGuard:
    return RootGuard("models", identity=FIRST)


@pytest.mark.parametrize(
    ("now", "found", "is_announced"),
    [
        (FIRST, KNOWN, True),
        (FIRST, ("a",), False),
        (FIRST, (), True),
        (REPLACED, ("a",), False),
        (REPLACED, ("x",), False),
        (OTHER, ("a", "b"), False),
    ],
)
def test_what_is_believed(
    guard: RootGuard, now: tuple[int, int], found: tuple[str, ...], *, is_announced: bool
) -> None:
    """Models that were there speak for a root, and so do events for a removal."""
    assert not guard.objection(now, known=KNOWN, found=found, is_announced=is_announced)
    assert guard.identity == now


@pytest.mark.parametrize(
    ("now", "found", "is_announced"),
    [(FIRST, (), False), (REPLACED, (), False), (OTHER, (), True), (OTHER, ("a", "x"), True)],
)
def test_what_is_an_outage(
    guard: RootGuard, now: tuple[int, int], found: tuple[str, ...], *, is_announced: bool
) -> None:
    """The reason names the numbers and the next step; the old identity is kept."""
    reason = guard.objection(now, known=KNOWN, found=found, is_announced=is_announced)
    assert "4 models" in reason or "of the 4 models" in reason
    assert "tflited confirm models" in reason
    assert guard.identity == FIRST


def test_a_word_is_enough_once(guard: RootGuard) -> None:
    """The next outage needs another word."""
    guard.accept()
    assert not guard.objection(OTHER, known=KNOWN, found=(), is_announced=False)
    assert guard.objection(FIRST, known=KNOWN, found=(), is_announced=False)


def test_a_root_that_held_nothing_may_be_anything() -> None:
    """At the start nothing is known."""
    assert not RootGuard("models").objection(OTHER, known=(), found=(), is_announced=False)
