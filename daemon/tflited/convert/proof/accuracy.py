"""What the accuracy metrics are: one figure for each labelled sample, and the value made of them.

Pure NumPy. A sample is one row of the batch; what a row's figure is depends on the metric, and a
figure that does not exist is NaN, for the caller to refuse.
"""

from typing import Final, assert_never

import numpy as np

from tflited.convert.arrays import Array
from tflited.domain.policy import Metric

ERRORS: Final = frozenset({Metric.MAE, Metric.RMSE})
"""Metrics that are better when they are smaller; their labels have the output's shape."""
RANKED: Final = {Metric.TOP1: 1, Metric.TOP5: 5}
"""Metrics of a classifier, and how many of the highest scores count."""
THRESHOLD: Final = 0.5
"""Above it a single sigmoid score means class 1, as in Keras' ``BinaryAccuracy``."""
TWO_CLASSES: Final = 2


def rows(metric: Metric, outputs: Array, targets: Array) -> Array:
    """One figure for each sample.

    - ``top1``, ``top5``: 1 where the label's score is among the k highest, else 0. Of equal scores
      the lower class counts as higher, which is what ``argmax`` answers on a device; so a model
      that collapsed to one score is right for the first classes only (``tf.math.in_top_k``, which
      counts every tie as right, would call it perfect). A single score above 0.5 is class 1.
    - ``mae``: mean of the absolute differences inside the sample.
    - ``rmse``: mean of the squared differences inside the sample.
    - ``auc``: the score of class 1.

    Args:
        metric: which.
        outputs: ``[n, ...]``, in the source's unit.
        targets: class numbers ``[n]`` for classifiers, else the outputs' shape.

    Returns:
        ``[n]`` in float64; NaN where an output that counts is not a number, or for errors infinite.
    """
    values = np.asarray(outputs, dtype=np.float64).reshape(len(outputs), -1)
    match metric:
        case Metric.TOP1 | Metric.TOP5:
            return _among_highest(values, targets, RANKED[metric])
        case Metric.MAE:
            return _finite(np.abs(_differences(values, targets)).mean(axis=1))
        case Metric.RMSE:
            return _finite(np.square(_differences(values, targets)).mean(axis=1))
        case Metric.AUC:
            return np.asarray(values[:, -1])
        case _:
            assert_never(metric)


def value(metric: Metric, figures: Array, targets: Array) -> float:
    """The metric over all samples.

    - ``top1``, ``top5``, ``mae``: the mean of the samples' figures.
    - ``rmse``: the root of their mean.
    - ``auc``: area under the ROC curve, as the Mann-Whitney statistic: the share of pairs of one
      sample of each class in which class 1 has the higher score, ties counting half (Hanley and
      McNeil, Radiology 143, 1982).

    Args:
        metric: which.
        figures: of ``rows``, finite.
        targets: class numbers; read for ``auc`` only, where both 0 and 1 must be there.
    """
    match metric:
        case Metric.TOP1 | Metric.TOP5 | Metric.MAE:
            return float(figures.mean())
        case Metric.RMSE:
            return float(np.sqrt(figures.mean()))
        case Metric.AUC:
            return Ranking(figures, targets).area(np.ones(len(figures)))
        case _:
            assert_never(metric)


class Ranking:
    """Scores sorted once, so that the area under their ROC curve is quick for many weights.

    Args:
        scores: ``[n]``.
        targets: 0 or 1 for each.
    """

    def __init__(self, scores: Array, targets: Array) -> None:
        _, self._places = np.unique(scores, return_inverse=True)
        self._is_one = np.asarray(targets) == 1

    def area(self, weights: Array) -> float:
        """The Mann-Whitney statistic with each sample counted ``weights`` times."""
        ones = np.bincount(self._places, weights * self._is_one)
        zeros = np.bincount(self._places, weights * ~self._is_one)
        below = np.cumsum(zeros) - zeros / 2
        return float((ones * below).sum() / (ones.sum() * zeros.sum()))


def drop(metric: Metric, source: float, variant: float) -> float:
    """What is lost from source to variant: negative where the variant is better."""
    return variant - source if metric in ERRORS else source - variant


def _among_highest(values: Array, targets: Array, count: int) -> Array:
    if values.shape[1] == 1:
        right = (values[:, 0] > THRESHOLD) == (targets == 1)
    else:
        own = np.take_along_axis(values, targets[:, None], axis=1)
        is_lower_class = np.arange(values.shape[1]) < targets[:, None]
        above = (values > own) | ((values == own) & is_lower_class)
        right = above.sum(axis=1) < count
    return np.where(np.isnan(values).any(axis=1), np.nan, right.astype(np.float64))


def _differences(values: Array, targets: Array) -> Array:
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(values - targets.reshape(values.shape))


def _finite(figures: Array) -> Array:
    return np.where(np.isfinite(figures), figures, np.nan)
