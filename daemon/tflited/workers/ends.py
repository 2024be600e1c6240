"""The names of the ends that a child can come to, as failures with their next step."""

import signal
from dataclasses import replace
from typing import Final

from tflited.domain.breach import Limit
from tflited.domain.job import Failure
from tflited.domain.last_words import OUT_OF_MEMORY, recognised
from tflited.domain.limits import Limits
from tflited.domain.report import BuildReport
from tflited.workers.usage import Usage

SIGNALS: Final = {
    signal.SIGSEGV: "it touched memory that is not its own",
    signal.SIGBUS: "it touched memory that does not exist",
    signal.SIGABRT: "native code gave up",
    signal.SIGFPE: "native code divided by zero",
    signal.SIGILL: "native code met an instruction this processor does not have",
    signal.SIGSYS: "the sandbox forbids a system call that it made",
}
"""In words, what ends a process whose native code went wrong."""

CANCELLED: Final = Failure(
    code="cancelled",
    message="The attempt was cancelled before it replied.",
    is_retryable=True,
)
WORKER_LOST: Final = Failure(
    code="worker_lost",
    message="The process that children are forked from ended while the attempt ran.",
    hint="It restarts by itself; look for memory pressure on the machine.",
    is_retryable=True,
)


def too_long(limits: Limits, where: str) -> Failure:
    """The deadline passed."""
    seconds = f"{limits.wall_seconds:g} s"
    return Limit.WALL.failure(
        key="limits.wall_seconds, or attempt_timeout_seconds in [daemon],",
        observed=f"no reply within {seconds}",
        allowed=seconds,
        where=where,
    )


def too_much(usage: Usage, limits: Limits, where: str) -> Failure | None:
    """The failure of a child that uses more memory or disk than it may; None while it does not."""
    if 0 < limits.memory_bytes < usage.memory_bytes:
        return Limit.MEMORY.failure(
            key="limits.memory_bytes",
            observed=f"{usage.memory_bytes} bytes resident",
            allowed=str(limits.memory_bytes),
            where=where,
        )
    if 0 < limits.scratch_bytes < usage.scratch_bytes:
        return _scratch(limits, where, f"{usage.scratch_bytes} bytes on disk")
    return None


def signalled(
    status: int, limits: Limits, where: str, *, has_outgrown: bool = False
) -> Failure | None:
    """The failure of a child that the kernel ended over one of its limits; None for other ends.

    Args:
        status: exit status, or the negative number of the signal that ended it.
        limits: of its policy.
        where: the stage that it was in.
        has_outgrown: its cgroup was out of memory.
    """
    if status == -signal.SIGKILL and has_outgrown:
        return Limit.MEMORY.failure(
            key="limits.memory_bytes",
            observed="more in the child's cgroup",
            allowed=str(limits.memory_bytes),
            where=where,
        )
    if status == -signal.SIGXCPU:
        return Limit.CPU.failure(
            key="limits.cpu_seconds",
            observed=f"SIGXCPU after {limits.cpu_seconds} s of all threads together",
            allowed=f"{limits.cpu_seconds} s",
            where=where,
        )
    if status == -signal.SIGXFSZ:
        return _scratch(limits, where, "SIGXFSZ: one file of more bytes")
    return None


def _scratch(limits: Limits, where: str, observed: str) -> Failure:
    return Limit.SCRATCH.failure(
        key="limits.scratch_bytes",
        observed=observed,
        allowed=str(limits.scratch_bytes),
        where=where,
    )


def too_large(report: BuildReport, limits: Limits) -> Failure | None:
    """The failure of a set that is larger than it may be; None for others.

    The sizes are the child's claims; whoever takes the files over refuses others.
    """
    total = sum(file.size_bytes for variant in report.variants for file in variant.files)
    if not 0 < limits.output_bytes < total:
        return None
    return Limit.OUTPUT.failure(
        key="limits.output_bytes", observed=f"{total} bytes", allowed=str(limits.output_bytes)
    )


def with_limit(failure: Failure, limits: Limits) -> Failure:
    """A want of memory with the limit that may have caused it; other failures as they are."""
    if failure.code != OUT_OF_MEMORY.code or not limits.memory_bytes:
        return failure
    told = f"limits.memory_bytes = {limits.memory_bytes} in the policy is what it may use"
    return replace(failure, hint=f"{failure.hint.removesuffix('.')}; {told}")


def bad_reply(fault: str) -> Failure:
    """The child's bytes are no message."""
    return Failure(
        code="bad_reply",
        message=f"The child replied outside the protocol and was killed: {fault}.",
        hint="tflited logs JOB, or tflited convert --verbose, shows what it wrote.",
        is_retryable=True,
    )


def crashed(*, status: int, noise: str = "", where: str = "") -> Failure:
    """The child ended by itself with a status but without a valid reply.

    Args:
        status: exit status, or the negative number of the signal that ended it.
        noise: the last it wrote; an abort in native code tells its reason nowhere else.
        where: the stage that it was in.
    """
    place = f" in stage {where}" if where else ""
    if status == -signal.SIGKILL:
        return Failure(
            code="out_of_memory",
            message=f"The child was killed with SIGKILL{place}, most likely for want of memory.",
            hint="Give the service more memory, or run fewer attempts at once.",
            is_retryable=True,
        )
    how = f"by {_signal_name(-status)}" if status < 0 else f"with exit status {status}"
    how += place
    if (known := recognised(noise)) is not None:
        words, line = known
        return Failure(
            code=words.code,
            message=f"The child ended {how}, without a reply. It said: {line}",
            hint=words.hint,
            is_retryable=words.is_retryable,
        )
    return Failure(
        code="crash",
        message=f"The child ended {how}, without a reply.",
        hint="tflited logs JOB, or tflited convert --verbose, shows what it wrote.",
        is_retryable=True,
    )


def _signal_name(number: int) -> str:
    try:
        name = signal.Signals(number)
    except ValueError:
        return f"signal {number}"
    return f"{name.name} ({SIGNALS[name]})" if name in SIGNALS else name.name
