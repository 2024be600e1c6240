"""Servers and doors for the tests of message brokers."""

import gc
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from brokers import SERVERS, RabbitServer, Server
from fakes.stored_world import StoredWorld
from tflited.domain.broker import BrokerSettings
from tflited.domain.control import Control
from tflited.triggers.broker.door import BrokerDoor
from waiting import wait_until

# Connections of zmqtt and aio-pika that die while they open or close are left to the garbage
# collector. They are collected at once, where that is known, not in whichever test comes later.
LEFT_BEHIND = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
BACK_SECONDS = 40.0
KINDS = tuple(SERVERS)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Every test here may meet such a connection."""
    item.add_marker(LEFT_BEHIND)


@pytest.fixture(autouse=True)
def connections_left_behind() -> Iterator[None]:
    yield
    gc.collect()


class Door(BrokerDoor):
    """A door that remembers what it showed.

    Args:
        settings: which broker.
        world: whose engine takes the triggers.
        control: instead of the world's own.
    """

    def __init__(
        self, settings: BrokerSettings, world: StoredWorld, control: Control | None = None
    ) -> None:
        self.shown: list[bool] = []
        super().__init__(
            settings,
            control or world.control(),
            world.folder,
            directory_of=lambda job: world.publisher.directory(job.model, job.save_to),
            show_connected=self.shown.append,
        )

    def wait_connected(self) -> None:
        """Waits for the connection."""
        wait_until(self._is_connected, BACK_SECONDS, what="the connection")

    def wait_lost(self) -> str:
        """Waits until the connection is lost; returns the reason that is told."""
        wait_until(lambda: not self._is_connected(), BACK_SECONDS, what="the loss to be seen")
        return self.checks()[0].reason

    def _is_connected(self) -> bool:
        return self.checks()[0].is_ok


@pytest.fixture(scope="session")
def rabbit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The one RabbitMQ of the run: its start takes five seconds."""
    server = RabbitServer(tmp_path_factory.mktemp("rabbit"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A running server of each kind."""
    if request.param == "rabbitmq":
        yield request.getfixturevalue("rabbit")
        return
    server = SERVERS[request.param](tmp_path / "server")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def source() -> str:
    """A name that no other test uses."""
    return f"triggers-{secrets.token_hex(4)}"


@pytest.fixture
def open_door() -> Callable[..., AbstractContextManager[Door]]:
    """Opens a door over a world, and closes it within its deadline."""

    @contextmanager
    def opened(
        settings: BrokerSettings, world: StoredWorld, control: Control | None = None
    ) -> Iterator[Door]:
        door = Door(settings, world, control)
        door.start()
        try:
            yield door
        finally:
            door.stop(10)
            assert not door._thread.is_alive()

    return opened
