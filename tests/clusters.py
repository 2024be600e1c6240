"""A cluster as processes of its own on loopback: a scheduler, workers, each with its own folder."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from daemon_process import processes
from waiting import wait_until

START_SECONDS: Final = 90
STOP_SECONDS: Final = 60
TESTS: Final = Path(__file__).parent
QUICK: Final = (str(TESTS / "fakes" / "cluster_worker.py"),)
"""The program of a worker that converts nothing: its children do as the model's stem says."""


class Program:
    """One process of the cluster, which may be killed and started again.

    Args:
        folder: gets its log; its own.
        command: what is run.
    """

    def __init__(self, folder: Path, command: Sequence[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.log = folder / "log"
        self.command = list(command)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process that runs."""
        assert self._process is not None
        return self._process.pid

    def begin(self) -> None:
        """Starts it and waits for nothing."""
        paths = os.pathsep.join((str(TESTS), str(TESTS.parent / "daemon")))
        with self.log.open("ab") as stream:
            self._process = subprocess.Popen(
                self.command,
                stdout=stream,
                stderr=stream,
                cwd=self.folder,
                env=os.environ | {"PYTHONPATH": paths, "TF_ENABLE_ONEDNN_OPTS": "0"},
            )

    def events(self, name: str) -> list[dict[str, Any]]:
        """Every record of an event in its log so far."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        records = [json.loads(line) for line in lines if line.startswith("{")]
        return [record for record in records if record["event"] == name]

    def wait_for(self, event: str, *, count: int = 1) -> dict[str, Any]:
        """Waits until an event was told so often; gives the newest."""

        def is_told() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, self.log.read_text()[-3000:]
            return len(self.events(event)) >= count

        wait_until(is_told, START_SECONDS, what=f"{event} of {self.folder.name}")
        return self.events(event)[-1]

    def send(self, number: int) -> None:
        """Sends a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self.send(signal.SIGKILL)
        self.wait()

    def stop(self) -> int:
        """Sends SIGTERM, where it runs; gives its exit code."""
        if self._process is None:
            return 0
        with suppress(ProcessLookupError):
            self.send(signal.SIGCONT)
            self.send(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Waits until it has ended; gives its exit code."""
        assert self._process is not None
        code = self._process.wait(STOP_SECONDS)
        self._process = None
        return code

    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None


def children(pid: int) -> set[tuple[int, str]]:
    """Every process below one now: its number and when it began."""
    found, parents = set[tuple[int, str]](), {str(pid)}
    while parents:
        rows = [row for row in processes() if row[1] in parents]
        found |= {(number, began) for number, _, began in rows}
        parents = {str(number) for number, _, _ in rows}
    return found


def tls_options(folder: Path | None, name: str) -> list[str]:
    """The options that name a machine's certificates; none without a folder of them."""
    if folder is None:
        return []
    return [
        f"--ca-file={folder / 'ca.pem'}",
        f"--certificate-file={folder / f'{name}.pem'}",
        f"--key-file={folder / f'{name}.key'}",
    ]


class Cluster:
    """A scheduler and workers below a folder.

    Args:
        folder: gets a folder for each process.
        certificates: folder of ``ca.pem``, ``NAME.pem`` and ``NAME.key``; None for no TLS.
    """

    def __init__(self, folder: Path, certificates: Path | None = None) -> None:
        self.folder = folder
        self.certificates = certificates
        self.scheme = "tcp" if certificates is None else "tls"
        self.scheduler = self._scheduler(0)
        self.scheduler.begin()
        self.address: str = self.scheduler.wait_for("scheduler_started")["address"]
        # Started again, it has to be where it was.
        self.scheduler = self._scheduler(int(self.address.rpartition(":")[2]), self.scheduler)
        self.workers: list[Program] = []

    def _scheduler(self, port: int, running: Program | None = None) -> Program:
        made = Program(
            self.folder / "scheduler",
            [
                sys.executable,
                "-m",
                "tflited",
                "scheduler",
                f"{self.scheme}://127.0.0.1:{port}",
                "--worker-ttl-seconds=15",
                "--log-format=json",
                *tls_options(self.certificates, "scheduler"),
            ],
        )
        if running is not None:
            made._process = running._process
        return made

    def add_worker(
        self, name: str, *options: str, program: Sequence[str] = ("-m", "tflited")
    ) -> Program:
        """Starts a worker and waits for nothing."""
        folder = self.folder / name
        made = Program(
            folder,
            [
                sys.executable,
                *program,
                "worker",
                self.address,
                f"--directory={folder / 'own'}",
                f"--name={name}",
                "--log-format=json",
                "--slots=1",
                *tls_options(self.certificates, name),
                *options,
            ],
        )
        made.begin()
        self.workers.append(made)
        return made

    def stop(self) -> None:
        """Stops everything; each must end well."""
        codes = [worker.stop() for worker in self.workers]
        codes.append(self.scheduler.stop())
        assert set(codes) == {0}, codes


@contextmanager
def running_cluster(
    folder: Path,
    workers: Sequence[str] = (),
    certificates: Path | None = None,
    program: Sequence[str] = ("-m", "tflited"),
) -> Iterator[Cluster]:
    """A cluster whose workers have joined; ended at the end."""
    cluster = Cluster(folder, certificates)
    try:
        for name in workers:
            cluster.add_worker(name, program=program)
        for worker in cluster.workers:
            worker.wait_for("scheduler_joined")
        yield cluster
    finally:
        cluster.stop()


def main_file(cluster: Cluster, *, slots: int = 2, ttl: float = 20) -> str:
    """What a daemon's main file says to use a cluster; it begins with ``[daemon]``."""
    lines = [
        "[daemon]",
        'executor = "dask"',
        "settle_seconds = 0.3",
        "[cluster]",
        f'scheduler = "{cluster.address}"',
        'data_listen = "127.0.0.1:0"',
        "share_paths = false",
        f"slots = {slots}",
        f"worker_ttl_seconds = {ttl}",
    ]
    folder = cluster.certificates
    if folder is not None:
        lines += [
            f'ca_file = "{folder / "ca.pem"}"',
            f'certificate_file = "{folder / "daemon.pem"}"',
            f'key_file = "{folder / "daemon.key"}"',
        ]
    return "\n".join(lines) + "\n"
