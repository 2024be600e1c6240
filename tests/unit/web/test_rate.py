"""Token buckets on a clock that the test sets."""

import pytest

from tflited.web.rate import Buckets


class Seconds:
    """A clock."""

    now = 0.0

    def __call__(self) -> float:
        """The time set."""
        return self.now


def test_a_burst_then_the_rate() -> None:
    """So many at once, then one for each interval; a wait costs nothing."""
    clock = Seconds()
    buckets = Buckets(per_minute=60, burst=3, clock=clock)

    assert [buckets.take("a") for _ in range(3)] == [0, 0, 0]
    assert buckets.take("a") == pytest.approx(1.0)
    clock.now = 0.75
    assert buckets.take("a") == pytest.approx(0.25)
    clock.now = 1.0
    assert buckets.take("a") == 0


def test_clients_do_not_share() -> None:
    """One that asks too often costs no other anything; rest never gives more than a burst."""
    clock = Seconds()
    buckets = Buckets(per_minute=60, burst=1, clock=clock)
    buckets.take("a")
    assert buckets.take("a") > 0
    assert buckets.take("b") == 0

    clock.now = 3600
    assert buckets.take("a") == 0
    assert buckets.take("a") > 0


def test_memory_is_bounded() -> None:
    """Many clients push out the one longest unseen, not the one that is busy."""
    buckets = Buckets(per_minute=1, burst=1, clock=Seconds())
    buckets.take("first")
    for number in range(2000):
        buckets.take(str(number))
        buckets.take("busy")

    assert buckets.take("busy") > 0
    assert buckets.take("first") == 0
