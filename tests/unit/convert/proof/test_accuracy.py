"""What the metrics say: against scikit-learn, against known values, and at their edges."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from tflited.convert.proof import accuracy
from tflited.domain.policy import Metric

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.integers(2, 60)


def value(metric: Metric, outputs: Any, targets: Any) -> float:
    found = np.asarray(outputs, dtype=np.float64)
    wanted = np.asarray(targets)
    return accuracy.value(metric, accuracy.rows(metric, found, wanted), wanted)


@given(SEEDS, SIZES, st.integers(6, 12))
def test_shares_are_scikit_learns(seed: int, count: int, classes: int) -> None:
    """Without ties top-k is what everybody computes."""
    generator = np.random.default_rng(seed)
    scores = generator.random((count, classes))
    targets = generator.integers(0, classes, count)
    for metric, k in accuracy.RANKED.items():
        expected = sklearn_metrics.top_k_accuracy_score(
            targets, scores, k=k, labels=np.arange(classes)
        )
        assert value(metric, scores, targets) == pytest.approx(expected)


@given(SEEDS, SIZES, st.integers(2, 6))
def test_area_is_scikit_learns(seed: int, count: int, levels: int) -> None:
    """Scores of a few levels only, as quantised outputs have: ties count half."""
    generator = np.random.default_rng(seed)
    scores = generator.integers(0, levels, count) / levels
    targets = np.concatenate([[0, 1], generator.integers(0, 2, count - 2)])
    expected = sklearn_metrics.roc_auc_score(targets, scores)
    assert value(Metric.AUC, scores[:, None], targets) == pytest.approx(expected)


@given(SEEDS, SIZES)
def test_weights_are_repetitions(seed: int, count: int) -> None:
    """A resample by weights is the resample itself."""
    generator = np.random.default_rng(seed)
    scores = generator.integers(0, 9, count) / 9
    targets = np.concatenate([[0, 1], generator.integers(0, 2, count - 2)])
    weights = generator.integers(1, 4, count)
    repeated = np.repeat(scores, weights), np.repeat(targets, weights)
    area = accuracy.Ranking(scores, targets).area(weights)
    assert area == pytest.approx(sklearn_metrics.roc_auc_score(repeated[1], repeated[0]))


@given(SEEDS, SIZES, st.sampled_from([(), (1,), (4,), (2, 3)]))
def test_errors_are_scikit_learns(seed: int, count: int, shape: tuple[int, ...]) -> None:
    """Over every value of every sample."""
    generator = np.random.default_rng(seed)
    outputs, targets = generator.normal(size=(2, count, *shape))
    flat = targets.reshape(count, -1), outputs.reshape(count, -1)
    mae = sklearn_metrics.mean_absolute_error(*flat)
    mse = sklearn_metrics.mean_squared_error(*flat)
    assert value(Metric.MAE, outputs, targets) == pytest.approx(mae)
    assert value(Metric.RMSE, outputs, targets) == pytest.approx(np.sqrt(mse))


def test_of_equal_scores_the_lower_class_wins() -> None:
    """As argmax answers on the device."""
    scores = [[0.5, 0.5, 0.1], [0.5, 0.5, 0.1]]
    assert value(Metric.TOP1, scores, [0, 1]) == 0.5


def test_a_collapsed_model_is_not_right_in_its_top_five() -> None:
    """Counting every tie as right would call a model perfect that says the same to everything."""
    scores = np.zeros((10, 10))
    assert value(Metric.TOP5, scores, np.arange(10)) == 0.5
    assert value(Metric.TOP1, scores, np.arange(10)) == 0.1


def test_one_probability_is_cut_at_a_half() -> None:
    """The output of a sigmoid is class 1 above 0.5, not at it."""
    assert value(Metric.TOP1, [[0.2], [0.5], [0.51], [0.9]], [0, 0, 1, 0]) == 0.75
    assert value(Metric.TOP1, [0.2, 0.9], [0, 1]) == 1.0


def test_classes_may_stand_behind_axes_of_one() -> None:
    """Convolutional heads give [n, 1, 1, classes]."""
    scores = np.eye(3)[:, None, None, :]
    assert value(Metric.TOP1, scores, [0, 1, 1]) == pytest.approx(2 / 3)


def test_the_last_of_two_columns_is_the_score() -> None:
    """A softmax over two classes ranks by its second."""
    assert value(Metric.AUC, [[0.9, 0.1], [0.2, 0.8]], [0, 1]) == 1.0


@pytest.mark.parametrize("metric", Metric)
def test_a_sample_without_a_number_has_no_figure(metric: Metric) -> None:
    """NaN must not be counted as wrong in silence, still less as right."""
    classes = 1 if metric is Metric.AUC else 6
    outputs = np.full((2, classes), 0.5)
    outputs[1, -1] = np.nan
    targets = outputs * 0 if metric in accuracy.ERRORS else np.array([0, 1])
    figures = accuracy.rows(metric, outputs, np.nan_to_num(targets))
    assert np.isnan(figures).tolist() == [False, True]


def test_an_infinite_error_has_no_figure() -> None:
    """An overflow of a float16 variant is no error of any size."""
    figures = accuracy.rows(Metric.RMSE, np.array([[np.inf], [1.0]]), np.zeros((2, 1)))
    assert np.isnan(figures).tolist() == [True, False]


def test_masked_classes_may_be_infinitely_unlikely() -> None:
    """Scores of minus infinity are an ordinary way to forbid a class."""
    assert value(Metric.TOP1, [[-np.inf, 1.0], [2.0, -np.inf]], [1, 0]) == 1.0


@pytest.mark.parametrize("metric", Metric)
def test_a_drop_is_a_loss(metric: Metric) -> None:
    """For errors the increase, for everything else the decrease."""
    expected = 0.25 if metric in accuracy.ERRORS else -0.25
    assert accuracy.drop(metric, 0.5, 0.75) == expected
