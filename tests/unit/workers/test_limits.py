"""Resource limits, set in a process of their own."""

import json
import subprocess
import sys

import pytest

from tflited.workers import limits

PROGRAM = """
import json, resource
from tflited.workers import limits
{before}
limits.apply()
print(json.dumps([resource.getrlimit(kind) for kind in limits.LIMITS]))
"""


def held(before: str = "") -> list[list[int]]:
    """Soft and hard limits after ``apply`` in a new process."""
    program = PROGRAM.format(before=before)
    output = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE)
    pairs: list[list[int]] = json.loads(output.stdout)
    return pairs


def test_soft_and_hard_limit_hold() -> None:
    """Model code cannot raise a limit again, because the hard one is as low."""
    assert held() == [[value, value] for value in limits.LIMITS.values()]


def test_lower_limit_of_the_system_stays() -> None:
    """Without privileges a hard limit cannot be raised, and need not be."""
    lower = "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))"
    assert held(lower)[-1] == [64, 64]


def test_limit_that_does_not_hold_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kernel holds is read back: a call that does nothing is found out."""
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)
    with pytest.raises(OSError, match="observed"):
        limits.apply()
