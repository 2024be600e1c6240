"""Entries for children that mean harm: the request's stem says which kind."""

import math
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from fakes.entries import HANG_SECONDS, REPORT
from tflited.domain.attempt import AttemptRequest
from tflited.domain.figures import OutputFidelity
from tflited.domain.policy import Variant
from tflited.domain.ports import Progress
from tflited.domain.report import BuildReport, Stage, VariantReport, VariantState
from tflited.errors import ConversionError, SourceChangedError, StorageFailedError
from tflited.workers import wire

PICKLE: Final = b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94."
"""The head of a pickle that would name os.system; the parent must not even try."""
MANY: Final = 2000
BRANCHES: Final = 20
VARIANTS: Final = tuple(Variant)


def run(request: AttemptRequest, progress: Progress) -> BuildReport:
    """Does what the stem asks for."""
    return BEHAVIOURS[request.stem](request, progress)


def reply_socket() -> socket.socket:
    """The one socket a child has, as a descriptor of its own: closing it closes nothing else."""
    for entry in Path("/proc/self/fd").iterdir():
        if os.path.exists(entry) and str(entry.readlink()).startswith("socket:"):  # noqa: PTH110 - the listing's own descriptor is gone
            return socket.socket(fileno=os.dup(int(entry.name)))
    raise LookupError("This child has no socket.")


def note_pid(request: AttemptRequest, name: str) -> None:
    """Leaves this process's id in the scratch, whole or not at all."""
    path = Path(request.scratch, f"part.{name}")
    path.write_text(str(os.getpid()), encoding="ascii")
    path.rename(path.with_name(name))


def _daemonise(request: AttemptRequest, name: str) -> None:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            note_pid(request, name)
            threading.Event().wait(HANG_SECONDS)
        os._exit(0)


def _escape(request: AttemptRequest, _: Progress) -> BuildReport:
    _daemonise(request, "pid0")
    return _when_noted(request, 1)


def _fork_many(request: AttemptRequest, _: Progress) -> BuildReport:
    for number in range(BRANCHES):
        _daemonise(request, f"pid{number}")
    return _when_noted(request, BRANCHES)


def _when_noted(request: AttemptRequest, count: int) -> BuildReport:
    while len(list(Path(request.scratch).glob("pid?"))) < min(count, 10):
        os.sched_yield()
    return REPORT


def _loud(_: AttemptRequest, __: Progress) -> BuildReport:
    for _number in range(10):
        os.write(2, b"\x1b[2Jloud\n" * 116_509)
    os.write(1, b"the end")
    return REPORT


def _pickle(_: AttemptRequest, __: Progress) -> BuildReport:
    reply_socket().send(b"." + PICKLE)
    return REPORT


def _talk_on(request: AttemptRequest, progress: Progress) -> BuildReport:
    wire.send(reply_socket(), wire.encode_message(wire.ReportMessage(report=REPORT)))
    progress(Stage.LOAD, "more")
    threading.Event().wait(HANG_SECONDS)
    return REPORT


def _long_text(_: AttemptRequest, __: Progress) -> BuildReport:
    raise ConversionError("\x1b[2J" + "m" * 1_000_000, hint="h" * 1_000_000)


def _odd_code(_: AttemptRequest, __: Progress) -> BuildReport:
    raise ConversionError("No such label.", code='a"} 1\n')


def _odd_text(_: AttemptRequest, __: Progress) -> BuildReport:
    raise ConversionError(f"Cannot read {os.fsdecode(b'caf' + bytes([0xE9]))}.")


def _not_a_number(_: AttemptRequest, __: Progress) -> BuildReport:
    fidelity = OutputFidelity(
        output="y",
        samples=1,
        max_abs_error=0.0,
        relative_error=0.0,
        rmse=0.0,
        snr_db=math.nan,
        cosine=None,
        top1_agreement=None,
    )
    state = VariantState.PROVEN
    variant = VariantReport(variant=Variant.INT8, state=state, fidelity=(fidelity,))
    return replace(REPORT, variants=(variant,))


def _no_report(_: AttemptRequest, __: Progress) -> BuildReport:
    return None  # type: ignore[return-value]  # what an entry must not do


def _many_variants(_: AttemptRequest, __: Progress) -> BuildReport:
    operators = {f"OPERATOR_{number}": number for number in range(MANY)}
    variants = tuple(
        VariantReport(variant=variant, state=VariantState.PROVEN, operators=operators)
        for variant in VARIANTS
    )
    return replace(REPORT, variants=variants)


def _storage_failed(_: AttemptRequest, __: Progress) -> BuildReport:
    raise StorageFailedError("Writing failed: Input/output error on scratch.")


def _source_changed(_: AttemptRequest, __: Progress) -> BuildReport:
    raise SourceChangedError("It changed.")


def _echo(request: AttemptRequest, _: Progress) -> BuildReport:
    names = (request.model, *request.calibration)
    notes = tuple(os.fsencode(name).hex() for name in names)
    return replace(REPORT, source=replace(REPORT.source, notes=notes))


BEHAVIOURS: Final[dict[str, Callable[[AttemptRequest, Progress], BuildReport]]] = {
    "echo": _echo,
    "escape": _escape,
    "fork many": _fork_many,
    "long text": _long_text,
    "loud": _loud,
    "many variants": _many_variants,
    "no report": _no_report,
    "not a number": _not_a_number,
    "odd code": _odd_code,
    "odd text": _odd_text,
    "pickle": _pickle,
    "source changed": _source_changed,
    "storage failed": _storage_failed,
    "talk on": _talk_on,
}
