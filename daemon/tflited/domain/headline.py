"""The daemon in one line, for ``systemctl status``: whether it works, and on what."""

from collections.abc import Iterable, Mapping
from typing import Final

from tflited.domain.status import HealthCheck, Phase

_ORDER: Final = (
    Phase.BUILDING,
    Phase.QUEUED,
    Phase.SETTLING,
    Phase.CHECKING,
    Phase.HELD,
    Phase.REFUSED,
    Phase.POLICY_ERROR,
    Phase.FAILED,
    Phase.STALE,
    Phase.OLDER,
    Phase.REMOVED,
    Phase.PUBLISHED,
)
"""What happens now stands first, then what wants a look."""


def headline(checks: Iterable[HealthCheck], phases: Mapping[Phase, int]) -> str:
    """One line such as ``ready: 1 building, 3 queued, 120 published``.

    Args:
        checks: what must hold for the daemon to accept work; those that do not are named.
        phases: how many models are in each phase; those without any are left out.
    """
    failing = [f"{check.name} ({check.reason})" for check in checks if not check.is_ok]
    state = f"not ready, {'; '.join(failing)}" if failing else "ready"
    counts = [f"{phases[phase]} {phase}" for phase in _ORDER if phases.get(phase)]
    return f"{state}: {', '.join(counts) or 'no models'}"
