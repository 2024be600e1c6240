"""How sure a drop of accuracy is: its 95 % confidence interval on paired samples.

Pure NumPy. Source and variant are compared on the same samples, so that the spread between easy
and hard samples cancels. Agreement on every sample is no proof that they agree on all inputs: no
interval here has zero width because of it.

Chosen on evidence: how often the upper end of an interval lies below the true drop, which passes a
variant that it should not, was computed over all outcomes for shares of right answers. Nominal is
2.5 %. With 50 to 1000 samples, a true drop of 1, 2 or 5 % and 0 to 5 % of samples won back, the
worst case of Wald's interval is 60 % (its width is zero without a discordant pair), of Bonett and
Price's 6.1 %, of Newcombe's 2.9 %, of Tango's score interval 2.5 %
(tests/unit/convert/test_intervals.py repeats a part).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from tflited.convert.arrays import Array
from tflited.convert.proof import accuracy
from tflited.convert.proof.accuracy import Ranking
from tflited.domain.policy import Metric

CONFIDENCE: Final = 0.95
LEAST_SAMPLES: Final = 30
"""Below it an interval that rests on means or on resampling promises too much; of each class for
``auc``. Score intervals of shares hold for any number."""
RESAMPLES: Final = 2000
SEED: Final = 20_240_502
SCORE: Final = "tango_score"
STUDENT: Final = "paired_t"
BOOTSTRAP: Final = "paired_bootstrap"
_Z: Final = 1.959963984540054
_STEPS: Final = 60
_MOST_SAMPLES: Final = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A drop with its interval.

    Attributes:
        point: the drop on these samples.
        low: lower end.
        high: upper end.
        method: how it was made.
        needed: about how many samples would prove the limit if the drop stays as it is; None where
            no number would.
    """

    point: float
    low: float
    high: float
    method: str
    needed: int | None


def interval(
    metric: Metric, source: Array, variant: Array, targets: Array, *, limit: float
) -> Interval:
    """The drop from source to variant with its interval.

    Args:
        metric: which.
        source: figures of ``accuracy.rows`` for the source, finite.
        variant: the same for the variant, of the same samples in the same order.
        targets: the labels.
        limit: ``max_drop``, for the number of samples that would decide.
    """
    point = accuracy.drop(
        metric,
        accuracy.value(metric, source, targets),
        accuracy.value(metric, variant, targets),
    )
    if metric in accuracy.RANKED:
        return _of_shares(source, variant, point=point, limit=limit)
    if metric is Metric.MAE:
        low, high = _student(source, variant)
        method = STUDENT
    else:
        low, high = _resampled(metric, source, variant, targets)
        method = BOOTSTRAP
    low, high = min(low, point), max(high, point)
    needed = _needed_by_root(_effective(metric, targets), high - point, limit - point, len(source))
    return Interval(point=point, low=low, high=high, method=method, needed=needed)


def is_too_small(metric: Metric, targets: Array) -> bool:
    """Whether there are too few samples for the metric's interval to be trusted at all."""
    return metric not in accuracy.RANKED and _effective(metric, targets) < LEAST_SAMPLES


def score_upper(lost: float, won: float, count: float) -> float:
    """Upper end of the score interval for the difference of two paired shares.

    Tango, "Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design", Statistics in Medicine 17, 1998. Without a discordant pair it is
    z² / (n + z²), about 3.84 / n.

    Args:
        lost: samples that the source has right and the variant wrong.
        won: the other way round.
        count: all samples; need not be whole numbers.
    """
    low, high = (lost - won) / count, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _score(lost, won, count, middle) > -_Z:
            low = middle
        else:
            high = middle
    return high


def _score(lost: float, won: float, count: float, delta: float) -> float:
    """Tango's statistic: the observed difference against ``delta``, in standard errors under it."""
    linear = (2 * count - lost + won) * delta - lost - won
    product = won * delta * (1 - delta)
    share = (math.sqrt(max(linear**2 + 8 * count * product, 0.0)) - linear) / (4 * count)
    variance = count * (2 * share + delta * (1 - delta))
    distance = lost - won - count * delta
    if variance <= 0.0:
        return -math.inf if distance < 0 else 0.0
    return distance / math.sqrt(variance)


def _of_shares(source: Array, variant: Array, *, point: float, limit: float) -> Interval:
    lost, won = float((source > variant).sum()), float((variant > source).sum())
    count = len(source)
    return Interval(
        point=point,
        low=-score_upper(won, lost, count),
        high=score_upper(lost, won, count),
        method=SCORE,
        needed=_needed_by_score(lost / count, won / count, limit),
    )


