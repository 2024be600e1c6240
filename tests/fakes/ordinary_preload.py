"""A preload that makes the zygote an ordinary user: the interpreter need not be readable for it."""

import encodings.ascii  # noqa: F401 - read while it can be
import os

import fakes.escapes  # noqa: F401 - while its imports can be read
import tflited.workers.child  # noqa: F401 - as above
from tflited.workers.sandbox import kernel

NOBODY = 65534

if os.geteuid() == 0:
    parent = os.getppid()
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    # As after an exec by that user; the change of users has cleared both.
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
    kernel.die_with_parent(parent)
