"""The table of system calls against the kernel's own headers, for both architectures."""

import re
from pathlib import Path

import pytest

from tflited.workers.sandbox.syscalls import CALLS

HEADERS = (
    ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", 0),
    ("/usr/include/asm-generic/unistd.h", 1),
)
NEW_NAMES = {"newfstatat": "fstatat", "fadvise64": "fadvise64", "sendfile": "sendfile"}
"""What asm-generic/unistd.h calls otherwise, by the name after ``__NR3264_``."""


@pytest.mark.parametrize(("header", "column"), HEADERS)
def test_numbers_are_the_kernels(header: str, column: int) -> None:
    """aarch64 takes its numbers from asm-generic/unistd.h."""
    if not Path(header).is_file():
        pytest.skip("apt-get install linux-libc-dev")
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", Path(header).read_text("ascii"))
    known = {name: int(number) for name, number in found}
    for name, numbers in CALLS.items():
        number = numbers[column]
        if number is not None:
            assert known.get(name, known.get(NEW_NAMES.get(name, ""))) == number, name


def test_every_call_has_a_number_somewhere_and_no_two_the_same() -> None:
    """A slip of one digit would open another call."""
    for column in (0, 1):
        numbers = [entry[column] for entry in CALLS.values() if entry[column] is not None]
        assert len(set(numbers)) == len(numbers)
    assert all(entry != (None, None) for entry in CALLS.values())
