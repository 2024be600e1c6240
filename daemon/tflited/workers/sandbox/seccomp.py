"""The layer that leaves a list of system calls; everything else is refused with EPERM.

No socket, program, memory file, mount, link, change of mode or owner, trace or io_uring; a new
process only where the confinement says so. Another architecture's calls end the process.
"""

import ctypes
import errno
import os
import platform
import socket
import struct
from collections.abc import Iterator
from typing import Final

from tflited.workers.sandbox import kernel
from tflited.workers.sandbox.confinement import Confinement, Taken
from tflited.workers.sandbox.syscalls import CALLS

ARCHITECTURES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Machine to column of the table and AUDIT_ARCH of linux/audit.h."""
_SECCOMP: Final = {"x86_64": 317, "aarch64": 277}
_X32: Final = 0x40000000
ALLOW: Final = 0x7FFF0000
KILL: Final = 0x80000000
ERRNO: Final = 0x00050000
_LD, _JEQ, _JGE, _JSET, _AND, _RET = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
"""Of linux/bpf_common.h: load a word, jump if equal, if not less, if a bit is set, mask, return."""
_NR, _ARCH, _ARGS = 0, 4, 16
"""Offsets in struct seccomp_data."""
CLONE_THREAD: Final = 0x00010000
NEW_NAMESPACES: Final = 0x7E020080
"""Every CLONE_NEW flag of linux/sched.h."""
SPAWNING: Final = frozenset({"execve", "fork", "kill", "vfork", "wait4", "waitid"})
_ONLY_VALUES: Final = {
    "prctl": (0, (kernel.PR_SET_NAME, kernel.PR_GET_PDEATHSIG, kernel.PR_GET_DUMPABLE)),
    "prlimit64": (2, (0,)),
    "sendto": (4, (0,)),
    "ioctl": (1, (0x5401, 0x541B, 0x5421, 0x5450, 0x5451, 0x802C542A)),
    "fcntl": (1, (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1032)),
}
"""Call to an argument and the values it may have: names of threads, reading of limits, no address,
state of terminals and pipes, flags and locks."""
_QUERY: Final = 0xFFFFFFFF
_PERSONALITY: Final = {"x86_64": 135, "aarch64": 92}

Instruction = tuple[int, int, int, int]


def restrict(confinement: Confinement, _: Taken) -> None:
    """Puts the filter in force.

    Raises:
        OSError: the kernel refused, or this machine has no table.
    """
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"no table of system calls for {machine}")
    content = assembled(program(machine, os.getpid(), may_spawn=confinement.may_spawn))
    filters = ctypes.create_string_buffer(content, len(content))
    header = struct.pack("HxxxxxxQ", len(content) // 8, ctypes.addressof(filters))
    kernel.call("seccomp", _SECCOMP[machine], 1, 0, header)


def lacking(_: Confinement, taken: Taken) -> str:
    """What is short; empty where nothing is."""
    if taken.status()["Seccomp"] != "2":
        return "no filter is in force"
    try:
        socket.socket(socket.AF_UNIX).close()
        kernel.call("personality", _PERSONALITY[platform.machine()], _QUERY)
    except PermissionError:
        return ""
    return "a call outside the list was allowed"


def program(machine: str, pid: int, *, may_spawn: bool) -> list[Instruction]:
    """The filter.

    Args:
        machine: a key of ``ARCHITECTURES``.
        pid: the one process that may be signalled by its threads.
        may_spawn: whether it may start programs, which Landlock limits to the interpreter.
    """
    column, architecture = ARCHITECTURES[machine]
    found: list[Instruction] = [
        (_LD, 0, 0, _ARCH),
        (_JEQ, 1, 0, architecture),
        (_RET, 0, 0, KILL),
        (_LD, 0, 0, _NR),
    ]
    if machine == "x86_64":
        found += [(_JGE, 0, 1, _X32), (_RET, 0, 0, KILL)]
    for name, numbers in CALLS.items():
        number = numbers[column]
        if number is not None and (may_spawn or name not in SPAWNING):
            body = list(_body(name, pid, may_spawn=may_spawn))
            found += [(_JEQ, 0, len(body), number), *body]
    return [*found, (_RET, 0, 0, ERRNO | errno.EPERM)]


def assembled(instructions: list[Instruction]) -> bytes:
    """As an array of struct sock_filter."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)


def _body(name: str, pid: int, *, may_spawn: bool) -> Iterator[Instruction]:
    refused = (_RET, 0, 0, ERRNO | errno.EPERM)
    if name == "clone3":  # its flags lie in memory: the C library falls back to clone
        yield (_RET, 0, 0, ERRNO | errno.ENOSYS)
        return
    if name == "clone":
        mask = NEW_NAMESPACES if may_spawn else NEW_NAMESPACES | CLONE_THREAD
        wanted = 0 if may_spawn else CLONE_THREAD
        yield from ((_LD, 0, 0, _ARGS), (_AND, 0, 0, mask), (_JEQ, 1, 0, wanted), refused)
    elif name == "tgkill" and not may_spawn:
        yield from ((_LD, 0, 0, _ARGS), (_JEQ, 1, 0, pid), refused)
    elif name in _ONLY_VALUES:
        argument, values = _ONLY_VALUES[name]
        if values == (0,):  # a pointer: both of its halves
            yield from ((_LD, 0, 0, _ARGS + 8 * argument + 4), (_JEQ, 1, 0, 0), refused)
        yield (_LD, 0, 0, _ARGS + 8 * argument)
        for left, value in zip(range(len(values), 0, -1), values, strict=True):
            yield (_JEQ, left, 0, value)
        yield refused
    yield (_RET, 0, 0, ALLOW)
