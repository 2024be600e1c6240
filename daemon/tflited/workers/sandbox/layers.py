"""Owns the order of the layers, applied once between fork and model code, then read back.

Each layer takes something away and can tell whether it holds: what is short refuses the attempt.
"""

import contextlib
import fcntl
import os
import signal
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tflited.domain.attempt import SandboxLevel
from tflited.errors import SandboxError
from tflited.workers import limits
from tflited.workers.sandbox import capabilities, kernel, landlock, namespaces, seccomp
from tflited.workers.sandbox.confinement import Confinement, Taken

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
_STATUS: Final = "/proc/self/status"


@dataclass(frozen=True, slots=True)
class Layer:
    """One thing that is taken away.

    Attributes:
        name: for the refusal.
        apply: takes it away; an OSError refuses the attempt.
        lacking: what is short of it, once all are applied; empty where nothing is.
    """

    name: str
    apply: Callable[[Confinement, Taken], None]
    lacking: Callable[[Confinement, Taken], str]


def confine(confinement: Confinement, *, is_whole: bool = True) -> SandboxLevel:
    """Applies every layer in order, then compares what took hold.

    Args:
        confinement: what the layers need to know.
        is_whole: false leaves out what an operator switched off.

    Raises:
        SandboxError: a layer could not be applied or does not hold; the child must not go on.
    """
    taken = Taken()
    layers = [layer for layer in LAYERS if is_whole or layer.name in ALWAYS]
    for layer in layers:
        try:
            layer.apply(confinement, taken)
        except OSError as error:
            raise _refused(layer, str(error)) from error
        if layer.name == "descriptors":
            taken.status_fd = os.open(_STATUS, os.O_RDONLY | os.O_CLOEXEC)
    for layer in layers:
        if short := layer.lacking(confinement, taken):
            raise _refused(layer, short)
    with contextlib.suppress(OSError):
        os.close(taken.status_fd)
    if not is_whole:
        return SandboxLevel.OFF
    return SandboxLevel.FULL if taken.has_own_namespaces else SandboxLevel.NO_NAMESPACES


def _refused(layer: Layer, short: str) -> SandboxError:
    return SandboxError(
        f"The sandbox is short of its {layer.name} layer: {short}.",
        hint="the model was not opened; docs/security.md tells what each layer needs of the kernel",
    )


def _parent_death(confinement: Confinement, _: Taken) -> None:
    kernel.die_with_parent(confinement.parent_pid)


def _outlives_parent(confinement: Confinement, _: Taken) -> str:
    number, parent = kernel.death_signal(), os.getppid()
    if number == signal.SIGKILL and parent == confinement.parent_pid:
        return ""
    return f"signal {number} at the end of the parent {parent}"


def _own_session(_: Confinement, __: Taken) -> None:
    os.setsid()


def _in_foreign_session(_: Confinement, __: Taken) -> str:
    return "" if os.getsid(0) == os.getpid() else "it is in its parent's session"


def _descriptors(confinement: Confinement, _: Taken) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(confinement.noise_fd, 1)
    os.dup2(confinement.noise_fd, 2)
    begin = 3
    for kept in sorted(confinement.kept_fds):
        os.closerange(begin, kept)
        begin = kept + 1
    os.closerange(begin, os.sysconf("SC_OPEN_MAX"))


def _foreign_descriptors(confinement: Confinement, taken: Taken) -> str:
    known = {0, 1, 2, *confinement.kept_fds, taken.status_fd, taken.cmdline_fd}
    found = [number for number in range(limits.OPEN_FILES) if number not in known and _open(number)]
    return f"descriptors {found} are open" if found else ""


def _open(number: int) -> bool:
    try:
        fcntl.fcntl(number, fcntl.F_GETFD)
    except OSError:
        return False
    return True


def _environment(confinement: Confinement, _: Taken) -> None:
    os.environ.clear()
    os.environ.update(_allowed(confinement))
    # Where the zygote's imports looked once is remembered there.
    tempfile.tempdir = confinement.scratch


def _foreign_variables(confinement: Confinement, _: Taken) -> str:
    return "" if dict(os.environ) == _allowed(confinement) else "its variables are others"


def _allowed(confinement: Confinement) -> dict[str, str]:
    scratch = confinement.scratch
    return QUIET_ENVIRONMENT | {"TMPDIR": scratch, "HOME": scratch}


def _folder(confinement: Confinement, _: Taken) -> None:
    os.chdir(confinement.scratch)
    os.umask(0o077)


def _elsewhere(confinement: Confinement, _: Taken) -> str:
    is_there = Path().samefile(confinement.scratch)
    return "" if is_there else "it works outside its scratch folder"


def _limits(confinement: Confinement, _: Taken) -> None:
    limits.apply(confinement.limits, threads=confinement.threads)


def _unlimited(confinement: Confinement, _: Taken) -> str:
    return limits.lacking(confinement.limits, threads=confinement.threads)


def _closed(_: Confinement, __: Taken) -> None:
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)


def _can_be_read(_: Confinement, __: Taken) -> str:
    return "others may look into it" if kernel.prctl(kernel.PR_GET_DUMPABLE) else ""


def _no_new_privileges(_: Confinement, __: Taken) -> None:
    kernel.forbid_new_privileges()


def _new_privileges(_: Confinement, taken: Taken) -> str:
    return "" if taken.status()["NoNewPrivs"] == "1" else "programs may gain privileges"


LAYERS: Final[tuple[Layer, ...]] = (
    Layer("parent death", _parent_death, _outlives_parent),
    Layer("session", _own_session, _in_foreign_session),
    Layer("descriptors", _descriptors, _foreign_descriptors),
    Layer("environment", _environment, _foreign_variables),
    Layer("folder", _folder, _elsewhere),
    Layer("limits", _limits, _unlimited),
    Layer("namespaces", namespaces.enter, namespaces.lacking),
    Layer("capabilities", capabilities.drop, capabilities.lacking),
    Layer("memory", _closed, _can_be_read),
    Layer("no new privileges", _no_new_privileges, _new_privileges),
    Layer("landlock", landlock.restrict, landlock.lacking),
    Layer("seccomp", seccomp.restrict, seccomp.lacking),
)
"""In the order of their application."""
ALWAYS: Final = frozenset(
    {
        "parent death",
        "session",
        "descriptors",
        "environment",
        "folder",
        "limits",
        "no new privileges",
    }
)
"""What holds even where the sandbox is switched off."""
