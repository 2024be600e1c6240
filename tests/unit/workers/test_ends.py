"""The names of ends."""

import signal

import pytest

from tflited.domain.limits import Limits
from tflited.workers import ends
from tflited.workers.usage import Usage


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGSEGV, "SIGSEGV (it touched memory that is not its own)"),
        (signal.SIGABRT, "SIGABRT (native code gave up)"),
        (signal.SIGSYS, "SIGSYS (the sandbox forbids"),
        (signal.SIGTERM, "SIGTERM in stage"),
        (200, "signal 200"),
    ],
)
def test_signals_are_told_in_words(number: int, words: str) -> None:
    """A reader need not know the numbers, and learns where it happened."""
    failure = ends.crashed(status=-number, where="lower float32")
    assert words in failure.message
    assert "in stage lower float32" in failure.message


def test_no_limit_is_no_breach() -> None:
    """Zero allows everything."""
    used = Usage(pid=1, scratch="/nowhere", memory_bytes=2**40, scratch_bytes=2**40)
    assert ends.too_much(used, Limits(memory_bytes=0, scratch_bytes=0), "load") is None


def test_exactly_the_limit_is_no_breach() -> None:
    """What is allowed may be used."""
    used = Usage(pid=1, scratch="/nowhere", memory_bytes=10, scratch_bytes=10)
    assert ends.too_much(used, Limits(memory_bytes=10, scratch_bytes=10), "load") is None


@pytest.mark.parametrize("status", [0, 1, -signal.SIGKILL, -signal.SIGSEGV])
def test_other_ends_are_no_breach(status: int) -> None:
    """Only the kernel's own two signals stand for a limit."""
    assert ends.signalled(status, Limits(), "load") is None


def test_a_cgroup_that_was_out_of_memory_is_a_breach() -> None:
    """The same SIGKILL without it is the machine's own want of memory."""
    status, limits = -signal.SIGKILL, Limits(memory_bytes=10)
    breach = ends.signalled(status, limits, "load", has_outgrown=True)
    assert breach is not None
    assert breach.code == "memory_limit"
