"""A configuration read again while the real program runs."""

from collections.abc import Iterator

import pytest

from daemon_process import DaemonProcess
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
