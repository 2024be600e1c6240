"""An entry that tries to escape from its child, by every way it knows, and reports what worked."""

import ctypes
import errno
import mmap
import os
import platform
import resource
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from fakes.entries import REPORT
from tflited.domain.attempt import AttemptRequest
from tflited.domain.ports import Progress
from tflited.domain.report import BuildReport

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long
PARENT: Final = os.getpid()
"""This module is imported by the zygote."""
X86: Final = platform.machine() == "x86_64"
_PAGE: Final = mmap.mmap(-1, mmap.PAGESIZE)


def call(number: int, *arguments: object) -> None:
    """A system call of x86-64.

    Raises:
        OSError: it was refused, or failed otherwise.
    """
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    if _LIBC.syscall(ctypes.c_long(number), *words) < 0:
        raise OSError(ctypes.get_errno(), f"call {number}")


def read(path: str) -> Callable[[], object]:
    """Opens a file or folder for reading."""
    return lambda: os.close(os.open(path, os.O_RDONLY))


def write(path: str) -> Callable[[], object]:
    """Makes or opens a file for writing."""
    return lambda: os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))


def connect(family: int, kind: int = socket.SOCK_STREAM) -> Callable[[], object]:
    """Makes a socket."""
    return lambda: socket.socket(family, kind)


def raw(number: int, *arguments: object) -> Callable[[], object]:
    """A raw call."""
    return lambda: call(number, *arguments)


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _raise_limit() -> None:
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
    except ValueError as error:  # what the module makes of EPERM
        raise PermissionError from error


