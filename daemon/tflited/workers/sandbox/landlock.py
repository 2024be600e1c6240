"""The layer that leaves of the file system a read list and one scratch folder; nothing executes.

A rule holds below a folder, for this thread and what it starts: the child has one thread here.
"""

import ctypes
import os
import struct
import sys
import sysconfig
from pathlib import Path
from typing import Final

import tflited
from tflited.workers.sandbox.confinement import Confinement, Taken
from tflited.workers.sandbox.kernel import call

CREATE_RULESET: Final = 444
ADD_RULE: Final = 445
RESTRICT_SELF: Final = 446
EXECUTE: Final = 1 << 0
WRITE_FILE: Final = 1 << 1
READ_FILE: Final = 1 << 2
READ_DIR: Final = 1 << 3
REMOVE_DIR: Final = 1 << 4
REMOVE_FILE: Final = 1 << 5
MAKE_DIR: Final = 1 << 7
MAKE_REG: Final = 1 << 8
REFER: Final = 1 << 13
TRUNCATE: Final = 1 << 14
"""From linux/landlock.h."""
_RIGHTS_OF_ABI: Final = (0, 13, 14, 15, 15, 16)
"""How many rights of the file system each ABI knows; later ones know no more."""
_TCP: Final = 3
_SCOPES: Final = 3
_ABI_TCP: Final = 4
_ABI_SCOPES: Final = 6
SCRATCH: Final = (
    WRITE_FILE
    | READ_FILE
    | READ_DIR
    | REMOVE_DIR
    | REMOVE_FILE
    | MAKE_DIR
    | MAKE_REG
    | REFER
    | TRUNCATE
)
SYSTEM: Final = (
    "/usr/lib",
    "/usr/lib64",
    "/lib",
    "/lib64",
    "/usr/share/zoneinfo",
    "/sys/devices/system/cpu",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/dev/urandom",
    "/etc/ld.so.cache",
    "/etc/localtime",
)
LOADERS: Final = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1")


def restrict(confinement: Confinement, taken: Taken) -> None:
    """Leaves what the confinement names.

    Raises:
        OSError: this kernel has no Landlock, or refused.
    """
    taken.cmdline_fd = os.open("/proc/self/cmdline", os.O_PATH | os.O_CLOEXEC)
    ruleset = _ruleset()
    try:
        for path in (*interpreter(), *SYSTEM, *confinement.readable):
            _allow(ruleset, path, READ_FILE | READ_DIR)
        _rule(ruleset, taken.cmdline_fd, READ_FILE)
        _allow(ruleset, os.devnull, READ_FILE | WRITE_FILE)
        _allow(ruleset, confinement.scratch, SCRATCH & _known())
        if confinement.may_spawn:
            _allow(ruleset, str(Path(tflited.__file__).parents[1]), READ_DIR)
            for program in (os.path.realpath(sys.executable), *LOADERS):
                _allow(ruleset, program, EXECUTE | READ_FILE)
        call("landlock_restrict_self", RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def lacking(_: Confinement, __: Taken) -> str:
    """What is short; empty where nothing is."""
    try:
        os.close(os.open("/", os.O_RDONLY | os.O_DIRECTORY))
    except PermissionError:
        return ""
    return "the root folder can be read"


def interpreter() -> tuple[str, ...]:
    """Where modules and libraries of this Python lie; never the search path as it happens to be."""
    places = sysconfig.get_paths()
    found = {sys.prefix, sys.base_prefix, str(Path(tflited.__file__).parent)}
    found |= {places[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return tuple(sorted(found))


def abi() -> int:
    """The version of Landlock's interface.

    Raises:
        OSError: this kernel has none.
    """
    return call("landlock_create_ruleset", CREATE_RULESET, 0, 0, 1)


def _known() -> int:
    version = min(abi(), len(_RIGHTS_OF_ABI) - 1)
    return (1 << _RIGHTS_OF_ABI[version]) - 1


def _ruleset() -> int:
    version = abi()
    network = _TCP if version >= _ABI_TCP else 0
    words = [_known(), network, _SCOPES if version >= _ABI_SCOPES else 0]
    count = 3 if version >= _ABI_SCOPES else 2 if version >= _ABI_TCP else 1
    content = ctypes.create_string_buffer(struct.pack(f"={count}Q", *words[:count]), 8 * count)
    return call("landlock_create_ruleset", CREATE_RULESET, content, 8 * count, 0)


def _allow(ruleset: int, path: str, rights: int) -> None:
    """A rule for what is there and in reach; a file gets no right that only folders have."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):  # nothing to allow
        return
    try:
        is_folder = Path(path).is_dir()
        _rule(ruleset, descriptor, rights if is_folder else rights & ~READ_DIR)
    finally:
        os.close(descriptor)


def _rule(ruleset: int, descriptor: int, rights: int) -> None:
    content = ctypes.create_string_buffer(struct.pack("=Qi", rights, descriptor), 12)
    call("landlock_add_rule", ADD_RULE, ruleset, 1, content, 0)
