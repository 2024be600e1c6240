"""Owns the resource limits of a child: applied once, read back from the kernel.

What the kernel cannot bound for an ordinary user (resident memory, shared memory included, and the
size of a folder) the daemon measures instead: ``usage.py``.
"""

import contextlib
import os
import resource
import signal
from typing import Final

from tflited.domain.limits import Limits

OPEN_FILES: Final = 256
"""Reading a SavedModel and writing a set needs a few dozen."""

DATA_FACTOR: Final = 4
"""An allocation that fails leaves tensorflow waiting for memory, and its author without a reason:
what grows is left to the poll, this holds where the poll comes too late."""
DATA_SLACK_BYTES: Final = 2**30
"""What tensorflow maps privately and never touches; measured 76 to 105 MB."""
DATA_BYTES_PER_THREAD: Final = 16 * 2**20
"""Stacks and allocator arenas; measured 8 MB for each thread."""

OOM_SCORE: Final = "1000"
"""The most there is (proc(5)): an attempt can be made again, a daemon that is killed costs all."""
_OOM_FILE: Final = "/proc/self/oom_score_adj"

LIMITS: Final = {
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_MEMLOCK: 0,
    resource.RLIMIT_NOFILE: OPEN_FILES,
}
"""The same for every child; soft and hard alike, so that model code cannot raise them again."""


def apply(limits: Limits, *, threads: int = 1) -> None:
    """Sets every limit; a breach of processor time or file size ends the process by its signal.

    Args:
        limits: of the attempt's policy.
        threads: processor threads that the child may use.

    Raises:
        OSError: the kernel refused one, or holds another value than was set.
    """
    # Python ignores it, and a library that only sees EFBIG may go on with half a file.
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    for kind, (soft, hard) in _wanted(limits, threads=threads).items():
        _set(kind, soft, hard)
    _go_first()


def lacking(limits: Limits, *, threads: int = 1) -> str:
    """Which limit is not in force; empty where every one is.

    Args:
        limits: of the attempt's policy.
        threads: processor threads that the child may use.
    """
    for kind, allowed in _wanted(limits, threads=threads).items():
        held = resource.getrlimit(kind)
        for number, most in zip(held, allowed, strict=True):
            if number == resource.RLIM_INFINITY or number > most:
                return f"resource limit {kind}: observed {held}, allowed {allowed}"
    return ""


def _go_first() -> None:
    """Makes the child what the kernel ends first where memory runs out.

    It needs no right, and is a wish: without a writable /proc the largest process goes.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(_OOM_FILE, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, OOM_SCORE.encode("ascii"))
        finally:
            os.close(descriptor)


def _wanted(limits: Limits, *, threads: int) -> dict[int, tuple[int, int]]:
    """Kind to the soft and the hard limit."""
    wanted = {kind: (value, value) for kind, value in LIMITS.items()}
    if limits.scratch_bytes:
        wanted[resource.RLIMIT_FSIZE] = (limits.scratch_bytes, limits.scratch_bytes)
    if limits.memory_bytes:
        own = DATA_SLACK_BYTES + DATA_BYTES_PER_THREAD * threads
        data = DATA_FACTOR * limits.memory_bytes + own
        wanted[resource.RLIMIT_DATA] = (data, data)
    if limits.cpu_seconds:
        # At the hard limit comes SIGKILL, which tells nobody why: SIGXCPU has to come first.
        wanted[resource.RLIMIT_CPU] = (limits.cpu_seconds, limits.cpu_seconds + 1)
    return wanted


def _set(kind: int, soft: int, hard: int) -> None:
    _, most = resource.getrlimit(kind)
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    try:
        resource.setrlimit(kind, (soft, hard))
    except ValueError as error:
        raise OSError(f"Resource limit {kind}: {soft} was refused: {error}") from error
    if (held := resource.getrlimit(kind)) != (soft, hard):
        raise OSError(f"Resource limit {kind}: observed {held}, allowed {(soft, hard)}")
