"""The Executor on this machine: one zygote, one forked child for each attempt."""

import contextlib
import os
import socket
import tempfile
from threading import Event
from typing import IO, Final

from tflited.domain.attempt import AttemptLimits, AttemptOutcome, AttemptRequest, AttemptResult
from tflited.domain.ports import Progress
from tflited.workers import wire
from tflited.workers.keeper import Keeper
from tflited.workers.watch import CANCELLED, POLL_SECONDS, WORKER_LOST, Watch

NOISE_BYTES: Final = 16 * 1024
"""How much of the end of a child's standard error is kept."""


class LocalExecutor:
    """Runs attempts in children of a zygote; any number of threads may call ``run_attempt``.

    Args:
        preload: module the zygote imports once.
        entry: module whose ``run(request, progress)`` children call.
    """

    def __init__(
        self,
        *,
        preload: str = "tflited.convert.preload",
        entry: str = "tflited.convert.entry",
    ) -> None:
        self._keeper = Keeper(preload=preload, entry=entry)

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
            limits: what it may use.
            progress: told about stages as they begin, from the calling thread.
            cancel: when set, the child's process group is killed within ``POLL_SECONDS``.

        Raises:
            OSError: the daemon itself is out of descriptors or temporary space.
        """
        with contextlib.ExitStack() as stack:
            noise = stack.enter_context(tempfile.TemporaryFile())
            content = stack.enter_context(tempfile.TemporaryFile())
            content.write(wire.encode_request(request))
            content.flush()
            reply, their_reply = _pair(stack)
            status, their_status = _pair(stack)
            handed = (their_reply, their_status, noise, content)
            refused = self._launch([part.fileno() for part in handed], cancel)
            if refused is not None:
                return refused
            their_reply.close()
            their_status.close()
            watch = Watch(
                reply=reply,
                status=status,
                progress=progress,
                cancel=cancel,
                wall_seconds=limits.wall_seconds,
                condemn=self._keeper.condemn,
            )
            watch.follow()
            return watch.outcome(noise=_tail(noise))

    def _launch(self, descriptors: list[int], cancel: Event) -> AttemptOutcome | None:
        """Waits for a zygote that takes the request; an outcome where none will."""
        while not cancel.is_set():
            if self._keeper.launch(descriptors):
                return None
            if self._keeper.is_stopping:
                return AttemptOutcome(result=AttemptResult.WORKER_LOST, failure=WORKER_LOST)
            cancel.wait(POLL_SECONDS)
        return AttemptOutcome(result=AttemptResult.CANCELLED, failure=CANCELLED)


def _pair(stack: contextlib.ExitStack) -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return stack.enter_context(ours), stack.enter_context(theirs)


def _tail(noise: IO[bytes]) -> str:
    size = os.fstat(noise.fileno()).st_size
    start = max(0, size - NOISE_BYTES)
    return os.pread(noise.fileno(), size - start, start).decode(errors="replace")
