"""The daemon in one line."""

from tflited.domain.headline import headline
from tflited.domain.status import HealthCheck, Phase

FINE = HealthCheck(name="output", is_ok=True)


def test_what_happens_now_stands_first() -> None:
    """Phases without a model are left out."""
    phases = {Phase.PUBLISHED: 120, Phase.BUILDING: 1, Phase.FAILED: 2, Phase.HELD: 0}
    assert headline([FINE], phases) == "ready: 1 building, 2 failed, 120 published"


def test_what_does_not_hold_is_named() -> None:
    """With its reason."""
    broken = HealthCheck(name="output", is_ok=False, reason="no space left on device")
    expected = "not ready, output (no space left on device): 3 queued"
    assert headline([FINE, broken], {Phase.QUEUED: 3}) == expected


def test_nothing_there() -> None:
    """A fresh installation."""
    assert headline([], {}) == "ready: no models"


def test_every_phase_has_its_place() -> None:
    """A phase that is added is not left out of the line."""
    text = headline([], dict.fromkeys(Phase, 1))
    assert all(f"1 {phase}" in text for phase in Phase)
