"""Finds the smallest arena that works, to 16 bytes: what TFLM prints is less than it needs."""

from collections.abc import Callable
from typing import Final

STEP: Final = 16
"""TFLM aligns what it puts into an arena to 16 bytes, so smaller steps say nothing."""


def smallest(works: Callable[[int], bool], *, guess: int, enough: int) -> int:
    """The least multiple of 16 that works; the next smaller one was tried and does not.

    Args:
        works: whether a model runs in so many bytes; once true, true for more.
        guess: where to look first, as good as zero where nothing is known.
        enough: a multiple of 16 that works.
    """
    low, high = _bracket(works, max(guess - guess % STEP, STEP), enough)
    while high - low > STEP:
        middle = (low + high) // 2
        middle -= middle % STEP
        low, high = (low, middle) if works(middle) else (middle, high)
    return high


def _bracket(works: Callable[[int], bool], guess: int, enough: int) -> tuple[int, int]:
    """A size that does not work and a greater one that does, close together for a good guess.

    Far below the need TFLM ends its process, which costs a start, so the guess is left slowly.
    """
    if guess >= enough:
        guess = STEP
    reach = STEP
    if works(guess):
        high = guess
        while high - reach > 0 and works(high - reach):
            high, reach = high - reach, 2 * reach
        return max(high - reach, 0), high
    low = guess
    while low + reach < enough and not works(low + reach):
        low, reach = low + reach, 2 * reach
    return low, min(low + reach, enough)
