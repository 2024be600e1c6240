"""One child's life after the fork: confine, run the entry on the request, reply, end."""

import importlib
import os
import socket
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from tflited.domain.attempt import AttemptRequest
from tflited.domain.policy import Target
from tflited.domain.ports import Progress
from tflited.domain.report import BuildReport, Stage
from tflited.domain.sandbox import SandboxDemand
from tflited.durable import storage_errors
from tflited.errors import SandboxError, TflitedError
from tflited.workers import wire
from tflited.workers.sandbox.confinement import Confinement
from tflited.workers.sandbox.layers import confine

Entry = Callable[[AttemptRequest, Progress], BuildReport]
EXIT_SANDBOX: Final = 78
"""EX_CONFIG of sysexits.h: a layer of the sandbox could not be applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """What the zygote hands to a child.

    Attributes:
        entry: module whose ``run(request, progress)`` does the work.
        parent_pid: the zygote.
        reply: the socket to the daemon.
        noise_fd: where standard output and error go.
        request_fd: file that holds the request.
    """

    entry: str
    parent_pid: int
    reply: socket.socket
    noise_fd: int
    request_fd: int


def live(birth: Birth) -> NoReturn:
    """Does the one attempt and ends the process; never returns to the zygote's frames."""
    request = wire.decode_request(_content(birth.request_fd))
    try:
        level = confine(
            _confinement(birth, request), is_whole=request.sandbox is SandboxDemand.REQUIRED
        )
    except SandboxError as error:
        wire.send(birth.reply, wire.encode_message(_failure(error)))
        os._exit(EXIT_SANDBOX)
    wire.send(birth.reply, wire.encode_message(wire.ConfinedMessage(level=level)))
    wire.send(birth.reply, _answer(birth, request))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _confinement(birth: Birth, request: AttemptRequest) -> Confinement:
    return Confinement(
        parent_pid=birth.parent_pid,
        scratch=request.scratch,
        noise_fd=birth.noise_fd,
        kept_fds=(birth.reply.fileno(),),
        limits=request.policy.limits,
        threads=request.threads,
        readable=_readable(request),
        # TFLM ends its process over a model that does not fit: it has one of its own.
        may_spawn=request.policy.target is Target.MICRO and not request.evidence,
    )


def _readable(request: AttemptRequest) -> tuple[str, ...]:
    """What the request lets its child read: a proof has no model, and a conversion no evidence."""
    if request.evidence:
        return (request.evidence, *request.evaluation)
    return (request.model, *request.calibration, *request.evaluation, *request.custom_objects)


def _failure(error: TflitedError) -> wire.FailureMessage:
    return wire.FailureMessage(
        code=error.code,
        message=error.message,
        hint=error.hint,
        is_retryable=error.retryable,
    )


def _content(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, size, 0)


def _answer(birth: Birth, request: AttemptRequest) -> bytes:
    """The last message, encoded: a report the daemon would refuse is a failure like any other."""
    try:
        with storage_errors(Path(request.scratch)):  # a full disk is no fault of the model
            report = _report(birth, request)
        content = wire.encode_message(wire.ReportMessage(report=report))
        wire.decode_message(content)
    except TflitedError as error:
        failure = _failure(error)
    except MemoryError:
        failure = wire.FailureMessage(
            code="out_of_memory",
            message=f"Building {request.stem} needed more memory than there is.",
            hint="Give the service more memory, or use a smaller model.",
            is_retryable=True,
        )
    except Exception as error:  # noqa: BLE001 - the child's border: everything becomes a reply
        traceback.print_exc()
        failure = wire.FailureMessage(
            code="internal",
            message=f"Building {request.stem} failed: {type(error).__name__}: {error}",
            hint="Report it with the model and the traceback that tflited logs JOB shows.",
            is_retryable=False,
        )
    else:
        return content
    return wire.encode_message(failure)


def _report(birth: Birth, request: AttemptRequest) -> BuildReport:
    def progress(stage: Stage, detail: str) -> None:
        message = wire.ProgressMessage(stage=stage, detail=detail)
        wire.send(birth.reply, wire.encode_message(message))

    run: Entry = importlib.import_module(birth.entry).run
    return run(request, progress)
