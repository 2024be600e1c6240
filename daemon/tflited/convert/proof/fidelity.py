"""How close two sets of outputs are: sums over samples, and the figures made of them.

Sums are kept instead of outputs, so that large outputs cost no memory. Signal-to-noise ratio as in
Proakis and Manolakis, "Digital Signal Processing": signal power over error power.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Final

import numpy as np

from tflited.convert.arrays import Array
from tflited.domain.figures import OutputFidelity

MIN_SNR_DB: Final = -300.0
"""Stands for a signal of zero power that is answered by anything else."""

_NUMBERS: Final = "biuf"
"""Kinds of NumPy's element types that are numbers and no texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What one or many samples add to the figures of an output."""

    samples: int = 0
    values: int = 0
    max_abs_error: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    error_power: float = 0.0
    source_power: float = 0.0
    variant_power: float = 0.0
    product: float = 0.0
    rows: int = 0
    rows_agreeing: int = 0
    non_finite_mismatches: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        """The sums over both."""
        return Sums(
            samples=self.samples + other.samples,
            values=self.values + other.values,
            max_abs_error=max(self.max_abs_error, other.max_abs_error),
            low=min(self.low, other.low),
            high=max(self.high, other.high),
            error_power=self.error_power + other.error_power,
            source_power=self.source_power + other.source_power,
            variant_power=self.variant_power + other.variant_power,
            product=self.product + other.product,
            rows=self.rows + other.rows,
            rows_agreeing=self.rows_agreeing + other.rows_agreeing,
            non_finite_mismatches=self.non_finite_mismatches + other.non_finite_mismatches,
        )


def compare(source: Array, variant: Array) -> Sums:
    """The sums of one sample's output.

    Args:
        source: what the source gives.
        variant: what the variant gives, in the same unit; the same shape.

    Returns:
        Sums over the places where both are finite; places where only one is, or where they are
        infinite with another sign, are counted. Texts are compared as 0 where equal, 1 elsewhere.
    """
    if source.dtype.kind not in _NUMBERS:
        differs = np.asarray(source != variant).astype(np.float64)
        source, variant = np.zeros_like(differs), differs
    expected = np.asarray(source, dtype=np.float64)
    observed = np.asarray(variant, dtype=np.float64)
    finite = np.isfinite(expected) & np.isfinite(observed)
    mismatches = int((~finite & ~np.isclose(expected, observed, equal_nan=True)).sum())
    rows, agreeing = _top1(expected, observed)
    left, right = expected[finite], observed[finite]
    error = left - right
    return Sums(
        samples=1,
        values=int(left.size),
        max_abs_error=float(np.abs(error).max(initial=0.0)),
        low=float(left.min(initial=math.inf)),
        high=float(left.max(initial=-math.inf)),
        error_power=float(np.square(error).sum()),
        source_power=float(np.square(left).sum()),
        variant_power=float(np.square(right).sum()),
        product=float((left * right).sum()),
        rows=rows,
        rows_agreeing=agreeing,
        non_finite_mismatches=mismatches,
    )


def figures(output: str, parts: Iterable[Sums]) -> OutputFidelity:
    """The figures of one output over all samples.

    Args:
        output: its name.
        parts: one entry for each sample.
    """
    total = reduce(Sums.__add__, parts, Sums())
    return OutputFidelity(
        output=output,
        samples=total.samples,
        max_abs_error=total.max_abs_error,
        relative_error=total.max_abs_error / _range(total),
        rmse=math.sqrt(total.error_power / max(total.values, 1)),
        snr_db=_snr_db(total),
        cosine=_cosine(total),
        top1_agreement=total.rows_agreeing / total.rows if total.rows else None,
    )


def _range(total: Sums) -> float:
    """The source's range; a constant output is measured by its magnitude, zero by 1."""
    if not total.values:
        return 1.0
    return (total.high - total.low) or max(abs(total.high), abs(total.low)) or 1.0


def _snr_db(total: Sums) -> float | None:
    if total.error_power == 0.0:
        return None
    if total.source_power == 0.0:
        return MIN_SNR_DB
    return max(10.0 * math.log10(total.source_power / total.error_power), MIN_SNR_DB)


def _cosine(total: Sums) -> float | None:
    norm = math.sqrt(total.source_power) * math.sqrt(total.variant_power)
    return min(max(total.product / norm, -1.0), 1.0) if norm else None


def _top1(expected: Array, observed: Array) -> tuple[int, int]:
    if expected.ndim == 0 or expected.shape[-1] < 2 or expected.size == 0:  # noqa: PLR2004 - a choice
        return 0, 0
    agreeing = expected.argmax(axis=-1) == observed.argmax(axis=-1)
    return int(agreeing.size), int(agreeing.sum())
