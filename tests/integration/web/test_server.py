"""The listeners: which addresses are taken, what is left behind, and how they end."""

import os
import socket
import stat
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from fakes.control import FakeControl
from fakes.http_client import Answer, Daemon, UnixConnection, ask, render, serve
from tflited.errors import CannotStartError
from tflited.web.api import create_app
from tflited.web.server import HttpServer
from waiting import wait_until

THREADS = 40  # of the pool that runs calls into the engine; anyio's own number


def test_the_socket_is_for_owner_and_group(daemon: Daemon) -> None:
    """Whatever the umask, the mode is 0660."""
    assert stat.S_IMODE(daemon.path.stat().st_mode) == 0o660


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    """What a killed daemon left behind does not stop the next start."""
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    server = serve(FakeControl(), path)
    server.start()

    assert ask(UnixConnection(path), "GET", "/livez", None, {}).status == 200
    server.stop(5)


def test_a_socket_that_answers_is_left_alone(daemon: Daemon) -> None:
    """A second daemon does not take the first one's clients away."""
    with pytest.raises(CannotStartError, match="answers"):
        serve(FakeControl(), daemon.path).start()

    assert daemon.unix("GET", "/livez").status == 200


def test_a_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    """Something that is no socket is not the daemon's to remove."""
    path = tmp_path / "control.sock"
    path.write_text("precious")

    with pytest.raises(CannotStartError, match="no socket"):
        serve(FakeControl(), path).start()
    assert path.read_text() == "precious"


def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    """The message names the path."""
    with pytest.raises(CannotStartError, match=r"nowhere/control\.sock"):
        serve(FakeControl(), tmp_path / "nowhere" / "control.sock").start()


def test_a_taken_port_is_told(daemon: Daemon, tmp_path: Path) -> None:
    """The message names the port, and the second socket is not left behind."""
    port = daemon.server.port
    assert port is not None
    with pytest.raises(CannotStartError, match=str(port)):
        serve(FakeControl(), tmp_path / "second.sock", port=port).start()

    assert not (tmp_path / "second.sock").exists()


def test_only_loopback_is_bound_without_tokens(tmp_path: Path) -> None:
    """No other machine may ask then; the settings refuse it too, but not inherited sockets."""
    host = "0.0.0.0"  # noqa: S104 - refused
    app = create_app(FakeControl(), render, version="1")

    with pytest.raises(CannotStartError, match="allowed localhost"):
        HttpServer(app, host=host, port=0, socket=tmp_path / "s").start()


def test_inherited_sockets_are_served(tmp_path: Path) -> None:
    """Listeners of the service manager are used as they are, and its file stays at the end."""
    path = tmp_path / "inherited.sock"
    tcp = socket.create_server(("127.0.0.1", 0))
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(path))
    unix.listen()
    port = tcp.getsockname()[1]
    own = tmp_path / "own.sock"
    app = create_app(FakeControl(), render, version="1")
    server = HttpServer(app, host="127.0.0.1", port=1, socket=own, inherited=(tcp, unix))
    server.start()
    client = Daemon(FakeControl(), server, path)

    assert server.port == port
    assert client.tcp("POST", "/api/v1/rebuild-stale").status == 401
    assert client.unix("POST", "/api/v1/rebuild-stale").status == 200
    server.stop(5)
    assert path.exists()
    assert not own.exists()


def test_without_tcp_only_the_control_socket_is_served(tmp_path: Path) -> None:
    """What the configuration switches off stays off, also where the service manager listens."""
    tcp = socket.create_server(("127.0.0.1", 0))
    address = tcp.getsockname()
    path = tmp_path / "own.sock"
    app = create_app(FakeControl(), render, version="1")
    server = HttpServer(app, host="127.0.0.1", port=None, socket=path, inherited=(tcp,))
    with capture_logs() as logs:
        server.start()

    assert [(log["event"], log["address"]) for log in logs] == [("http_disabled", address)]
    assert server.port is None
    assert Daemon(FakeControl(), server, path).unix("GET", "/livez").status == 200
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
    server.stop(5)
    assert not path.exists()


