"""Owns the raw calls into the kernel that Python has no function for."""

import ctypes
import os
import signal
from typing import Final

PR_SET_PDEATHSIG: Final = 1
PR_GET_PDEATHSIG: Final = 2
PR_GET_DUMPABLE: Final = 3
PR_SET_DUMPABLE: Final = 4
PR_SET_NAME: Final = 15
PR_CAPBSET_DROP: Final = 24
PR_SET_CHILD_SUBREAPER: Final = 36
PR_SET_NO_NEW_PRIVS: Final = 38
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
"""All from linux/prctl.h."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.prctl.argtypes = (ctypes.c_int, *(ctypes.c_ulong,) * 4)


def call(what: str, number: int, *arguments: object) -> int:
    """A system call by its number; integers, bytes and ctypes references are passed on.

    Raises:
        OSError: the kernel refused; ``what`` is in its text.
    """
    plain = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    result: int = _libc.syscall(ctypes.c_long(number), *plain)
    if result < 0:
        raise _error(what)
    return result


def prctl(option: int, value: int = 0, third: int = 0) -> int:
    """One prctl.

    Raises:
        OSError: the kernel refused.
    """
    result: int = _libc.prctl(option, value, third, 0, 0)
    if result < 0:
        raise _error(f"prctl {option}")
    return result


def unshare(flags: int) -> None:
    """Leaves namespaces for new ones; ``os.unshare`` needs Python 3.12.

    Raises:
        OSError: the kernel or an outer sandbox refused.
    """
    if _libc.unshare(ctypes.c_int(flags)) != 0:
        raise _error("unshare")


def death_signal() -> int:
    """The signal that this process gets when its parent ends; 0 for none."""
    found = ctypes.c_int(0)
    prctl(PR_GET_PDEATHSIG, ctypes.addressof(found))
    return found.value


def die_with_parent(parent_pid: int) -> None:
    """Has the kernel kill this process when the thread that forked it ends.

    Raises:
        OSError: the kernel refused.
        ProcessLookupError: the parent ended before this call.
    """
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        raise ProcessLookupError(f"The parent {parent_pid} is gone, now it is {os.getppid()}.")


def adopt_orphans() -> None:
    """Makes this process the parent of every descendant that loses its own.

    A descendant in a session of its own escapes its group's kill; so it cannot escape its parent.

    Raises:
        OSError: the kernel refused.
    """
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def forbid_new_privileges() -> None:
    """Keeps this process and what it starts from gaining rights by a set-user-id program.

    Raises:
        OSError: the kernel refused.
    """
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def _error(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")