def _needed_by_score(lost: float, won: float, limit: float) -> int | None:
    """The least number of samples whose upper end keeps the limit at the same shares."""
    if lost - won >= limit or score_upper(lost * 1e7, won * 1e7, 1e7) > limit:
        return None
    low, high = 1, _MOST_SAMPLES
    while low < high:
        middle = (low + high) // 2
        if score_upper(lost * middle, won * middle, middle) <= limit:
            high = middle
        else:
            low = middle + 1
    return low


def _needed_by_root(effective: int, half: float, room: float, count: int) -> int | None:
    """An interval narrows with the root of the number of samples."""
    if room <= 0:
        return None
    factor = max((half / room) ** 2, LEAST_SAMPLES / max(effective, 1))
    needed = math.ceil(count * factor) if math.isfinite(factor) else _MOST_SAMPLES
    return needed if needed < _MOST_SAMPLES else None


def _student(source: Array, variant: Array) -> tuple[float, float]:
    """Student's interval for the mean of paired differences, with one pseudo-pair each way.

    The two pairs stand for inputs that were not in the data: one on which the variant is worse by
    the greatest error seen, one on which it is better by as much, as Bonett and Price (Statistics
    in Medicine 31, 2012) do for shares. They keep the width above zero where nothing differed.
    """
    worst = max(float(source.max()), float(variant.max()))
    differences = np.concatenate([variant - source, [worst, -worst]])
    count = len(differences)
    half = _quantile(count - 1) * float(differences.std(ddof=1)) / math.sqrt(count)
    mean = float(differences.mean())
    return mean - half, mean + half


def _quantile(freedom: int) -> float:
    """97.5 % quantile of Student's t (Abramowitz and Stegun, 26.7.5); to 0.002 from 10 degrees."""
    z = _Z
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


def _resampled(
    metric: Metric, source: Array, variant: Array, targets: Array
) -> tuple[float, float]:
    """Percentiles of the paired bootstrap (Efron and Tibshirani, 1993), from a fixed seed.

    Every resample draws whole pairs, for ``auc`` inside each class. Pseudo-pairs stand for what
    the data do not hold, as in ``_student``.
    """
    generator = np.random.default_rng(SEED)
    if metric is Metric.AUC:
        draws, statistic = _ranked(source, variant, targets, generator)
    else:
        draws, statistic = _squared(source, variant, generator)
    drops = np.array([statistic(draws()) for _ in range(RESAMPLES)])
    low, high = np.quantile(drops, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


Draws = Callable[[], Array]
Statistic = Callable[[Array], float]


def _squared(
    source: Array, variant: Array, generator: np.random.Generator
) -> tuple[Draws, Statistic]:
    worst = max(float(source.max()), float(variant.max()))
    before = np.concatenate([source, [0.0, worst]])
    after = np.concatenate([variant, [worst, 0.0]])
    everything = np.arange(len(before))

    def statistic(weights: Array) -> float:
        means = (float(weights @ part) / len(part) for part in (before, after))
        first, second = (math.sqrt(mean) for mean in means)
        return second - first

    return lambda: _drawn(generator, everything, len(before)), statistic


def _ranked(
    source: Array, variant: Array, targets: Array, generator: np.random.Generator
) -> tuple[Draws, Statistic]:
    (low, high), (bottom, top) = _ends(source), _ends(variant)
    labels = np.concatenate([targets, [1, 1, 0, 0]])
    before = Ranking(np.concatenate([source, [high, low, low, high]]), labels)
    after = Ranking(np.concatenate([variant, [bottom, top, top, bottom]]), labels)
    classes = [np.flatnonzero(labels == number) for number in (0, 1)]

    def draw() -> Array:
        return np.asarray(sum(_drawn(generator, members, len(labels)) for members in classes))

    return draw, lambda weights: before.area(weights) - after.area(weights)


def _ends(scores: Array) -> tuple[float, float]:
    return float(scores.min()), float(scores.max())


def _drawn(generator: np.random.Generator, members: Array, length: int) -> Array:
    """How often each place was drawn, when as many of the members are drawn as there are."""
    return np.bincount(generator.choice(members, len(members)), minlength=length)


def _effective(metric: Metric, targets: Array) -> int:
    """How many samples an interval rests on: for a ranking those of the rarer class."""
    if metric is not Metric.AUC:
        return len(targets)
    ones = int((targets == 1).sum())
    return min(ones, len(targets) - ones)
