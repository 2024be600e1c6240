"""Follows one running child to its end, and names that end."""

import contextlib
import selectors
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Final, assert_never

from tflited.domain.attempt import AttemptOutcome, AttemptResult, SandboxLevel
from tflited.domain.job import Failure
from tflited.domain.last_words import recognised
from tflited.domain.ports import Progress
from tflited.domain.report import Stage
from tflited.workers import wire
from tflited.workers.child import EXIT_SANDBOX
from tflited.workers.noise import Noise
from tflited.workers.zygote import KILL

POLL_SECONDS: Final = 0.05
"""How late a cancellation may be noticed."""
KILL_SECONDS: Final = 10.0
"""How long the zygote may take to tell the end of a child it was told to kill."""
LAST_DATAGRAMS: Final = 4096
"""More than a socket buffer holds; a descendant that escaped cannot keep the daemon reading."""
LOST_SECONDS: Final = 1.0
"""How long a child may outlive its zygote: the kernel kills it, measured within 0.1 s."""


@dataclass(slots=True, kw_only=True)
class Watch:
    """What is known of one child while it runs.

    Attributes:
        reply: the child's socket.
        status: the zygote's socket about this child.
        noise: what the child writes to its standard output and error.
        progress: told about stages.
        cancel: asks for the child's end.
        wall_seconds: limit from the request to the end; 0 for none.
        condemn: ends a zygote that does not answer.
    """

    reply: socket.socket
    status: socket.socket
    noise: Noise
    progress: Progress
    cancel: Event
    wall_seconds: float
    condemn: Callable[[], None]
    stage_seconds: dict[str, float] = field(default_factory=dict)
    level: SandboxLevel | None = None
    final: wire.ReportMessage | wire.FailureMessage | None = None
    exit: wire.ExitMessage | None = None
    is_lost: bool = False
    killed_as: AttemptResult | None = None
    wire_fault: str = ""
    _assembler: wire.Assembler = field(default_factory=wire.Assembler)
    _started: float = field(default_factory=time.monotonic)
    _stage: Stage | None = Stage.START
    _stage_started: float = field(default_factory=time.monotonic)
    _killed_at: float | None = None

    def follow(self) -> None:
        """Blocks until the zygote told the child's end or is gone."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.reply, selectors.EVENT_READ, self._read_reply)
            selector.register(self.status, selectors.EVENT_READ, self._read_status)
            selector.register(self.noise.descriptor, selectors.EVENT_READ, self.noise.read)
            while self.exit is None and not self.is_lost:
                self._check()
                for key, _ in selector.select(POLL_SECONDS):
                    if not key.data():
                        selector.unregister(key.fileobj)
        # A child whose zygote is gone may still write to its scratch until its socket closes.
        self.reply.settimeout(LOST_SECONDS if self.is_lost else 0.0)
        for _ in range(LAST_DATAGRAMS):
            if not self._read_reply():
                break
        self._enter(None)

    def _check(self) -> None:
        now = time.monotonic()
        if self._killed_at is not None:
            if now - self._killed_at > KILL_SECONDS:
                self.condemn()
                self.is_lost = True
        elif self.cancel.is_set():
            self._kill(AttemptResult.CANCELLED)
        elif 0 < self.wall_seconds <= now - self._started:
            self._kill(AttemptResult.TIMEOUT)

    def _kill(self, reason: AttemptResult) -> None:
        if self._killed_at is not None:
            return
        self.killed_as = reason
        self._killed_at = time.monotonic()
        # A zygote that is gone took the child with it; the status socket tells.
        with contextlib.suppress(OSError):
            self.status.send(KILL)

    def _read_status(self) -> bool:
        try:
            content = self.status.recv(wire.MAX_DATAGRAM_BYTES)
            self.exit = wire.decode_exit(content)
        except (OSError, wire.WireError):
            self.is_lost = True
        return False

    def _read_reply(self) -> bool:
        """Takes one datagram; False when there will be no other."""
        try:
            datagram = self.reply.recv(wire.MAX_DATAGRAM_BYTES + 1)
        except OSError:
            return False
        if not datagram or self.wire_fault:
            return False
        try:
            message = self._assembler.feed(datagram)
            if message is not None:
                self._take(message)
        except wire.WireError as error:
            self.wire_fault = str(error)
            self._kill(AttemptResult.CRASH)
            return False
        return True

    def _take(self, message: wire.Message) -> None:
        if self.final is not None:
            raise wire.WireError(f"a message of kind {message.kind} after the last one")
        match message:
            case wire.ConfinedMessage():
                if self.level is not None or self._stage is not Stage.START:
                    raise wire.WireError("a second word about the sandbox")
                self.level = message.level
            case wire.ProgressMessage():
                self._enter(message.stage)
                self.progress(message.stage, wire.printable(message.detail))
            case wire.ReportMessage() | wire.FailureMessage():
                self._enter(None)
                self.final = message
            case _:
                assert_never(message)

    def _enter(self, stage: Stage | None) -> None:
        now = time.monotonic()
        if self._stage is not None:
            spent = self.stage_seconds.get(self._stage.value, 0.0)
            self.stage_seconds[self._stage.value] = spent + now - self._stage_started
        self._stage, self._stage_started = stage, now

    def outcome(self) -> AttemptOutcome:
        """The name of the end, once ``follow`` returned."""
        result, failure = self._ended()
        final = self.final
        is_ok = result is AttemptResult.OK
        return AttemptOutcome(
            result=result,
            report=final.report if is_ok and isinstance(final, wire.ReportMessage) else None,
            failure=failure,
            stage_seconds=self.stage_seconds,
            peak_rss_bytes=0 if self.exit is None else self.exit.peak_rss_bytes,
            noise=self.noise.finish(),
            sandbox=self.level,
        )

    def _ended(self) -> tuple[AttemptResult, Failure | None]:
        killed = self._killed()
        if killed is not None:
            return killed
        if self.exit is None:
            return AttemptResult.WORKER_LOST, WORKER_LOST
        if self.exit.status == EXIT_SANDBOX and isinstance(self.final, wire.FailureMessage):
            return AttemptResult.ERROR, self.final.failure
        if self.exit.status != 0 or self.final is None:
            return AttemptResult.CRASH, crashed(status=self.exit.status, noise=self.noise.finish())
        match self.final:
            case wire.ReportMessage():
                return AttemptResult.OK, None
            case wire.FailureMessage():
                return AttemptResult.ERROR, self.final.failure
            case _:
                assert_never(self.final)

    def _killed(self) -> tuple[AttemptResult, Failure] | None:
        if self.killed_as is AttemptResult.CANCELLED:
            return self.killed_as, CANCELLED
        if self.wire_fault:
            return AttemptResult.CRASH, bad_reply(self.wire_fault)
        if self.killed_as is AttemptResult.TIMEOUT:
            return self.killed_as, timed_out(wall_seconds=self.wall_seconds)
        return None


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


def timed_out(*, wall_seconds: float) -> Failure:
    """The deadline passed."""
    return Failure(
        code="timeout",
        message=f"The attempt was killed: no reply within {wall_seconds:g} s.",
        hint="Raise attempt_timeout_seconds in [daemon], or ask for fewer variants or samples; a "
        "variant whose kernel hangs is found by asking for one at a time.",
        is_retryable=True,
    )


def bad_reply(fault: str) -> Failure:
    """The child's bytes are no message."""
    return Failure(
        code="bad_reply",
        message=f"The child replied outside the protocol and was killed: {fault}.",
        hint="The attempt's record holds what the child wrote.",
        is_retryable=True,
    )


def crashed(*, status: int, noise: str = "") -> Failure:
    """The child ended by itself with a status but without a valid reply.

    Args:
        status: exit status, or the negative number of the signal that ended it.
        noise: the last it wrote; an abort in native code tells its reason nowhere else.
    """
    if status == -signal.SIGKILL:
        return Failure(
            code="out_of_memory",
            message="The child was killed with SIGKILL, most likely for want of memory.",
            hint="Give the service more memory, or run fewer attempts at once.",
            is_retryable=True,
        )
    how = f"by {_signal_name(-status)}" if status < 0 else f"with exit status {status}"
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
        hint="The attempt's record holds the last it wrote.",
        is_retryable=True,
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
