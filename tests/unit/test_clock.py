"""The machine's time."""

from datetime import UTC

from tflited.clock import SystemClock


def test_the_clock() -> None:
    """Records are aware UTC, durations never go back."""
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()
