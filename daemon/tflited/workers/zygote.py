"""The process that children are forked from: preloads once, forks for each request, reaps.

It runs no model code and has one thread. It ends with the daemon, and its children end with it.
"""

import argparse
import contextlib
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from tflited.errors import WorkerError
from tflited.workers import wire
from tflited.workers.child import Birth, live
from tflited.workers.sandbox import kernel

READY: Final = b'{"kind":"ready"}'
RUN: Final = b'{"kind":"run"}'
KILL: Final = b'{"kind":"kill"}'
FDS_PER_REQUEST: Final = 4
"""Reply socket, status socket, noise pipe, request file, in this order."""
_CONTROL_BYTES: Final = 4096
_EXIT_LOST: Final = 70
"""EX_SOFTWARE of sysexits.h: the child left its own code without a reply."""


@dataclass(slots=True, kw_only=True)
class Zygote:
    """The loop over requests, ends of children and the daemon's word about them.

    Attributes:
        control: the daemon's socket; its end is the end of everything here.
        entry: module that children run.
        wakeup: read end of the pipe that signals write to.
        statuses: process id of each living child to its status socket.
    """

    control: socket.socket
    entry: str
    wakeup: int
    selector: selectors.BaseSelector
    statuses: dict[int, socket.socket]

    def serve(self) -> None:
        """Forks, kills and reaps until the daemon hangs up."""
        self.selector.register(self.control, selectors.EVENT_READ, None)
        self.selector.register(self.wakeup, selectors.EVENT_READ, None)
        self.control.send(READY)
        is_open = True
        while is_open:
            for key, _ in self.selector.select():
                if key.data is not None:
                    self._heard(key.data)
                elif key.fileobj is self.control:
                    is_open = self._accept()
                else:
                    os.read(self.wakeup, _CONTROL_BYTES)
                    self._reap()
        self._end()

    def _end(self) -> None:
        """Returns when no child and no orphan is left; the daemon hears the end only then."""
        for pid in self.statuses:
            _kill(pid)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)
                for pid in _orphans(()):
                    _kill(pid)

    def _accept(self) -> bool:
        content, descriptors, _, _ = socket.recv_fds(self.control, _CONTROL_BYTES, FDS_PER_REQUEST)
        if not content:
            return False
        if content == RUN and len(descriptors) == FDS_PER_REQUEST:
            self._fork(descriptors)
        else:
            # Out of descriptors, the kernel drops some; the daemon sees its ends close.
            for number in descriptors:
                os.close(number)
        return True

    def _fork(self, descriptors: list[int]) -> None:
        reply, status = (socket.socket(fileno=number) for number in descriptors[:2])
        noise_fd, request_fd = descriptors[2:]
        birth = Birth(
            entry=self.entry,
            parent_pid=os.getpid(),
            reply=reply,
            noise_fd=noise_fd,
            request_fd=request_fd,
        )
        with reply:
            try:
                pid = os.fork()
            except OSError:
                # The daemon reads a status socket that ends without a word as a lost worker.
                traceback.print_exc()
                status.close()
            else:
                if pid == 0:
                    _be_child(birth)
                self.statuses[pid] = status
                with contextlib.suppress(OSError):
                    status.send(wire.encode_status(wire.BirthMessage(pid=pid)))
                self.selector.register(status, selectors.EVENT_READ, pid)
        os.close(noise_fd)
        os.close(request_fd)

    def _heard(self, pid: int) -> None:
        """Kill, or the daemon's hang-up, which means the same."""
        status = self.statuses.get(pid)
        if status is None:
            return
        with contextlib.suppress(OSError):
            status.recv(_CONTROL_BYTES)
        self.selector.unregister(status)
        _kill(pid)

    def _sweep(self) -> None:
        """Kills and reaps what left a child's group and came here as an orphan.

        Runs at every SIGCHLD: the end of a stray leads here again, for itself and its children.
        """
        for pid in _orphans(self.statuses):
            with contextlib.suppress(ChildProcessError, ProcessLookupError):
                if os.waitpid(pid, os.WNOHANG) == (0, 0):
                    os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        for pid in tuple(self.statuses):
            # WNOWAIT keeps the process id taken, so the group that is killed is the child's own.
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            _kill(pid)
            _, wait_status, usage = os.wait4(pid, 0)
            self._sweep()
            self._tell(pid, os.waitstatus_to_exitcode(wait_status), usage.ru_maxrss * 1024)
        self._sweep()

    def _tell(self, pid: int, code: int, peak_rss_bytes: int) -> None:
        with self.statuses.pop(pid) as status:
            with contextlib.suppress(KeyError):
                self.selector.unregister(status)
            with contextlib.suppress(OSError):
                status.send(
                    wire.encode_status(wire.ExitMessage(status=code, peak_rss_bytes=peak_rss_bytes))
                )


def _orphans(known: Container[int]) -> list[int]:
    """Children of this process's only thread that it did not fork itself."""
    pid = os.getpid()
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except FileNotFoundError:
        # A kernel without CONFIG_PROC_CHILDREN keeps them until the zygote's cgroup ends.
        return []
    return [child for child in map(int, text.split()) if child not in known]


def _kill(pid: int) -> None:
    # Both: the child may not have made its own group yet.
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def _be_child(birth: Birth) -> NoReturn:
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        live(birth)
    except BaseException:  # noqa: BLE001 - the child's border: nothing may reach the loop above
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(_EXIT_LOST)


def _wakeup_pipe() -> int:
    """Turns ends of children into bytes, and leaves the daemon's stop signals to the daemon."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    return reader


def _preload(module: str, entry: str) -> None:
    importlib.import_module(module)
    # Our own code: a confined child need not be able to read where it lies.
    importlib.import_module(entry)
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads != 1:
        raise WorkerError(
            f"Preloading {module} started threads: observed {threads}, allowed 1.",
            hint="A thread does not survive a fork; find the import that starts it.",
        )
    gc.collect()
    # Keeps the collector of children from touching, and so copying, the preloaded pages.
    gc.freeze()


def main() -> None:
    """Runs the zygote on an inherited control socket."""
    parser = argparse.ArgumentParser(prog="tflited.workers.zygote")
    parser.add_argument("--control-fd", type=int, required=True)
    parser.add_argument("--parent-pid", type=int, required=True)
    parser.add_argument("--preload", required=True)
    parser.add_argument("--entry", required=True)
    options = parser.parse_args()
    kernel.die_with_parent(options.parent_pid)
    kernel.adopt_orphans()
    wakeup = _wakeup_pipe()
    _preload(options.preload, options.entry)
    with socket.socket(fileno=options.control_fd) as control:
        Zygote(
            control=control,
            entry=options.entry,
            wakeup=wakeup,
            selector=selectors.DefaultSelector(),
            statuses={},
        ).serve()


if __name__ == "__main__":
    main()
