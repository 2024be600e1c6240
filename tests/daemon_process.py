"""The real program as a process of its own: started, asked over its socket, stopped or killed."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from tflited.cli.client import Client
from tflited.errors import DaemonUnreachableError, TflitedError
from waiting import wait_until

START_SECONDS = 60
STOP_SECONDS = 60
BUILD_SECONDS = 120
MAIN_FILE = """\
[http]
listen = "127.0.0.1:0"

[log]
format = "json"

[[root]]
name = "models"
path = "models"
"""


class Process(Protocol):
    """What is done to a program that runs; ``subprocess.Popen`` is one."""

    pid: int

    def poll(self) -> int | None: ...  # noqa: D102 - as subprocess.Popen
    def wait(self, timeout: float | None = None) -> int: ...  # noqa: D102
    def send_signal(self, sig: int) -> None: ...  # noqa: D102


def run_program(main_file: Path, log: Path) -> Process:
    """Starts the program as a user does."""
    command = [sys.executable, "-m", "tflited", "serve", "--config", str(main_file)]
    with log.open("ab") as stream:
        return subprocess.Popen(command, stdout=stream, stderr=stream)


class DaemonProcess:
    """One daemon over the folders of a main file; can be started again after it ended.

    Args:
        folder: gets the main file, ``models/``, ``output/`` and ``state/``.
        run: starts the program.
    """

    def __init__(self, folder: Path, run: Callable[[Path, Path], Process] = run_program) -> None:
        self._run = run
        self.main_file = folder / "tflited.toml"
        self.root = folder / "models"
        self.output = folder / "output"
        self.state = folder / "state"
        self.log = folder / "daemon.log"
        self.root.mkdir()
        self.main_file.write_text(MAIN_FILE)
        self.listen_at(self.state)
        self._process: Process | None = None

    def listen_at(self, state: Path) -> None:
        """The main file has put the state folder elsewhere."""
        self._client = Client(state / "tflited.sock")

    @property
    def pid(self) -> int:
        """The process that runs."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Starts the program and waits until it is ready."""
        self.begin()
        wait_until(self._is_ready, START_SECONDS, what="a ready daemon")

    def begin(self) -> None:
        """Starts the program and waits for nothing."""
        self._process = self._run(self.main_file, self.log)

    def stop(self) -> None:
        """Sends SIGTERM, where it runs; it must end well."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            code = self._process.wait(STOP_SECONDS)
            self._process = None
            assert code == 0, self.log.read_text()[-3000:]

    def kill(self) -> None:
        """Ends the program as a power cut would; its children are not told."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(STOP_SECONDS)
        self._process = None

    def wait(self) -> int:
        """Waits until the program has ended by itself; its exit code."""
        assert self._process is not None
        code = self._process.wait(STOP_SECONDS)
        self._process = None
        return code

    def hang_up(self) -> None:
        """Sends SIGHUP."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def port(self) -> int:
        """The TCP port that the newest start has."""
        started = [entry for entry in self.events() if entry["event"] == "daemon_started"]
        return int(started[-1]["http_port"])

    def events(self) -> list[dict[str, Any]]:
        """Every log event so far; a start that failed says why in a line that is none."""
        lines = self.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def children(self) -> set[tuple[int, str]]:
        """Every process below the daemon now: its number and when it began."""
        assert self._process is not None
        found, parents = set[tuple[int, str]](), {str(self._process.pid)}
        while parents:
            rows = [row for row in processes() if row[1] in parents]
            found |= {(pid, began) for pid, _, began in rows}
            parents = {str(pid) for pid, _, _ in rows}
        return found

    def get(self, path: str, /, **query: str | int) -> Any:
        """Reads a resource of the running daemon."""
        return self._client.get(f"/api/v1/{path}", **query)

    def post(self, path: str, body: bytes = b"") -> Any:
        """Asks the running daemon for a change."""
        return self._client.post(f"/api/v1/{path}", body)

    def jobs(self, path: str) -> list[dict[str, Any]]:
        """Every job of the model at a path below the root."""
        return [job for job in self.get("jobs", limit=1000) if job["model"]["path"] == path]

    def why(self, path: str) -> dict[str, Any]:
        """The daemon's answer about a path below the root."""
        answer: dict[str, Any] = self.get("why", path=str(self.root / path))
        return answer

    def phase(self, path: str) -> str:
        """Where the model stands; empty while it is unknown."""
        return str((self.why(path)["model"] or {}).get("phase", ""))

    def wait_for(self, path: str, phase: str, *, deadline_seconds: float = BUILD_SECONDS) -> None:
        """Waits until a model stands where the test wants it."""
        what = f"{path} to be {phase}"
        wait_until(lambda: self.phase(path) == phase, deadline_seconds, what=what)

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()[-3000:]
        with suppress(DaemonUnreachableError, TflitedError):
            return bool(self.get("status")["is_ready"])
        return False


@contextmanager
def running(folder: Path) -> Iterator[DaemonProcess]:
    """A started daemon, which must end well."""
    daemon = DaemonProcess(folder)
    daemon.start()
    try:
        yield daemon
    finally:
        daemon.stop()


def processes() -> Iterator[tuple[int, str, str]]:
    """Number, parent and beginning of every process that is no zombie (proc_pid_stat(5))."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if fields[0] != "Z":
                yield int(folder.name), fields[1], fields[19]
