"""The list of system calls, by running its filter's instructions on made-up calls.

The instructions are those that the kernel gets; so both architectures can be looked at here.
"""

import errno
import os
import struct
from collections.abc import Sequence

import pytest

from tflited.workers.sandbox import kernel
from tflited.workers.sandbox.seccomp import (
    ALLOW,
    ARCHITECTURES,
    CLONE_THREAD,
    CONNECTING,
    ERRNO,
    KILL,
    SPAWNING,
    Instruction,
    assembled,
    program,
)
from tflited.workers.sandbox.syscalls import CALLS

PID = 4242
REFUSED = ERRNO | errno.EPERM
NEW_USER = 0x10000000
X32 = 0x40000000
MACHINES = tuple(ARCHITECTURES)


def verdict(
    instructions: Sequence[Instruction],
    machine: str,
    number: int,
    arguments: Sequence[int] = (),
    architecture: int | None = None,
) -> int:
    """What the kernel would answer: the classic BPF machine of linux/bpf_common.h."""
    column = ARCHITECTURES[machine][1] if architecture is None else architecture
    words = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=iIQ6Q", number, column, 0, *words)
    place, value = 0, 0
    while True:
        code, is_true, is_false, operand = instructions[place]
        place += 1
        if code == 0x20:  # load
            value = struct.unpack_from("=I", data, operand)[0]
        elif code == 0x54:  # and
            value &= operand
        elif code == 0x06:  # return
            return operand
        else:
            holds = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}
            place += is_true if holds[code] else is_false


def call(machine: str, name: str, *arguments: int, extra: frozenset[str] = frozenset()) -> int:
    """The verdict on a call by name."""
    number = CALLS[name][ARCHITECTURES[machine][0]]
    assert number is not None
    return verdict(program(machine, PID, extra), machine, number, arguments)


@pytest.mark.parametrize("machine", MACHINES)
def test_what_is_listed_is_allowed_and_nothing_else(machine: str) -> None:
    """Every number up to the newest call is looked at."""
    column = ARCHITECTURES[machine][0]
    filters = program(machine, PID)
    left_out = SPAWNING | CONNECTING | {"clone", "clone3", "tgkill", "ioctl", "fcntl", "prctl"}
    free = {numbers[column] for name, numbers in CALLS.items() if name not in left_out} - {None}
    asked = {numbers[column] for name, numbers in CALLS.items() if name in left_out}
    allowed = {n for n in range(600) if verdict(filters, machine, n) == ALLOW}
    assert free <= allowed
    assert allowed <= free | asked
    assert not allowed & {CALLS[name][column] for name in SPAWNING | CONNECTING}
    assert verdict(filters, machine, 599) == REFUSED


@pytest.mark.parametrize("machine", MACHINES)
def test_another_architecture_ends_the_process(machine: str) -> None:
    """Its numbers mean other calls; so do those of the x32 interface."""
    filters = program(machine, PID)
    for architecture in (0, 0x40000003, 0xC0000015):
        assert verdict(filters, machine, 1, architecture=architecture) == KILL
    if machine == "x86_64":
        assert verdict(filters, machine, X32 | 1) == KILL


@pytest.mark.parametrize("machine", MACHINES)
def test_a_thread_may_begin_and_a_process_may_not(machine: str) -> None:
    """Nor a thread in new namespaces; clone3, whose flags lie in memory, is not there at all."""
    assert call(machine, "clone", CLONE_THREAD) == ALLOW
    assert call(machine, "clone", 0) == REFUSED
    assert call(machine, "clone", CLONE_THREAD | NEW_USER) == REFUSED
    assert call(machine, "clone3") == ERRNO | errno.ENOSYS
    assert call(machine, "clone", 0, extra=SPAWNING) == ALLOW
    assert call(machine, "clone", NEW_USER, extra=SPAWNING) == REFUSED


@pytest.mark.parametrize("machine", MACHINES)
def test_arguments_decide(machine: str) -> None:
    """A limit may be read and not set, an address not given, another process not signalled."""
    assert call(machine, "prlimit64", 0, 7, 0) == ALLOW
    assert call(machine, "prlimit64", 0, 7, 1) == REFUSED
    assert call(machine, "prlimit64", 0, 7, 1 << 40) == REFUSED
    assert call(machine, "sendto", 1, 1, 1, 0, 1 << 40) == REFUSED
    assert call(machine, "tgkill", PID) == ALLOW
    assert call(machine, "tgkill", PID + 1) == REFUSED
    assert call(machine, "prctl", kernel.PR_SET_NAME) == ALLOW
    assert call(machine, "prctl", kernel.PR_SET_DUMPABLE) == REFUSED
    assert call(machine, "ioctl", 0, 0x5412) == REFUSED, "TIOCSTI types into a terminal"


@pytest.mark.parametrize("machine", MACHINES)
def test_a_fetch_has_the_internet_and_no_program(machine: str) -> None:
    """No other family, no listening, no set-user-id file."""
    assert call(machine, "socket", 2, 1, extra=CONNECTING) == ALLOW
    assert call(machine, "socket", 10, 2, extra=CONNECTING) == ALLOW
    for family in (1, 16, 17, 40):
        assert call(machine, "socket", family, 1, extra=CONNECTING) == REFUSED
    assert call(machine, "fchmod", 3, 0o644, extra=CONNECTING) == ALLOW
    assert call(machine, "fchmod", 3, 0o4755, extra=CONNECTING) == REFUSED
    assert call(machine, "execve", extra=CONNECTING) == REFUSED
    assert not {"bind", "listen", "accept", "accept4"} & set(CALLS)


def test_instructions_are_packed_as_the_kernel_takes_them() -> None:
    """Eight bytes each, and no more of them than the kernel's BPF_MAXINSNS."""
    filters = program("x86_64", os.getpid(), SPAWNING | CONNECTING)
    assert assembled(filters[:1]) == struct.pack("=HBBI", *filters[0])
    assert len(filters) < 4096
