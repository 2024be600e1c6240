"""Floods of triggers through real brokers, also while the broker is killed."""

from pathlib import Path

import pytest

from broker_doors import TAKE_SECONDS, OpenDoor, Stumbling, flood, triggered
from brokers import Server
from fakes.stored_world import StoredWorld, a_document
from producers import send
from tflited.domain.broker import BrokerSettings
from waiting import wait_until


def test_thousand_triggers_over_twenty_models_lose_nothing(
    server: Server, source: str, open_door: OpenDoor, tmp_path: Path
) -> None:
    """A flood with repetitions: every id has one job, and no job is built twice."""
    flood(server, source, open_door, StoredWorld(tmp_path, models=20), 1000)


@pytest.mark.parametrize("server", ["redis", "rabbitmq", "nats"], indirect=True)
def test_broker_killed_in_the_midst_of_a_flood_loses_nothing(
    server: Server, source: str, open_door: OpenDoor, tmp_path: Path
) -> None:
    """What was not acknowledged comes again, and is the same trigger again.

    Not with Mosquitto: after SIGKILL it has what it saved last, not what it acknowledged last.
    """
    world = StoredWorld(tmp_path, models=5)
    ids = [f"t{number}" for number in range(300)]
    settings = BrokerSettings(url=server.url, source=source)
    control = Stumbling(world.control(), [])
    with world.open(), open_door(settings, world, control) as door:
        door.wait_connected()
        send(
            server,
            source,
            [a_document(f"m{number % 5}", id=name) for number, name in enumerate(ids)],
        )
        wait_until(lambda: control.submitted > 50, TAKE_SECONDS, what="some of them")
        server.kill()
        server.start()
        wait_until(
            lambda: all(world.stored.job_of_trigger(name) for name in reversed(ids)),
            2 * TAKE_SECONDS,
            what="every job",
        )
        assert len(triggered(world)) == len(ids)
