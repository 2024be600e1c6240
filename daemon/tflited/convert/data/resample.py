"""Sound at another rate: band-limited interpolation with a windowed sinc.

Each output is a weighted sum of the inputs around its instant; the weights are a sinc that cuts at
the lower of both Nyquist frequencies, under a Kaiser window (Julius O. Smith, "Digital Audio
Resampling"; length and window as in ``scipy.signal.resample_poly``). Nothing is kept between
calls, so that any part of a file can be made without the rest of it.
"""

from collections.abc import Callable
from math import ceil, floor
from typing import Final

import numpy as np

from tflited.convert.arrays import Array

_ZERO_CROSSINGS: Final = 10
_KAISER_BETA: Final = 5.0
_CHUNK: Final = 4096
"""Outputs that are made at a time; each takes some tens of weights."""


def resampled(
    read: Callable[[int, int], Array], span: tuple[int, int], *, rate: int, wanted: int
) -> Array:
    """A range of samples at another rate.

    Args:
        read: gives the frames ``[stop - start, channels]``, silence outside of the sound.
        span: first sample, and the one behind the last, at the new rate.
        rate: of what is read, in Hz.
        wanted: the new rate, in Hz.

    Returns:
        ``[span[1] - span[0], channels]``, as floats.
    """
    cutoff = min(1.0, wanted / rate)
    half = _ZERO_CROSSINGS / cutoff
    parts = []
    for first in range(span[0], span[1], _CHUNK):
        last = min(first + _CHUNK, span[1])
        instants = np.arange(first, last) * (rate / wanted)
        begin, end = floor(instants[0] - half), ceil(instants[-1] + half) + 2
        frames = read(begin, end)
        parts.append(_interpolated(frames, instants - begin, cutoff, half))
    return np.concatenate(parts)


def _interpolated(frames: Array, instants: Array, cutoff: float, half: float) -> Array:
    offsets = np.arange(-ceil(half), ceil(half) + 1)
    places = np.floor(instants).astype(np.int64)[:, np.newaxis] + offsets
    distance = instants[:, np.newaxis] - places
    inside = np.sqrt(np.clip(1.0 - (distance / half) ** 2, 0.0, None))
    window = np.where(np.abs(distance) < half, np.i0(_KAISER_BETA * inside), 0.0)
    weights = np.sinc(distance * cutoff) * window
    weights /= weights.sum(axis=1, keepdims=True)  # so that a constant stays what it is
    near = frames[np.clip(places, 0, len(frames) - 1)]
    return np.asarray(np.einsum("nk,nkc->nc", weights, near), dtype=np.float32)
