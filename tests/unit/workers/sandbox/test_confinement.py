"""What the layers know of one child, and what they note while they work."""

import os

from tflited.domain.limits import Limits
from tflited.workers.sandbox.confinement import Confinement, Taken


def test_nothing_more_is_allowed_unless_it_is_said() -> None:
    """A forgotten field gives no file, no program and no network."""
    made = Confinement(
        parent_pid=1, scratch="/", noise_fd=2, kept_fds=(), limits=Limits(), threads=1
    )
    assert (made.readable, made.may_spawn, made.may_connect) == ((), False, False)


def test_the_kernel_s_account_is_read_anew() -> None:
    """From the descriptor that was opened while it could be."""
    taken = Taken(status_fd=os.open("/proc/self/status", os.O_RDONLY))
    try:
        status = taken.status()
        assert status["Pid"] == str(os.getpid())
        assert status["Seccomp"] in {"0", "2"}
        assert taken.status()["Pid"] == status["Pid"]
    finally:
        os.close(taken.status_fd)
