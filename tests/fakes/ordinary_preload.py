"""A preload that makes the zygote an ordinary user: the interpreter need not be readable for it."""

import os

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
