"""Keeps one zygote alive: starts it from a thread that lasts, hands it requests, restarts it.

What a zygote and the libraries it loads write becomes log events, a line each.
"""

import contextlib
import os
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event
from typing import IO, Final

import structlog

from tflited.domain.audience import ChildRecorder
from tflited.workers.noise import Lines
from tflited.workers.sandbox.layers import QUIET_ENVIRONMENT
from tflited.workers.usage import resident_bytes
from tflited.workers.zygote import READY, RUN

INHERITED: Final = ("PATH", "LANG", "PYTHONPATH", "TF_ENABLE_ONEDNN_OPTS")
"""All that a zygote sees of the daemon's environment. With the last a unit that forbids memory both
written and executed (``MemoryDenyWriteExecute=``) has TensorFlow do without generated code."""
FIRST_DELAY_SECONDS: Final = 0.1
LONGEST_DELAY_SECONDS: Final = 30.0
EXIT_SECONDS: Final = 5.0
"""How long a zygote may take to end after a hang-up before it is killed."""
MOST_LINES: Final = 200
"""Of one zygote that are told; it says a few while it loads, and nothing after."""
_READ_BYTES: Final = 4096

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retirement:
    """When a zygote that still works is replaced, once nothing runs below it.

    Attributes:
        forks: children after which it is.
        growth_bytes: resident memory above what it had when it was ready.
    """

    forks: int = 10_000
    growth_bytes: int = 256 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """One zygote process, the daemon's end of its control socket, and of what it says."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    said: IO[bytes]


class Keeper:
    """Owns the zygote and the one thread that starts it.

    The kernel's parent-death signal fires when the *thread* that forked ends, so that thread lives
    as long as the keeper does.

    Args:
        preload: module the zygote imports before it says that it is ready.
        entry: module whose ``run`` does the work in children.
        retirement: when a zygote makes room for a fresh one.
        recorder: told of starts; None for nobody.
    """

    def __init__(
        self,
        *,
        preload: str,
        entry: str,
        retirement: Retirement | None = None,
        recorder: ChildRecorder | None = None,
    ) -> None:
        self._recorder = recorder
        self._began = 0.0
        self._preload = preload
        self._entry = entry
        self._retirement = retirement or Retirement()
        self._active = 0
        self._forks = 0
        self._ready_bytes = 0
        self._lock = threading.Lock()
        self._ready: Running | None = None
        self._running: Running | None = None
        self._stopping = Event()
        self._thread = threading.Thread(target=self._keep, name="zygote-keeper", daemon=True)

    @property
    def is_ready(self) -> bool:
        """Whether a request could be handed over now."""
        return self._ready is not None

    @property
    def is_stopping(self) -> bool:
        """Whether no zygote will become ready any more."""
        return self._stopping.is_set()

    @property
    def pid(self) -> int | None:
        """Process id of the present zygote; None between two."""
        running = self._running
        return None if running is None else running.process.pid

    def start(self) -> None:
        """Starts the thread; returns at once."""
        self._thread.start()

    def stop(self, *, deadline_seconds: float) -> None:
        """Hangs up on the zygote, which ends it and every child, and joins the thread.

        Args:
            deadline_seconds: after which the zygote is killed.
        """
        self._stopping.set()
        if self.is_ready:
            self._hang_up()
        else:
            # Still preloading: it has no children and would not hear a hang-up for seconds.
            self.condemn()
        if self._thread.ident is None:
            return
        self._thread.join(deadline_seconds)
        if self._thread.is_alive():
            self.condemn()
            self._thread.join(EXIT_SECONDS)

    def condemn(self) -> None:
        """Kills the present zygote, which no longer answers; the next one takes its place."""
        running = self._running
        if running is not None:
            running.process.kill()

    def launch(self, descriptors: Sequence[int]) -> bool:
        """Hands a request to the zygote.

        Returns:
            False where there is no zygote that could take it.
        """
        with self._lock:
            if self._ready is None:
                return False
            try:
                socket.send_fds(self._ready.control, [RUN], list(descriptors))
            except OSError:
                self._ready = None
                return False
            self._active += 1
            self._forks += 1
        return True

    def release(self) -> None:
        """Takes back what ``launch`` gave: its child ended. The last one may retire the zygote."""
        with self._lock:
            self._active -= 1
            running = self._ready
            if running is None or self._active or not self._is_old(running):
                return
            # Nobody can launch any more, and nothing runs: the hang-up costs no attempt.
            self._ready = None
        with contextlib.suppress(OSError):
            running.control.shutdown(socket.SHUT_RDWR)

    def _is_old(self, running: Running) -> bool:
        grown = resident_bytes(running.process.pid) - self._ready_bytes
        rules = self._retirement
        if self._forks < rules.forks and grown <= rules.growth_bytes:
            return False
        _log.info("zygote_retired", children=self._forks, grown_bytes=grown)
        return True

    def _hang_up(self) -> None:
        running = self._running
        if running is not None:
            with contextlib.suppress(OSError):
                running.control.shutdown(socket.SHUT_RDWR)

    def _keep(self) -> None:
        delay = FIRST_DELAY_SECONDS
        while not self._stopping.is_set():
            try:
                was_ready = self._live_once()
            except OSError as error:
                # Out of descriptors, processes or memory: that may pass, this thread must not.
                _log.warning("zygote_start_failed", reason=str(error))
                was_ready = False
            delay = FIRST_DELAY_SECONDS if was_ready else delay
            self._stopping.wait(delay)
            delay = min(delay * 2, LONGEST_DELAY_SECONDS)

    def _live_once(self) -> bool:
        """Starts a zygote and follows it to its end; tells whether it ever was ready."""
        self._began = time.monotonic()
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        with control, os.fdopen(reader, "rb", buffering=0) as said:
            with theirs, os.fdopen(writer, "wb", buffering=0) as their_noise:
                process = self._spawn(theirs.fileno(), their_noise)
            running = Running(process=process, control=control, said=said)
            self._running = running
            if self._stopping.is_set():
                self.condemn()
            was_ready = self._follow(running)
            if not was_ready and not self._stopping.is_set():
                self._tell_start(is_ready=False)
            with self._lock:
                self._ready = None
        _reap(process)
        self._running = None
        return was_ready

    def _spawn(self, control_fd: int, noise: IO[bytes]) -> subprocess.Popen[bytes]:
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        arguments = {
            "--control-fd": str(control_fd),
            "--parent-pid": str(os.getpid()),
            "--preload": self._preload,
            "--entry": self._entry,
        }
        words = [word for pair in arguments.items() for word in pair]
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            # -P: the working directory is not a place to import from.
            [sys.executable, "-P", "-m", "tflited.workers.zygote", *words],
            stdin=subprocess.DEVNULL,
            stdout=noise,
            stderr=noise,
            env=inherited | QUIET_ENVIRONMENT,
            pass_fds=(control_fd,),
            start_new_session=True,
        )

    def _follow(self, running: Running) -> bool:
        """Until the zygote hangs up; tells whether it ever was ready."""
        was_ready = False
        teller = _Teller(Lines(descriptor=running.said.fileno()))
        with selectors.DefaultSelector() as selector:
            selector.register(running.control, selectors.EVENT_READ)
            selector.register(running.said, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is running.said:
                        if not teller.tell():
                            selector.unregister(running.said)
                    elif not (content := _received(running.control)):
                        teller.tell()
                        return was_ready
                    elif content == READY and not self._stopping.is_set():
                        was_ready = True
                        self._became_ready(running)

    def _became_ready(self, running: Running) -> None:
        with self._lock:
            self._ready = running
            self._forks = 0
            self._ready_bytes = resident_bytes(running.process.pid)
        self._tell_start(is_ready=True)

    def _tell_start(self, *, is_ready: bool) -> None:
        if self._recorder is not None:
            self._recorder.zygote_started(time.monotonic() - self._began, is_ready=is_ready)


@dataclass(slots=True)
class _Teller:
    """Makes log events of what one zygote says."""

    lines: Lines
    told: int = 0

    def tell(self) -> bool:
        """Tells what is there; False at the end."""
        said = self.lines.read()
        for line in said or ():
            self.told += 1
            if self.told <= MOST_LINES:
                _log.info("zygote_said", text=line)
            elif self.told == MOST_LINES + 1:
                _log.info("zygote_said", text=f"more than {MOST_LINES} lines: no more are told")
        return said is not None


def _received(control: socket.socket) -> bytes:
    """The next datagram; empty at the end."""
    try:
        return control.recv(_READ_BYTES)
    except OSError:
        return b""


def _reap(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(EXIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
