"""What counts as a difference between two interpreters."""

import numpy as np
import pytest

from tflited.convert.micro.trial import Inputs, differences


def one(*values: float, dtype: str = "float32") -> list[Inputs]:
    return [[np.array(values, dtype)]]


@pytest.mark.parametrize(
    ("expected", "found", "difference"),
    [
        pytest.param(one(1, -128, dtype="int8"), one(2, 127, dtype="int8"), (255, 0.0), id="int8"),
        pytest.param(one(0, 255, dtype="uint8"), one(0, 254, dtype="uint8"), (1, 0.0), id="uint8"),
        pytest.param(one(0.0, 2.0), one(0.0, 1.0), (0, 0.5), id="of the range"),
        pytest.param(one(4.0), one(5.0), (0, 0.25), id="of the value where there is no range"),
        pytest.param(one(0.0), one(9.0), (0, 1.0), id="at most 1"),
        pytest.param(one(np.nan, 1.0), one(np.nan, 1.0), (0, 0.0), id="not a number in both"),
        pytest.param(one(1.0, 1.0), one(np.nan, 1.0), (0, 1.0), id="not a number in one"),
        pytest.param(one(np.inf), one(np.inf), (0, 0.0), id="nothing finite"),
        pytest.param(one(1.0, 2.0), one(1.0), (0, 1.0), id="another size"),
    ],
)
def test_differences(
    expected: list[Inputs], found: list[Inputs], difference: tuple[int, float]
) -> None:
    """Quanta for integers, and a share of the output's range for floats."""
    assert differences(expected, found) == difference


def test_the_range_is_that_of_all_samples() -> None:
    """One sample of a classifier may be flat."""
    expected = [*one(0.0), *one(10.0)]
    assert differences(expected, [*one(0.0), *one(9.0)]) == (0, 0.1)
