"""Owns what a child may do: an ordered list of layers, applied once between fork and model code.

Each layer takes something away. Landlock, seccomp and namespaces take their places in ``LAYERS``
after ``no_new_privs``, which they require.
"""

import ctypes
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tflited.domain.limits import Limits
from tflited.workers import limits

PR_SET_PDEATHSIG: Final = 1
PR_SET_CHILD_SUBREAPER: Final = 36
PR_SET_NO_NEW_PRIVS: Final = 38
"""All from linux/prctl.h."""

QUIET_ENVIRONMENT: Final = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "-1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "KERAS_BACKEND": "tensorflow",
    "TQDM_DISABLE": "1",
    "PYTHONHASHSEED": "0",
}
"""Keeps the libraries single threaded, quiet and repeatable."""

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """What the layers need to know of one child.

    Attributes:
        parent_pid: process that must still be the parent.
        scratch: the one directory the child may write.
        noise_fd: where its standard output and error go.
        kept_fds: descriptors that stay open beside the standard ones.
        limits: of the attempt's policy.
        threads: processor threads it may use.
    """

    parent_pid: int
    scratch: str
    noise_fd: int
    kept_fds: tuple[int, ...]
    limits: Limits
    threads: int


def die_with_parent(parent_pid: int) -> None:
    """Has the kernel kill this process when the thread that forked it ends.

    Raises:
        OSError: the kernel refused.
        ProcessLookupError: the parent ended before this call.
    """
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        raise ProcessLookupError(f"The parent {parent_pid} is gone, now it is {os.getppid()}.")


def adopt_orphans() -> None:
    """Makes this process the parent of every descendant that loses its own.

    A descendant in a session of its own escapes its group's kill; so it cannot escape its parent.

    Raises:
        OSError: the kernel refused.
    """
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def confine(confinement: Confinement) -> None:
    """Applies every layer in order.

    Raises:
        OSError: a layer could not be applied; the child must not go on.
    """
    for layer in LAYERS:
        layer(confinement)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"prctl {option}: {os.strerror(error)}")


def _parent_death(confinement: Confinement) -> None:
    die_with_parent(confinement.parent_pid)


def _own_session(_: Confinement) -> None:
    os.setsid()


def _descriptors(confinement: Confinement) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(confinement.noise_fd, 1)
    os.dup2(confinement.noise_fd, 2)
    begin = 3
    for kept in sorted(confinement.kept_fds):
        os.closerange(begin, kept)
        begin = kept + 1
    os.closerange(begin, os.sysconf("SC_OPEN_MAX"))


def _environment(confinement: Confinement) -> None:
    os.environ.clear()
    os.environ.update(QUIET_ENVIRONMENT)
    os.environ.update(TMPDIR=confinement.scratch, HOME=confinement.scratch)


def _folder(confinement: Confinement) -> None:
    os.chdir(confinement.scratch)
    os.umask(0o077)


def _limits(confinement: Confinement) -> None:
    limits.apply(confinement.limits, threads=confinement.threads)


def forbid_new_privileges() -> None:
    """Keeps this process and what it starts from gaining rights by a set-user-id program.

    Raises:
        OSError: the kernel refused.
    """
    _prctl(PR_SET_NO_NEW_PRIVS, 1)


def _no_new_privileges(_: Confinement) -> None:
    forbid_new_privileges()


LAYERS: Final[tuple[Callable[[Confinement], None], ...]] = (
    _parent_death,
    _own_session,
    _descriptors,
    _environment,
    _folder,
    _limits,
    _no_new_privileges,
)
"""In the order of their application."""
