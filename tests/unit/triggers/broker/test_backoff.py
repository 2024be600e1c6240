"""The wait before the next try."""

from tflited.triggers.broker.backoff import FIRST_SECONDS, LONGEST_SECONDS, Backoff


def test_waits_grow_to_a_bound_and_begin_anew() -> None:
    """Each lies between half of its step and the whole of it."""
    backoff = Backoff()
    waits = [backoff.next_seconds() for _ in range(12)]
    for number, wait in enumerate(waits):
        step = min(FIRST_SECONDS * 2**number, LONGEST_SECONDS)
        assert step / 2 <= wait <= step
    backoff.reset()
    assert backoff.next_seconds() <= FIRST_SECONDS


def test_two_daemons_do_not_come_back_in_step() -> None:
    """A broker that returns is not met by all at once."""
    assert len({Backoff().next_seconds() for _ in range(20)}) > 1
