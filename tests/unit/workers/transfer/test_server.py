"""Peers that are slow, silent or too many cost one connection each, for a while."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from threading import Event, Thread
from time import monotonic

import pytest
import structlog

from tflited.workers.transfer import server as module
from tflited.workers.transfer.server import Connection, Server
from waiting import wait_until

MakeServer = Callable[..., tuple[Server, tuple[str, int]]]


@pytest.fixture
def make_server() -> Iterator[MakeServer]:
    with ExitStack() as stack:

        def make(
            serve: Callable[[Connection], None], most_connections: int = 8
        ) -> tuple[Server, tuple[str, int]]:
            listener = socket.create_server(("127.0.0.1", 0))
            address = listener.getsockname()
            server = Server(listener, None, serve, most_connections=most_connections)
            server.start()
            stack.callback(server.stop, 5.0)
            return server, address

        yield make


def echo(connection: Connection) -> None:
    """Sends back what comes; each byte counts."""
    while chunk := connection.socket.recv(1000):
        connection.earn(len(chunk))
        connection.socket.sendall(chunk)


def echoing(seconds: float) -> Callable[[Connection], None]:
    """The same for a peer with so little time at first."""

    def serve(connection: Connection) -> None:
        connection.allow(seconds)
        echo(connection)

    return serve


def test_a_silent_peer_is_cut_off(make_server: MakeServer) -> None:
    """Whoever connects and says nothing is gone after the time for a head, and told of."""
    _, address = make_server(echoing(0.3))
    with (
        structlog.testing.capture_logs() as logged,
        socket.create_connection(address, timeout=20) as line,
    ):
        assert line.recv(1) == b""
    assert [event["event"] for event in logged] == ["depot_connection_cut"]


def test_a_peer_that_trickles_is_cut_off(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte now and then earns next to nothing."""
    monkeypatch.setattr(module, "SLOWEST_BYTES_PER_SECOND", 1000.0)
    _, address = make_server(echoing(0.5))
    with socket.create_connection(address, timeout=20) as line:
        end, answers = monotonic() + 20, 0
        while monotonic() < end:
            try:
                line.sendall(b"x")
                if not line.recv(1):
                    break
            except ConnectionError:
                break
            answers += 1
            Event().wait(0.02)
        assert monotonic() < end
        assert answers > 1


def test_a_peer_that_takes_nothing_is_cut_off(make_server: MakeServer) -> None:
    """Also while the daemon waits for room in its sending buffer."""
    ended = Event()

    def send(connection: Connection) -> None:
        connection.allow(0.3)
        try:
            connection.socket.sendall(b"x" * 50_000_000)
        finally:
            ended.set()

    _, address = make_server(send)
    with socket.create_connection(address, timeout=20):
        assert ended.wait(20)


def test_a_steady_peer_is_not_cut_off(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it takes: bytes move the deadline."""
    monkeypatch.setattr(module, "SLOWEST_BYTES_PER_SECOND", 10.0)
    _, address = make_server(echoing(2.0))
    with socket.create_connection(address, timeout=20) as line:
        end = monotonic() + 3.0
        while monotonic() < end:
            line.sendall(b"x" * 100)
            assert line.recv(100)
            Event().wait(0.05)


def test_connections_are_bounded(make_server: MakeServer) -> None:
    """The next one waits until one ends, and is served then."""
    server, address = make_server(echo, 2)
    first, second = (socket.create_connection(address, timeout=20) for _ in range(2))
    wait_until(lambda: len(server._open) == 2, 20)
    with socket.create_connection(address, timeout=0.5) as third:
        third.sendall(b"x")
        with pytest.raises(TimeoutError):
            third.recv(1)
        first.close()
        third.settimeout(20)
        assert third.recv(1) == b"x"
    second.close()


def test_a_stop_ends_every_connection(make_server: MakeServer) -> None:
    """Within its deadline, whatever the peer does."""
    server, address = make_server(echo)
    with socket.create_connection(address, timeout=20) as line:
        line.sendall(b"x")
        assert line.recv(1)
        stopping = Thread(target=server.stop, args=(10.0,))
        stopping.start()
        assert line.recv(1) == b""
        stopping.join(20)
        assert not server._open
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=20)
