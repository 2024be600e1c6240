"""Servers, doors and floods for tests of message brokers; a conftest.py takes the fixtures."""

import gc
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from brokers import SERVERS, RabbitServer, Server
from fakes.stored_world import StoredWorld, a_document
from producers import send
from tflited.domain.broker import BrokerSettings
from tflited.domain.control import Control
from tflited.domain.job import ACTIVE, Job, JobState, TriggerSource
from tflited.domain.trigger import TriggerReceipt
from tflited.errors import TflitedError
from tflited.triggers.broker.door import BrokerDoor
from waiting import wait_until

# Connections of zmqtt and aio-pika that die while they open or close are left to the garbage
# collector. They are collected at once, where that is known, not in whichever test comes later.
LEFT_BEHIND = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
BACK_SECONDS = 40.0
TAKE_SECONDS = 30.0
KINDS = tuple(SERVERS)
OpenDoor = Callable[..., AbstractContextManager[Any]]


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


class Stumbling:
    """A control that fails first, as on a full disk; then it passes everything on.

    Args:
        control: the real one.
        failures: what the first submissions raise.
    """

    def __init__(self, control: Control, failures: list[TflitedError]) -> None:
        self._control = control
        self.failures = failures
        self.submitted = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._control, name)

    def submit(self, document: bytes, source: TriggerSource) -> TriggerReceipt:
        """Fails or passes on."""
        self.submitted += 1
        if self.failures:
            raise self.failures.pop(0)
        return self._control.submit(document, source)


def triggered(world: StoredWorld) -> list[Job]:
    """Every job that a trigger made, oldest first."""
    jobs = world.stored.jobs(limit=5000)
    return sorted((job for job in jobs if job.trigger_id is not None), key=lambda job: job.id)


def wait_triggered(world: StoredWorld, count: int) -> list[Job]:
    """Waits for so many jobs of triggers."""
    wait_until(lambda: len(triggered(world)) >= count, TAKE_SECONDS, what=f"{count} jobs")
    return triggered(world)


def flood(server: Server, source: str, open_door: OpenDoor, world: StoredWorld, count: int) -> None:
    """Sends so many triggers, every tenth twice: each id has one job, none is built twice."""
    models = len(world.paths)
    ids = [f"t{number}" for number in range(count)]
    bodies = [a_document(f"m{number % models}", id=name) for number, name in enumerate(ids)]
    repeated = bodies[::10]
    settings = BrokerSettings(url=server.url, source=source, prefetch=50)
    control = Stumbling(world.control(), [])
    with world.open(), open_door(settings, world, control) as door:
        door.wait_connected()
        send(server, source, [*bodies, *repeated])
        wait_until(
            lambda: control.submitted >= count + len(repeated),
            2 * TAKE_SECONDS,
            what="every message",
        )
        wait_until(
            lambda: not world.stored.jobs(states=tuple(ACTIVE)), TAKE_SECONDS, what="the last job"
        )
        jobs = triggered(world)
        built = [request.attempt.split(".")[0] for request in world.executor.requests]
    assert sorted(str(job.trigger_id) for job in jobs) == sorted(ids)
    assert len(built) == len(set(built))
    ends = {JobState.PUBLISHED, JobState.UNCHANGED, JobState.SUPERSEDED}
    assert {job.state for job in jobs} <= ends
    assert door.shown == [True]


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
