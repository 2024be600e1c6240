"""How sure a drop is: known values, coverage over all outcomes, and the edges."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflited.convert.arrays import Array
from tflited.convert.proof import accuracy
from tflited.convert.proof.intervals import Interval, interval, is_too_small, score_upper
from tflited.domain.policy import Metric

SEEDS = st.integers(0, 2**32 - 1)
NEGLIGIBLE = 1e-7


def shares(lost: int, won: int, count: int, *, limit: float = 0.01) -> Interval:
    """The interval where so many samples changed sides; the rest is right in both."""
    source, variant = np.ones(count), np.ones(count)
    variant[:lost] = 0.0
    source[lost : lost + won] = 0.0
    return interval(Metric.TOP1, source, variant, np.zeros(count, int), limit=limit)


def made(metric: Metric, seed: int, count: int, *, noise: float) -> Interval:
    """The interval of a variant that differs from its source by noise."""
    generator = np.random.default_rng(seed)
    targets: Array
    if metric in accuracy.ERRORS:
        targets = generator.normal(size=(count, 1))
        outputs = targets + generator.normal(size=(count, 1))
    else:
        targets = np.arange(count) % 2
        outputs = targets[:, None] + generator.normal(size=(count, 1))
    other = outputs + noise * generator.normal(size=(count, 1))
    source, variant = (accuracy.rows(metric, part, targets) for part in (outputs, other))
    return interval(metric, source, variant, targets, limit=0.01)


def test_a_published_interval() -> None:
    """Fagerland, Lydersen and Laake 2014, airway hyper-responsiveness: 21 pairs, 1 against 7."""
    found = shares(1, 7, 21)
    assert found.point == pytest.approx(-6 / 21)
    assert (found.low, found.high) == pytest.approx((-0.517, -0.026), abs=5e-4)


@pytest.mark.parametrize("count", [10, 100, 381, 5000])
def test_agreement_on_every_sample_still_leaves_doubt(count: int) -> None:
    """Without a discordant pair the upper end is z² / (n + z²), never zero."""
    found = shares(0, 0, count)
    z2 = 1.959964**2
    assert found.point == 0.0
    assert found.high == pytest.approx(z2 / (count + z2))
    assert found.low == pytest.approx(-found.high)


@pytest.mark.parametrize("true_drop", [0.01, 0.02, 0.05])
@pytest.mark.parametrize("count", [50, 200, 381])
def test_a_drop_over_the_limit_rarely_passes(count: int, true_drop: float) -> None:
    """Over all outcomes: the upper end lies below the true drop in about 2.5 % of cases at most."""
    for won in (0.0, 0.02):
        passed = sum(
            chance
            for chance, lost, back in outcomes(count, true_drop + won, won)
            if score_upper(lost, back, count) < true_drop
        )
        assert passed <= 0.027


def outcomes(count: int, lost: float, won: float) -> list[tuple[float, int, int]]:
    """How likely each number of discordant pairs is."""
    found = []
    for one, other in product(range(count + 1), range(count + 1 if won else 1)):
        rest = count - one - other
        if rest < 0:
            continue
        ways = math.lgamma(count + 1) - sum(math.lgamma(n + 1) for n in (one, other, rest))
        chance = ways + one * math.log(lost) + rest * math.log(1 - lost - won)
        chance += other * math.log(won) if other else 0.0
        if math.exp(chance) > NEGLIGIBLE:
            found.append((math.exp(chance), one, other))
    return found


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 400))
def test_the_interval_holds_its_drop_and_is_symmetric(lost: int, won: int, same: int) -> None:
    """Exchanging source and variant turns the interval round."""
    count = lost + won + same
    if not count:
        return
    found, turned = shares(lost, won, count), shares(won, lost, count)
    assert -1.0 <= found.low <= found.point + 1e-12
    assert found.point - 1e-12 <= found.high <= 1.0
    assert found.high - found.low > 0.0
    assert found.low == pytest.approx(-turned.high, abs=1e-9)


@pytest.mark.parametrize("metric", [Metric.MAE, Metric.RMSE, Metric.AUC])
def test_equal_figures_still_leave_doubt(metric: Metric) -> None:
    """An identical variant on these samples is no proof for all inputs; more samples help."""
    few, many = (made(metric, 1, count, noise=0.0) for count in (60, 2000))
    assert few.point == many.point == 0.0
    assert 0.0 < many.high < few.high
    assert many.low < 0.0


@pytest.mark.parametrize("metric", [Metric.MAE, Metric.RMSE, Metric.AUC])
def test_the_interval_covers(metric: Metric) -> None:
    """Nineteen in twenty intervals hold the true drop, known here from a very large sample."""
    truth = made(metric, 99, 200_000, noise=0.5) if metric is Metric.MAE else None
    true_drop = truth.point if truth else KNOWN[metric]
    seeds = range(60)
    found = [made(metric, seed, 120, noise=0.5) for seed in seeds]
    covered = sum(entry.low <= true_drop <= entry.high for entry in found)
    assert covered >= 53


KNOWN = {
    # Root of 1 + 0.25 less 1; and Phi(1 / sqrt(2)) less Phi(1 / sqrt(2.5)).
    Metric.RMSE: math.sqrt(1.25) - 1.0,
    Metric.AUC: 0.5 * (math.erf(0.5) - math.erf(1 / math.sqrt(5.0))),
}


@pytest.mark.parametrize("metric", Metric)
def test_equal_data_give_equal_intervals(metric: Metric) -> None:
    """Resampling is seeded: an equal build key gives an equal report."""
    if metric in accuracy.RANKED:
        assert shares(3, 1, 200) == shares(3, 1, 200)
    else:
        assert made(metric, 5, 80, noise=0.1) == made(metric, 5, 80, noise=0.1)


@given(st.integers(0, 5), st.integers(0, 5))
def test_the_number_needed_would_do(lost: int, won: int) -> None:
    """At the same shares, so many samples prove the limit and one less does not."""
    count, limit = 500, 0.02
    found = shares(lost, won, count, limit=limit)
    assert found.needed is not None
    for samples, is_enough in ((found.needed, True), (found.needed - 1, False)):
        upper = score_upper(lost / count * samples, won / count * samples, samples)
        assert (upper <= limit) is is_enough


def test_no_number_proves_what_is_not_so() -> None:
    """A drop at or over the limit, or a limit of zero, is not proven by more of the same."""
    assert shares(5, 0, 500, limit=0.01).needed is None
    assert shares(0, 0, 500, limit=0.0).needed is None


def test_381_samples_prove_one_per_cent() -> None:
    """The documentation promises this number."""
    assert shares(0, 0, 100, limit=0.01).needed == 381
    assert shares(0, 0, 100, limit=0.05).needed == 73


@pytest.mark.parametrize("metric", [Metric.MAE, Metric.RMSE, Metric.AUC])
def test_the_number_needed_of_means_grows_with_the_square(metric: Metric) -> None:
    """Half the width takes four times the samples; and never fewer than the method needs."""
    found = made(metric, 3, 100, noise=0.01)
    assert found.needed is not None
    assert found.needed >= 30


def test_few_samples_are_too_few_for_means() -> None:
    """Means and resamples promise nothing below 30; of a ranking the rarer class counts."""
    assert is_too_small(Metric.MAE, np.zeros(29))
    assert not is_too_small(Metric.MAE, np.zeros(30))
    rare = np.zeros(500)
    rare[:20] = 1
    assert is_too_small(Metric.AUC, rare)
    assert not is_too_small(Metric.TOP1, np.zeros(3))
