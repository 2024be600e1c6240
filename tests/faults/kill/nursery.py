"""Starts real daemons quickly: forks them from a process that has imported everything.

Importing the program takes a second, of which a loop of three hundred kills would spend five
minutes. A forked daemon is the whole program from ``cli.main`` on, with threads, sockets and a
zygote of its own; only its children replay a recorded conversion, and it keeps no room free in the
output tree. Run as a script, this file is that process.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

TESTS: Final = Path(__file__).resolve().parents[2]
MESSAGE_BYTES: Final = 65536
STOP_SECONDS: Final = 60.0


class Forked:
    """One daemon, as a ``daemon_process.Process``."""

    def __init__(self, nursery: "Nursery", pid: int) -> None:
        self.pid = pid
        self._nursery = nursery
        self._code: int | None = None

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        if self._code is None:
            self._code = self._nursery.ask(wait=self.pid, options=os.WNOHANG)
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, once it has ended."""
        if self._code is None:
            self._code = self._nursery.ask(wait=self.pid, options=0)
        assert self._code is not None
        return self._code

    def send_signal(self, sig: int) -> None:
        """Sends a signal, where it runs still: its number is taken until it is waited for."""
        if self._code is None:
            os.kill(self.pid, sig)


class Nursery:
    """The process that daemons are forked from.

    Args:
        recording: of ``zoo.recorded``.
    """

    def __init__(self, recording: Path) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.settimeout(STOP_SECONDS)
        path = os.pathsep.join(map(str, (TESTS, TESTS.parent / "daemon", recording)))
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                env={**os.environ, "PYTHONPATH": path},
                pass_fds=(theirs.fileno(),),
            )

    def run(self, main_file: Path, log: Path) -> Forked:
        """Starts a daemon."""
        pid = self.ask(main_file=str(main_file), log=str(log))
        return Forked(self, pid)

    def ask(self, **request: str | int) -> Any:
        """Sends one request and waits for its answer."""
        self._channel.send(json.dumps(request).encode())
        return json.loads(self._channel.recv(MESSAGE_BYTES))

    def close(self) -> None:
        """Ends the process."""
        self._channel.close()
        self._process.wait(STOP_SECONDS)


def serve(channel: socket.socket) -> None:
    """Forks daemons and waits for them until the tests hang up."""
    while content := channel.recv(MESSAGE_BYTES):
        request = json.loads(content)
        if "wait" in request:
            answer = _waited(request["wait"], request["options"])
        elif (answer := os.fork()) == 0:
            channel.close()
            _be_daemon(request["main_file"], request["log"])
        channel.send(json.dumps(answer).encode())


def _waited(pid: int, options: int) -> int | None:
    found, status = os.waitpid(pid, options)
    return os.waitstatus_to_exitcode(status) if found else None


def _be_daemon(main_file: str, log: str) -> NoReturn:
    code = 1
    try:
        stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for standard in (1, 2):
            os.dup2(stream, standard)
        os.close(stream)
        code = main(["serve", "--config", main_file])
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    from tflited import app, assembly
    from tflited.cli import main
    from tflited.output.tree import OutputTree
    from tflited.workers.local import LocalExecutor

    replay = "faults.replay.entry"
    assert app is not None  # it is here so that ``serve`` finds it imported
    vars(assembly)["LocalExecutor"] = partial(LocalExecutor, preload=replay, entry=replay)
    vars(assembly)["OutputTree"] = partial(OutputTree, reserve_bytes=0)  # for a very small disk
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=int(sys.argv[1])) as opened:
        serve(opened)
