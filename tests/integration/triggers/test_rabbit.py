"""What is RabbitMQ's own: a queue that somebody deletes, and a reply queue that is not there."""

import asyncio
from pathlib import Path

import aio_pika
from structlog.testing import capture_logs

from broker_doors import TAKE_SECONDS, OpenDoor
from brokers import Server
from fakes.stored_world import StoredWorld, a_document
from producers import send
from tflited.domain.broker import BrokerSettings
from waiting import wait_until


def delete_queue(server: Server, name: str) -> None:
    """As an operator might."""

    async def run() -> None:
        async with await aio_pika.connect(server.url) as connection:
            channel = await connection.channel()
            await channel.queue_delete(name)

    asyncio.run(run())


def test_deleted_queue_is_made_anew(
    rabbit: Server, source: str, open_door: OpenDoor, tmp_path: Path
) -> None:
    """The broker says nothing to a consumer whose queue went; the next look finds out."""
    world = StoredWorld(tmp_path)
    with world.open(), open_door(BrokerSettings(url=rabbit.url, source=source), world) as door:
        door.wait_connected()
        delete_queue(rabbit, source)
        door.wait_lost()
        door.wait_connected()
        send(rabbit, source, [a_document(id="t1")])
        wait_until(lambda: world.stored.job_of_trigger("t1"), TAKE_SECONDS, what="the job")


def test_reply_queue_that_is_not_there_costs_the_reply_alone(
    rabbit: Server, source: str, open_door: OpenDoor, tmp_path: Path
) -> None:
    """The trigger is done, the message acknowledged, the connection kept, the failure logged."""
    world = StoredWorld(tmp_path)
    settings = BrokerSettings(url=rabbit.url, source=source)
    with capture_logs() as logs, world.open(), open_door(settings, world) as door:
        door.wait_connected()
        send(rabbit, source, [a_document(id="t1")], reply_to=f"{source}-nowhere")
        wait_until(
            lambda: [log for log in logs if log["event"] == "broker_reply_failed"][1:],
            TAKE_SECONDS,
            what="both failures to be told",
        )
        wait_until(
            lambda: not list(tmp_path.glob("broker/*")), TAKE_SECONDS, what="nothing to be owed"
        )
        assert door.shown == [True]
    assert world.recorder.told.count(("trigger_received", None)) == 1
