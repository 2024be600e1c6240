"""The figures of fidelity, against values worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflited.convert.proof.fidelity import MIN_SNR_DB, Sums, compare, figures


def test_an_exact_match_has_no_ratio() -> None:
    """Zero error has no finite signal-to-noise ratio; None says so."""
    exact = figures("y", [compare(np.array([[1.0, 2.0]]), np.array([[1.0, 2.0]]))])
    assert exact.snr_db is None
    assert exact.max_abs_error == 0.0
    assert exact.top1_agreement == 1.0


def test_the_ratio_is_signal_power_over_error_power() -> None:
    """A tenth of the amplitude is 20 dB."""
    found = figures("y", [compare(np.array([1.0, -1.0]), np.array([1.1, -1.1]))])
    assert found.snr_db == pytest.approx(20.0)
    assert found.rmse == pytest.approx(0.1)
    assert found.relative_error == pytest.approx(0.05)
    assert found.cosine == pytest.approx(1.0)


def test_a_constant_output_is_measured_by_its_magnitude() -> None:
    """A range of zero must not divide."""
    found = figures("y", [compare(np.array([4.0, 4.0]), np.array([4.0, 5.0]))])
    assert found.relative_error == pytest.approx(0.25)


def test_a_silent_source_has_the_least_ratio() -> None:
    """Zero signal answered by noise is as bad as can be, and still a finite number."""
    found = figures("y", [compare(np.zeros(3), np.ones(3))])
    assert found.snr_db == MIN_SNR_DB
    assert found.cosine is None
    assert found.relative_error == 1.0


def test_top1_counts_rows() -> None:
    """Every row along the last axis is one decision."""
    source = np.array([[0.1, 0.9], [0.8, 0.2]])
    variant = np.array([[0.2, 0.8], [0.4, 0.6]])
    assert figures("y", [compare(source, variant)]).top1_agreement == 0.5


def test_one_value_is_no_decision() -> None:
    """A last axis of one element has no argmax worth counting."""
    assert figures("y", [compare(np.ones((4, 1)), np.ones((4, 1)))]).top1_agreement is None


def test_nan_on_one_side_is_counted() -> None:
    """NaN that the source does not have is a mismatch, and does not poison the figures."""
    sums = compare(np.array([1.0, 2.0]), np.array([1.0, math.nan]))
    assert sums.non_finite_mismatches == 1
    assert figures("y", [sums]).max_abs_error == 0.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_the_same_non_finite_value_is_no_mismatch(value: float) -> None:
    """A source that gives infinity asks for infinity."""
    sums = compare(np.array([1.0, value]), np.array([1.0, value]))
    assert sums.non_finite_mismatches == 0


def test_the_other_infinity_is_a_mismatch() -> None:
    """Plus is not minus."""
    assert compare(np.array([math.inf]), np.array([-math.inf])).non_finite_mismatches == 1


def test_no_samples_give_finite_figures() -> None:
    """An empty comparison must not raise; its emptiness shows in the count."""
    found = figures("y", [])
    assert found.samples == 0
    assert math.isfinite(found.relative_error)


@given(
    st.lists(
        st.lists(st.floats(-1e3, 1e3, width=32), min_size=2, max_size=5), min_size=1, max_size=4
    )
)
def test_sums_of_parts_are_the_sums_of_the_whole(rows: list[list[float]]) -> None:
    """Comparing sample by sample gives what comparing everything at once gives."""
    arrays = [np.array(row) for row in rows]
    parts = sum((compare(array, array + 0.5) for array in arrays), Sums())
    whole = compare(np.concatenate(arrays), np.concatenate(arrays) + 0.5)
    assert parts.source_power == pytest.approx(whole.source_power)
    assert parts.error_power == pytest.approx(whole.error_power)
    assert (parts.low, parts.high) == (whole.low, whole.high)


def test_texts_are_equal_or_not() -> None:
    """A table of names gives texts; they have no distance."""
    source = np.array([b"a", b"b"], dtype=object)
    assert figures("y", [compare(source, source.copy())]).max_abs_error == 0.0
    assert figures("y", [compare(source, np.array([b"a", b"c"], dtype=object))]).max_abs_error == 1