def test_what_is_not_inherited_is_bound(tmp_path: Path) -> None:
    """With an inherited port alone, the control socket is the daemon's own as ever."""
    tcp = socket.create_server(("127.0.0.1", 0))
    path = tmp_path / "own.sock"
    app = create_app(FakeControl(), render, version="1")
    server = HttpServer(app, host="127.0.0.1", port=0, socket=path, inherited=(tcp,))
    server.start()

    assert Daemon(FakeControl(), server, path).unix("GET", "/livez").status == 200
    server.stop(5)
    assert not path.exists()


def test_liveness_is_told_while_calls_hang(tmp_path: Path) -> None:
    """Calls into the engine that never end may take every thread, not the answer to a probe."""
    go_on = threading.Event()
    entered = threading.Semaphore(0)

    class Hanging(FakeControl):
        def why(self, path: str) -> Any:
            entered.release()
            go_on.wait(30)
            return super().why(path)

    path = tmp_path / "control.sock"
    server = serve(Hanging(), path)
    server.start()
    with ExitStack() as clients:
        clients.callback(server.stop, 5)
        clients.callback(go_on.set)
        for _ in range(THREADS + 1):
            client = clients.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(str(path))
            client.sendall(b"GET /api/v1/why?path=x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert all(entered.acquire(timeout=10) for _ in range(THREADS))

        assert ask(UnixConnection(path), "GET", "/livez", None, {}).status == 200


def test_stop_ends_the_thread_and_the_socket(tmp_path: Path) -> None:
    """Nothing is left: no thread, no file, no open port; stopping twice is nothing."""
    server = serve(FakeControl(), tmp_path / "control.sock")
    server.start()
    assert "http" in {thread.name for thread in threading.enumerate()}
    server.stop(5)
    server.stop(5)

    assert "http" not in {thread.name for thread in threading.enumerate()}
    assert not (tmp_path / "control.sock").exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)


def test_stop_keeps_a_successors_socket(tmp_path: Path) -> None:
    """A file that another daemon has put there meanwhile stays."""
    path = tmp_path / "control.sock"
    server = serve(FakeControl(), path)
    server.start()
    path.rename(tmp_path / "old.sock")  # holds the inode, so that it is not given out again
    with socket.socket(socket.AF_UNIX) as successor:
        successor.bind(str(path))
        server.stop(5)

    assert path.exists()


def test_stop_waits_for_a_request_under_way(tmp_path: Path) -> None:
    """An answer that was begun is finished before the listener closes."""
    entered, go_on = threading.Event(), threading.Event()

    class Slow(FakeControl):
        def why(self, path: str) -> Any:
            entered.set()
            go_on.wait(10)
            return super().why(path)

    server = serve(Slow(), tmp_path / "control.sock")
    server.start()
    answers: list[Answer] = []
    connection = UnixConnection(tmp_path / "control.sock")
    client = threading.Thread(
        target=lambda: answers.append(ask(connection, "GET", "/api/v1/why?path=x", None, {}))
    )
    client.start()
    assert entered.wait(30)
    stopper = threading.Thread(target=server.stop, args=(5,))
    stopper.start()
    go_on.set()
    client.join(5)
    stopper.join(10)

    assert [answer.status for answer in answers] == [200]
    assert not stopper.is_alive()


def test_stop_does_not_wait_for_ever(tmp_path: Path) -> None:
    """A call into the engine that hangs costs the deadline; its request is cut off."""
    entered, go_on = threading.Event(), threading.Event()

    class Hanging(FakeControl):
        def why(self, path: str) -> Any:
            entered.set()
            go_on.wait(30)
            return super().why(path)

    server = serve(Hanging(), tmp_path / "control.sock")
    server.start()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "control.sock"))
        client.sendall(b"GET /api/v1/why?path=x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert entered.wait(30)
        before = time.monotonic()
        server.stop(1)
        seconds = time.monotonic() - before
        go_on.set()

    assert seconds < 10
    assert not (tmp_path / "control.sock").exists()
    wait_until(lambda: "http" not in {each.name for each in threading.enumerate()}, 10)


def test_the_umask_does_not_open_the_socket(tmp_path: Path) -> None:
    """Under a umask of 0 the file is still closed to others."""
    before = os.umask(0)
    try:
        server = serve(FakeControl(), tmp_path / "control.sock")
        server.start()
    finally:
        os.umask(before)
    mode = stat.S_IMODE((tmp_path / "control.sock").stat().st_mode)
    server.stop(5)

    assert mode == 0o660
