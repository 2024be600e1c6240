"""Resource limits, set in a process of their own."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tflited.domain.limits import Limits
from tflited.workers import limits

PROGRAM = """
import json, resource
from tflited.domain.limits import Limits
from tflited.workers import limits
{before}
limits.apply({asked!r}, threads=2)
kinds = {kinds!r} or limits.LIMITS
print(json.dumps([resource.getrlimit(kind) for kind in kinds]))
"""
NONE = Limits(cpu_seconds=0, memory_bytes=0, scratch_bytes=0)
ASKED = (resource.RLIMIT_CPU, resource.RLIMIT_DATA, resource.RLIMIT_FSIZE)


def held(before: str = "", asked: Limits = NONE, kinds: tuple[int, ...] = ()) -> list[list[int]]:
    """Soft and hard limits after ``apply`` in a new process."""
    program = PROGRAM.format(before=before, asked=asked, kinds=kinds)
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
        limits.apply(NONE)


def test_what_a_policy_allows_is_set() -> None:
    """Processor time ends with a signal of its own a second before the kernel kills."""
    asked = Limits(cpu_seconds=7, memory_bytes=2**30, scratch_bytes=2**20)
    data = limits.DATA_FACTOR * 2**30 + limits.DATA_SLACK_BYTES + 2 * limits.DATA_BYTES_PER_THREAD
    assert held(asked=asked, kinds=ASKED) == [[7, 8], [data, data], [2**20, 2**20]]


def test_no_limit_of_the_policy_sets_none() -> None:
    """Zero means none: what the service itself was given stays."""
    before = [list(resource.getrlimit(kind)) for kind in ASKED]
    assert held(kinds=ASKED) == before


def test_a_lower_limit_of_the_system_stays_for_a_policy_too() -> None:
    """A policy cannot raise what the operator's unit sets."""
    lower = "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))"
    asked = Limits(cpu_seconds=0, memory_bytes=0, scratch_bytes=2**20)
    assert held(lower, asked, (resource.RLIMIT_FSIZE,)) == [[4096, 4096]]


def test_a_child_goes_first_where_memory_runs_out() -> None:
    """The kernel's choice; the daemon that started it keeps its own place."""
    before = Path("/proc/self/oom_score_adj").read_text("ascii")
    program = (
        "from pathlib import Path; from tflited.domain.limits import Limits;"
        "from tflited.workers import limits; limits.apply(Limits());"
        "print(Path('/proc/self/oom_score_adj').read_text().strip())"
    )
    output = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE)
    assert output.stdout.decode().strip() == limits.OOM_SCORE
    assert Path("/proc/self/oom_score_adj").read_text("ascii") == before
