"""The raw calls: they do what they say, and a refusal is an OSError that names the call."""

import errno
import os

import pytest

from fakes.sandboxed import alone
from tflited.workers.sandbox import kernel

_GETPID = {"x86_64": 39, "aarch64": 172}
_NO_SUCH_CALL = 599


def test_a_call_by_its_number() -> None:
    """The answer is the kernel's."""
    assert kernel.call("getpid", _GETPID[os.uname().machine]) == os.getpid()


def test_a_refusal_names_the_call() -> None:
    """A number tells a reader nothing."""
    with pytest.raises(OSError, match="of no kernel") as caught:
        kernel.call("of no kernel", _NO_SUCH_CALL)
    assert caught.value.errno == errno.ENOSYS
    with pytest.raises(OSError, match="prctl 9999"):
        kernel.prctl(9999)
    with pytest.raises(OSError, match="unshare"):
        kernel.unshare(0x1)


def test_the_death_signal_is_read_back() -> None:
    """And only for the parent that is there."""
    told = alone(
        "print(kernel.death_signal())\n"
        "kernel.die_with_parent(os.getppid())\n"
        "print(kernel.death_signal())\n"
        "tried(lambda: kernel.die_with_parent(1 if os.getppid() != 1 else 2))"
    )
    assert told[:2] == ["0", "9"]
    assert told[2] != "ok"


def test_new_privileges_and_orphans() -> None:
    """Both are flags of the process that nothing takes back."""
    told = alone(
        "kernel.forbid_new_privileges()\nkernel.adopt_orphans()\n"
        "print(taken.status()['NoNewPrivs'], kernel.prctl(kernel.PR_SET_DUMPABLE, 0))"
    )
    assert told == ["1", "0"]
