"""A configuration read again while the real program runs."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon_process import DaemonProcess, running
from tflited.cli import main
from waiting import wait_until

RELOAD_SECONDS = 30


@pytest.fixture
def bad_file(daemon: DaemonProcess) -> Iterator[None]:
    """The main file with an unknown key, for the length of a test."""
    good = daemon.main_file.read_text()
    daemon.main_file.write_text(good + 'polcy = "mobile"\n')
    yield
    daemon.main_file.write_text(good)


@pytest.mark.usefixtures("bad_file")
def test_a_bad_file_on_hang_up_keeps_the_old_one(daemon: DaemonProcess) -> None:
    """The log names the key; the root is still watched."""
    start = daemon.log.stat().st_size
    daemon.hang_up()

    def told() -> str:
        text = daemon.log.read_text()[start:]
        return text if "reload_failed" in text else ""

    assert "polcy" in wait_until(told, RELOAD_SECONDS, what="reload_failed in the log")
    status = daemon.get("status")
    assert status["is_ready"]
    assert [root["name"] for root in status["roots"]] == ["models", "hub"]


def test_a_refused_reload_ends_for_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service manager sent the signal, and waits until the reload is told to be over."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("")  # an abstract name that the kernel chooses
        manager.settimeout(RELOAD_SECONDS)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + manager.getsockname()[1:].decode())
        with running(tmp_path) as daemon:
            daemon.main_file.write_text(daemon.main_file.read_text() + 'polcy = "mobile"\n')
            daemon.hang_up()
            words: list[str] = []
            while not any("polcy" in text for text in words):
                words.append(manager.recv(4096).decode())
    told = next(number for number, text in enumerate(words) if text.startswith("RELOADING=1"))
    assert "MONOTONIC_USEC=" in words[told]
    assert words[told + 1].startswith("READY=1\nSTATUS=the old configuration stays in force")


def test_a_good_file_comes_in_force(
    daemon: DaemonProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    """``tflited reload`` waits until the new root is there."""
    good = daemon.main_file.read_text()
    (daemon.main_file.parent / "more").mkdir()
    daemon.main_file.write_text(good + '[[root]]\nname = "more"\npath = "more"\n')
    try:
        assert main(["reload", "--config", str(daemon.main_file)]) == 0
        names = {root["name"] for root in daemon.get("status")["roots"]}
        assert names == {"models", "more", "hub"}  # the last is the daemon's own
    finally:
        daemon.main_file.write_text(good)
        main(["reload", "--config", str(daemon.main_file)])
    assert "in force" in capsys.readouterr().out
