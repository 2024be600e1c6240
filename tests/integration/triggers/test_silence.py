"""A server that takes connections and says nothing, as one that hangs or is another program."""

import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from broker_doors import OpenDoor
from fakes.stored_world import StoredWorld
from tflited.domain.broker import BrokerSettings
from waiting import wait_until


class Silent:
    """Accepts and keeps quiet."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(0.1)
        self.port = int(self.listener.getsockname()[1])
        self.accepted: list[socket.socket] = []
        self._over = Event()
        self._thread = Thread(target=self._run, name="silent")
        self._thread.start()

    def close(self) -> None:
        """Hangs up on everybody."""
        self._over.set()
        self._thread.join(10)
        for each in (*self.accepted, self.listener):
            each.close()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self.accepted.append(self.listener.accept()[0])
            except TimeoutError:
                continue


@pytest.fixture
def silent() -> Iterator[Silent]:
    server = Silent()
    yield server
    server.close()


@pytest.mark.parametrize("scheme", ["redis", "amqp", "nats", "mqtt"])
def test_silent_server_is_given_up_and_does_not_keep_the_door(
    silent: Silent, scheme: str, open_door: OpenDoor, tmp_path: Path
) -> None:
    """No answer is a reason after a bounded time, and the stop is quick even in the midst of it."""
    world = StoredWorld(tmp_path)
    settings = BrokerSettings(url=f"{scheme}://127.0.0.1:{silent.port}")
    with world.open(), open_door(settings, world) as door:
        wait_until(lambda: door.shown == [False], 30, what="the reason to be told")
        seen = len(silent.accepted)
        wait_until(lambda: len(silent.accepted) > seen, 30, what="the next try")