def attempts(request: AttemptRequest) -> dict[str, Callable[[], object]]:
    """Name to attempt; one that returns has worked."""
    scratch, beside = Path(request.scratch), str(Path(request.scratch).parent)
    own = scratch / "own"
    own.write_text("own", encoding="ascii")
    name = os.fsencode(own)
    place = ctypes.create_string_buffer(4096)
    return {
        "read /etc/passwd": read("/etc/passwd"),
        "read /etc/hostname": read("/etc/hostname"),
        "list /": read("/"),
        "list /etc": read("/etc"),
        "list /tmp": read("/tmp"),
        "list the folder above": read(beside),
        "read a neighbour": read(f"{beside}/secret"),
        "list home": read("/home"),
        "read /proc/1/environ": read("/proc/1/environ"),
        "read the parent's environ": read(f"/proc/{PARENT}/environ"),
        "read the parent's memory": read(f"/proc/{PARENT}/mem"),
        "read own memory": read("/proc/self/mem"),
        "read own environ": read("/proc/self/environ"),
        "list own descriptors": read("/proc/self/fd"),
        "read /proc/self/maps": read("/proc/self/maps"),
        "read kernel settings": read("/proc/sys/kernel/hostname"),
        "read /sys/class": read("/sys/class"),
        "read the terminal": read("/dev/tty"),
        "write beside": write(f"{beside}/new"),
        "write into the neighbour": write(f"{beside}/secret"),
        "write /tmp": write("/tmp/tflited-escape"),
        "write into the package": write(os.path.join(os.path.dirname(os.__file__), "x.py")),  # noqa: PTH118, PTH120 - as model code would
        "write /proc/self/oom_score_adj": write("/proc/self/oom_score_adj"),
        "write kernel settings": write("/proc/sys/kernel/hostname"),
        "truncate the neighbour": lambda: os.truncate(f"{beside}/secret", 0),
        "rename out": lambda: own.rename(f"{beside}/own"),
        "remove the neighbour": lambda: os.unlink(f"{beside}/secret"),  # noqa: PTH108 - the raw call
        "symlink": lambda: (scratch / "link").symlink_to("/etc/passwd"),
        "hard link": lambda: (scratch / "hard").hardlink_to(own),
        "fifo": lambda: os.mkfifo(scratch / "fifo"),
        "device": lambda: os.mknod(scratch / "null", 0o020666, os.makedev(1, 3)),
        "chmod": lambda: own.chmod(0o4755),
        "chown": lambda: os.chown(own, 0, 0),
        "utime": lambda: os.utime(own),
        "xattr": lambda: os.setxattr(own, "user.a", b"b"),
        "chroot": lambda: os.chroot(scratch),
        "chdir": lambda: os.chdir("/"),
        "inet": connect(socket.AF_INET),
        "inet udp": connect(socket.AF_INET, socket.SOCK_DGRAM),
        "inet6": connect(socket.AF_INET6),
        "unix": connect(socket.AF_UNIX),
        "netlink": connect(socket.AF_NETLINK, socket.SOCK_RAW),
        "packet": connect(socket.AF_PACKET, socket.SOCK_RAW),
        "vsock": connect(socket.AF_VSOCK),
        "socket pair": socket.socketpair,
        "fork": _fork,
        "execve": lambda: os.execv("/bin/true", ["true"]),  # noqa: S606 - must fail
        "execveat": raw(322, -100, b"/bin/true", 0, 0, 0),
        "clone3": raw(435, place, 88),
        "kill the parent": lambda: os.kill(PARENT, 9),
        "signal the parent": lambda: os.kill(PARENT, 0),
        "tgkill the parent": raw(234, PARENT, PARENT, 0),
        "pidfd_open": raw(434, PARENT, 0),
        "pidfd_getfd": raw(438, 0, 0, 0),
        "ptrace": raw(101, 0, 0, 0, 0),
        "process_vm_readv": raw(310, os.getpid(), place, 0, place, 0, 0),
        "setuid": lambda: os.setuid(0),
        "setgroups": lambda: os.setgroups([]),
        "setsid": lambda: os.setpgid(0, 0),
        "capset": raw(126, place, place),
        "mount": raw(165, b"none", name, b"tmpfs", 0, 0),
        "umount": raw(166, name, 0),
        "pivot_root": raw(155, name, name),
        "open_tree": raw(428, -100, b"/", 1),
        "fsopen": raw(430, b"tmpfs", 0),
        "unshare": raw(272, 0),
        "setns": raw(308, 0, 0),
        "memfd_create": lambda: os.memfd_create("m"),
        "io_uring_setup": raw(425, 1, place),
        "bpf": raw(321, 0, place, 128),
        "perf_event_open": raw(298, place, 0, -1, -1, 0),
        "userfaultfd": raw(323, 1),
        "keyctl": raw(250, 0, -1, 0),
        "add_key": raw(248, b"user", b"a", b"b", 1, -3),
        "prctl dumpable": raw(157, 4, 1, 0, 0, 0),
        "prctl death signal": raw(157, 1, 0, 0, 0, 0),
        "seccomp": raw(317, 0, 0, 0),
        "setrlimit": _raise_limit,
        "TIOCSTI": raw(16, 0, 0x5412, place),
        "splice": raw(275, 0, 0, 1, 0, 0, 0),
        "vmsplice": raw(278, 1, place, 0, 0),
        "name_to_handle_at": raw(303, -100, name, place, place, 0),
        "open_by_handle_at": raw(304, -100, place, 0),
        "shmget": raw(29, 0, 4096, 0o1600),
        "msgget": raw(68, 0, 0o1600),
        "mq_open": raw(240, b"q", 0o100, 0o600, 0),
        "personality": raw(135, 0xFFFFFFFF),
        "modify_ldt": raw(154, 0, place, 16),
        "swapon": raw(167, name, 0),
        "reboot": raw(169, 0, 0, 0, 0),
        "settimeofday": raw(164, place, 0),
        "sethostname": raw(170, b"a", 1),
        "init_module": raw(175, place, 0, b""),
        "fanotify_init": raw(300, 0, 0),
        "inotify_init": raw(253),
        "quotactl": raw(179, 0, 0, 0, 0),
        "acct": raw(163, 0),
        "syslog": raw(103, 10, 0, 0),
        "iopl": raw(172, 0),
        "sched_setscheduler": raw(144, 0, 0, place),
        "setpriority": lambda: os.setpriority(os.PRIO_PROCESS, 0, 1),
        "landlock_create_ruleset": raw(444, 0, 0, 1),
        "stat": lambda: Path("/etc/passwd").stat(),
        "readlink": lambda: Path("/proc/self/exe").readlink(),
    }


def run(request: AttemptRequest, progress: Progress) -> BuildReport:
    """Tries everything; the report's notes name what worked, after how many were tried."""
    found = attempts(request)
    worked = [name for name, attempt in found.items() if _works(attempt)]
    notes = (str(len(found)), *worked)
    return replace(REPORT, source=replace(REPORT.source, notes=notes))


def _works(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except PermissionError:
        return False
    except OSError as error:
        # Anything else means that the kernel looked at it: then only the arguments stopped it.
        return error.errno != errno.ENOSYS
    return True
