"""The messages systemd gets, read from a real datagram socket."""

import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tflited.telemetry.notify import Notifier, inherited_sockets


@pytest.fixture(params=["path", "abstract"])
def listener(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    """A socket such as systemd's, once as a file and once in the abstract namespace."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@{uuid.uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        bound.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield bound


def read(listener: socket.socket) -> dict[str, str]:
    lines = listener.recv(4096).decode().splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_ready_carries_the_status(listener: socket.socket) -> None:
    """The status is one line, whatever the text has."""
    Notifier.from_environment().ready("2 roots,\n  2 slots")

    assert read(listener) == {"READY": "1", "STATUS": "2 roots, 2 slots"}


def test_reloading_carries_the_monotonic_time(listener: socket.socket) -> None:
    """Systemd matches a reload with its request by this time."""
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    Notifier.from_environment().reloading()

    message = read(listener)
    assert message["RELOADING"] == "1"
    assert before <= int(message["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000


def test_the_other_messages(listener: socket.socket) -> None:
    """Stopping, status, watchdog and a longer timeout, in microseconds."""
    notifier = Notifier.from_environment()
    notifier.stopping()
    notifier.status("draining")
    notifier.watchdog()
    notifier.extend_timeout(1.5)

    assert read(listener)["STOPPING"] == "1"
    assert read(listener) == {"STATUS": "draining"}
    assert read(listener) == {"WATCHDOG": "1"}
    assert read(listener) == {"EXTEND_TIMEOUT_USEC": "1500000"}


def test_silent_without_a_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Started by hand, nothing is sent and nothing is said."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.setenv("WATCHDOG_USEC", "1000000")
    with capture_logs() as logs:
        notifier = Notifier.from_environment()
        notifier.ready("ready")

    assert (notifier.address, notifier.watchdog_seconds, logs) == ("", None, [])


def test_a_lost_message_is_logged(tmp_path: Path) -> None:
    """A service manager that went away does not end the daemon."""
    with capture_logs() as logs:
        Notifier(address=str(tmp_path / "gone")).watchdog()

    assert [entry["event"] for entry in logs] == ["notify_failed"]


@pytest.mark.parametrize(
    ("microseconds", "pid", "seconds"),
    [
        ("30000000", "own", 30.0),
        ("30000000", "", 30.0),
        ("30000000", "1", None),
        ("0", "own", None),
        ("soon", "own", None),
    ],
)
def test_the_watchdog_is_for_this_process(
    monkeypatch: pytest.MonkeyPatch, microseconds: str, pid: str, seconds: float | None
) -> None:
    """Only a time meant for this process counts."""
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/notify")
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    if pid:
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if pid == "own" else pid)

    assert Notifier.from_environment().watchdog_seconds == seconds


INHERIT = """
import os, socket
for number in (3, 4):  # what a service manager opens before it starts the program
    listener = socket.create_server(("127.0.0.1", 0))
    if listener.fileno() != number:
        os.dup2(listener.fileno(), number)
    listener.detach()
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="http:more")
from tflited.telemetry.notify import inherited_sockets
sockets = inherited_sockets()
print([each.fileno() for each in sockets], any(each.get_inheritable() for each in sockets))
print([socket.create_connection(each.getsockname(), 5).close() for each in sockets])
print(sorted(name for name in os.environ if name.startswith("LISTEN_")), inherited_sockets())
"""


def test_inherited_sockets_are_taken_once() -> None:
    """They listen, no child gets them, and a second call finds none."""
    command = [sys.executable, "-W", "ignore", "-c", INHERIT]
    result = subprocess.run(command, capture_output=True, text=True, check=True)

    assert result.stdout.splitlines() == ["[3, 4] False", "[None, None]", "[] ()"]


@pytest.mark.parametrize(
    ("pid", "count"), [("1", "1"), ("", "1"), ("own", ""), ("own", "some"), ("own", "-1")]
)
def test_sockets_of_another_process_are_left_alone(
    monkeypatch: pytest.MonkeyPatch, pid: str, count: str
) -> None:
    """Descriptor 3 is somebody's file where systemd did not hand it to this very process."""
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()) if pid == "own" else pid)
    monkeypatch.setenv("LISTEN_FDS", count)

    assert inherited_sockets() == ()
