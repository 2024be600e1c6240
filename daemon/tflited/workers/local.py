"""The Executor on this machine: one zygote, one forked child for each attempt."""

import contextlib
import os
import socket
from dataclasses import replace
from threading import Event

from tflited.domain.attempt import AttemptLimits, AttemptOutcome, AttemptRequest, AttemptResult
from tflited.domain.audience import ChildRecorder
from tflited.domain.limits import Limits
from tflited.domain.ports import Progress
from tflited.workers import wire
from tflited.workers.cgroup import delegated
from tflited.workers.ends import CANCELLED, WORKER_LOST
from tflited.workers.keeper import Keeper, Retirement
from tflited.workers.noise import Noise
from tflited.workers.watch import POLL_SECONDS, Watch


class LocalExecutor:
    """Runs attempts in children of a zygote; any number of threads may call ``run_attempt``.

    Args:
        preload: module the zygote imports once.
        entry: module whose ``run(request, progress)`` children call.
        retirement: when the zygote is replaced by a fresh one.
        recorder: told of ends and starts; None for nobody.
    """

    def __init__(
        self,
        *,
        preload: str = "tflited.convert.preload",
        entry: str = "tflited.convert.entry",
        retirement: Retirement | None = None,
        recorder: ChildRecorder | None = None,
    ) -> None:
        self._recorder = recorder
        self._keeper = Keeper(
            preload=preload, entry=entry, retirement=retirement, recorder=recorder
        )
        self._cgroups = delegated()

    @property
    def is_ready(self) -> bool:
        """Whether a child could start at once."""
        return self._keeper.is_ready

    @property
    def zygote_pid(self) -> int | None:
        """Process id of the present zygote; None between two."""
        return self._keeper.pid

    def start(self) -> None:
        """Starts the zygote's warm-up; returns at once."""
        self._keeper.start()

    def stop(self, deadline_seconds: float) -> None:
        """Ends the zygote and every child; running attempts return as lost.

        Args:
            deadline_seconds: after which the zygote is killed.
        """
        self._keeper.stop(deadline_seconds=deadline_seconds)

    def run_attempt(
        self, request: AttemptRequest, limits: AttemptLimits, progress: Progress, cancel: Event
    ) -> AttemptOutcome:
        """Runs one attempt and blocks until its child is reaped.

        Waits for a ready zygote first; that wait counts against no limit.

        Args:
            request: what to build.
            limits: what any attempt may use; the policy of the request may say less.
            progress: told about stages as they begin, from the calling thread.
            cancel: when set, the child's process group is killed within ``POLL_SECONDS``.

        Raises:
            OSError: the daemon itself is out of descriptors or memory.
        """
        with contextlib.ExitStack() as stack:
            # Its own stack: an end of the child's that the daemon kept open would hide its death.
            theirs = stack.enter_context(contextlib.ExitStack())
            reply, their_reply = _pair(stack, theirs)
            status, their_status = _pair(stack, theirs)
            noise, their_noise = _pipe(stack, theirs)
            content = _memory_file(theirs, wire.encode_request(request))
            refused = self._launch([their_reply, their_status, their_noise, content], cancel)
            if refused is not None:
                return refused
            stack.callback(self._keeper.release)
            theirs.close()
            watch = Watch(
                reply=reply,
                status=status,
                noise=Noise(descriptor=noise),
                progress=progress,
                cancel=cancel,
                limits=_tightened(request.policy.limits, limits),
                scratch=request.scratch,
                condemn=self._keeper.condemn,
                cgroups=self._cgroups,
            )
            watch.follow()
            outcome = watch.outcome()
            if self._recorder is not None:
                self._recorder.child_ended(outcome)
            return outcome

    def _launch(self, descriptors: list[int], cancel: Event) -> AttemptOutcome | None:
        """Waits for a zygote that takes the request; an outcome where none will."""
        while not cancel.is_set():
            if self._keeper.launch(descriptors):
                return None
            if self._keeper.is_stopping:
                return AttemptOutcome(result=AttemptResult.WORKER_LOST, failure=WORKER_LOST)
            cancel.wait(POLL_SECONDS)
        return AttemptOutcome(result=AttemptResult.CANCELLED, failure=CANCELLED)


def _tightened(own: Limits, everywhere: AttemptLimits) -> Limits:
    """The policy's limits with the daemon's own deadline, whichever comes first."""
    deadlines = [seconds for seconds in (own.wall_seconds, everywhere.wall_seconds) if seconds > 0]
    return replace(own, wall_seconds=min(deadlines, default=0.0))


def _pair(ours: contextlib.ExitStack, theirs: contextlib.ExitStack) -> tuple[socket.socket, int]:
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.enter_context(one)
    return one, theirs.enter_context(other).fileno()


def _pipe(ours: contextlib.ExitStack, theirs: contextlib.ExitStack) -> tuple[int, int]:
    reader, writer = os.pipe()
    ours.callback(os.close, reader)
    theirs.callback(os.close, writer)
    os.set_blocking(reader, False)
    return reader, writer


def _memory_file(stack: contextlib.ExitStack, content: bytes) -> int:
    """A file without a place on disk: a request may be longer than a datagram."""
    descriptor = os.memfd_create("request")
    stack.callback(os.close, descriptor)
    with os.fdopen(descriptor, "wb", closefd=False) as stream:
        stream.write(content)
    return descriptor
