"""Which doors the real program opens."""

import socket
from pathlib import Path

import pytest

from daemon_process import MAIN_FILE, DaemonProcess


def test_http_that_is_switched_off_is_not_listened_on(tmp_path: Path) -> None:
    """``http.enabled = false`` leaves the control socket, and the commands that go through it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        host, port = free.getsockname()
    daemon = DaemonProcess(tmp_path)
    text = MAIN_FILE.replace('listen = "127.0.0.1:0"', f'enabled = false\nlisten = "{host}:{port}"')
    assert "enabled" in text
    daemon.main_file.write_text(text)
    daemon.start()
    try:
        assert daemon.get("status")["is_ready"]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, port))
    finally:
        daemon.stop()
