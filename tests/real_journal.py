"""A scene with systemd's own journald: the real daemon runs as its service manager starts it."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from daemon_process import DaemonProcess, Process
from namespaced import mount
from waiting import wait_until

PROGRAM = "/usr/lib/systemd/systemd-journald"
NAMESPACE = "tflited"
START_SECONDS = 30


@contextmanager
def journald() -> Iterator[None]:
    """The journal at its usual place, in this mount namespace only."""
    for covered in ("/run/systemd", "/var/log"):
        mount("-t", "tmpfs", "tmpfs", covered)
    Path("/var/log/journal").mkdir()
    # One with a name of its own reads no kernel messages.
    with subprocess.Popen([PROGRAM, NAMESPACE], stderr=subprocess.DEVNULL) as process:
        place = Path(f"/run/systemd/journal.{NAMESPACE}")
        wait_until((place / "socket").is_socket, START_SECONDS, what="journald")
        Path("/run/systemd/journal").symlink_to(place.name)
        try:
            yield
        finally:
            process.terminate()


def as_service(main_file: Path, _: Path) -> Process:
    """Starts the program with its output connected to the journal, as systemd does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.connect("/run/systemd/journal/stdout")
        # Identifier, unit, priority, and no to: level prefix, syslog, kernel log, console.
        stream.sendall(b"plain\n\n6\n0\n0\n0\n0\n")
        status = os.fstat(stream.fileno())
        return subprocess.Popen(
            [sys.executable, "-m", "tflited", "serve", "--config", str(main_file)],
            stdout=stream.fileno(),
            stderr=stream.fileno(),
            env={**os.environ, "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"},
        )


def entries(*matches: str) -> list[dict[str, Any]]:
    """What the journal has, as journalctl tells it."""
    command = ["journalctl", f"--namespace={NAMESPACE}", "-o", "json", "--all"]
    subprocess.run([*command[:2], "--sync"], check=True)
    told = subprocess.run([*command, *matches], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in told.stdout.splitlines()]


def main() -> None:
    """Builds one model under the journal, and prints the entries of its job and of the stream."""
    folder = Path(sys.argv[2])
    with journald():
        daemon = DaemonProcess(folder, as_service)
        daemon.main_file.write_text(daemon.main_file.read_text().replace('"json"', '"auto"'))
        (folder / "model.keras").rename(daemon.root / "model.keras")
        daemon.start()
        daemon.wait_for("model.keras", "published")
        daemon.stop()
        seen = {"job": entries("TFLITED_JOB_ID=1"), "stream": entries("SYSLOG_IDENTIFIER=plain")}
    print(json.dumps(seen))  # noqa: T201  # the answer


if __name__ == "__main__":
    main()
