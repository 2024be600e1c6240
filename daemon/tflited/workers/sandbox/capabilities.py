"""The layer that takes every capability away, also from what could come back by a program."""

import contextlib
import errno
import platform
import struct
from typing import Final

from tflited.workers.sandbox import kernel
from tflited.workers.sandbox.confinement import Confinement, Taken

_CAPSET: Final = {"x86_64": 126, "aarch64": 91}
_VERSION_3: Final = 0x20080522
_MOST: Final = 64
SETS: Final = ("CapInh", "CapPrm", "CapEff", "CapAmb")


def drop(_: Confinement, __: Taken) -> None:
    """Empties the bounding set, where that is allowed, and every other one.

    Raises:
        OSError: the kernel refused.
    """
    for number in range(_MOST):
        try:
            kernel.prctl(kernel.PR_CAPBSET_DROP, number)
        except OSError as error:
            # EINVAL: beyond the last one. EPERM: an ordinary user without a user namespace.
            if error.errno not in {errno.EINVAL, errno.EPERM}:
                raise
            break
    with contextlib.suppress(OSError):  # kernels before 4.3 have no ambient set
        kernel.prctl(kernel.PR_CAP_AMBIENT, kernel.PR_CAP_AMBIENT_CLEAR_ALL)
    header, data = struct.pack("=Ii", _VERSION_3, 0), bytes(24)
    kernel.call("capset", _CAPSET[platform.machine()], header, data)


def lacking(_: Confinement, taken: Taken) -> str:
    """What is short; empty where nothing is."""
    status = taken.status()
    # Without a way to drop it, the bounding set only limits programs, of which none may run.
    is_bound = taken.has_user_namespace or status["Uid"].startswith("0\t")
    names = (*SETS, "CapBnd") if is_bound else SETS
    held = [f"{name} {status[name]}" for name in names if int(status[name], 16)]
    return f"capabilities are left: {', '.join(held)}" if held else ""
