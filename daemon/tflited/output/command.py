"""Runs one program of the operator's: no shell, a clean environment, bounded time and output."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

ENVIRONMENT: Final = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}
KEPT_BYTES: Final = 4096
_READ_BYTES: Final = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """How a program ended.

    Attributes:
        exit_code: its status; negative for the signal that ended it.
        is_killed: its time was up, or the caller aborted it.
        output: the last ``KEPT_BYTES`` of its standard output and error, undecodable bytes
            replaced.
    """

    exit_code: int
    is_killed: bool
    output: str


def run(arguments: Sequence[str], *, timeout_seconds: float, abort: int) -> CommandResult:
    """Runs a program in a process group of its own, which ends with it.

    Args:
        arguments: the program and its arguments; no shell reads them.
        timeout_seconds: longest time until the group is killed.
        abort: a descriptor; when it becomes readable, the group is killed.

    Returns:
        How it ended.

    Raises:
        OSError: the program could not be started.
        ValueError: an argument holds a NUL.
    """
    # The arguments are the operator's own, from the main configuration only.
    process = subprocess.Popen(  # noqa: S603
        list(arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=ENVIRONMENT,
        cwd="/",
        start_new_session=True,
    )
    end = time.monotonic() + timeout_seconds
    with process:
        try:
            kept, is_killed = _follow(process, abort=abort, end=end)
        finally:
            # Before the wait: until then the group's number cannot belong to anybody else.
            _kill_group(process.pid)
    return CommandResult(
        exit_code=process.returncode, is_killed=is_killed, output=kept.decode("utf-8", "replace")
    )


def _follow(process: subprocess.Popen[bytes], *, abort: int, end: float) -> tuple[bytes, bool]:
    """Reads what a program writes until it has ended, its time is up, or it is aborted.

    A process it left behind may hold the pipe open, so the pipe's end is not what is waited for.
    """
    kept = b""
    pipe = _pipe_of(process)
    watch = os.pidfd_open(process.pid)
    with os.fdopen(watch, "rb", buffering=0), selectors.DefaultSelector() as selector:
        for source in (pipe, watch, abort):
            selector.register(source, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select(max(end - time.monotonic(), 0))}
            if pipe in ready:
                chunk = os.read(pipe, _READ_BYTES)
                kept = (kept + chunk)[-KEPT_BYTES:]
                if not chunk:
                    selector.unregister(pipe)
            elif watch in ready:
                return kept, False
            if abort in ready or time.monotonic() >= end:
                return kept, True


def _pipe_of(process: subprocess.Popen[bytes]) -> int:
    """The descriptor of the pipe that the program's output goes through."""
    if process.stdout is None:  # pragma: no cover - it was asked for above
        raise ValueError("the program was started without a pipe")
    return process.stdout.fileno()


def _kill_group(leader: int) -> None:
    """Ends what is left of a process group, its unreaped leader included."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return
