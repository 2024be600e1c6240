"""Producers and readers that know nothing of FastStream: each broker's own plain client."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, Final

import aio_pika
import nats
import zmqtt
from redis import Redis
from redis.exceptions import RedisError
from zmqtt import QoS

from brokers import Server
from waiting import wait_until

READ_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Heard:
    """One message on a reply channel."""

    body: bytes
    correlation: str


@dataclass(slots=True)
class Reader:
    """What a reply channel brought so far."""

    heard: list[Heard] = field(default_factory=list)
    is_listening: bool = False


def send(
    server: Server, source: str, bodies: Sequence[bytes], *, reply_to: str = "", tag: str = ""
) -> None:
    """Sends messages as a foreign program does, and returns when the broker has them.

    Args:
        server: where to.
        source: stream, queue, subject or topic.
        bodies: one message each.
        reply_to: where the messages themselves ask for results.
        tag: their correlation id.
    """
    _SENDERS[server.scheme](server, source, bodies, reply_to, tag)


@contextmanager
def reading(server: Server, channel: str) -> Iterator[Reader]:
    """Reads a reply channel meanwhile."""
    reader = Reader()
    loop = asyncio.new_event_loop()
    task = loop.create_task(_READERS[server.scheme](server, channel, reader))

    def run() -> None:
        with suppress(asyncio.CancelledError, OSError, RedisError):  # a broker that is killed
            loop.run_until_complete(task)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    thread = Thread(target=run, name="reader")
    thread.start()
    wait_until(lambda: reader.is_listening or task.done(), READ_SECONDS, what="the reader")
    try:
        yield reader
    finally:
        if not task.done():
            loop.call_soon_threadsafe(task.cancel)
        thread.join(READ_SECONDS)


def _send_redis(
    server: Server, source: str, bodies: Sequence[bytes], reply_to: str, tag: str
) -> None:
    with Redis.from_url(server.url) as client:
        for body in bodies:
            fields: dict[Any, Any] = {"data": body}
            if reply_to:
                fields |= {"reply_to": reply_to, "correlation_id": tag}
            client.xadd(source, fields)


async def _read_redis(server: Server, channel: str, reader: Reader) -> None:
    last = b"0"
    with Redis.from_url(server.url) as client:
        reader.is_listening = True
        while True:
            for _, entries in client.xread({channel: last}) or ():
                for entry, fields in entries:
                    last = entry
                    tag = fields.get(b"correlation_id", b"").decode()
                    reader.heard.append(Heard(fields[b"data"], tag))
            await asyncio.sleep(0.05)


def _send_rabbit(
    server: Server, source: str, bodies: Sequence[bytes], reply_to: str, tag: str
) -> None:
    async def run() -> None:
        async with await aio_pika.connect(server.url) as connection:
            channel = await connection.channel()
            await channel.declare_queue(source, durable=True)
            for body in bodies:
                message = aio_pika.Message(
                    body, delivery_mode=2, reply_to=reply_to or None, correlation_id=tag or None
                )
                await channel.default_exchange.publish(message, source)

    asyncio.run(run())


async def _read_rabbit(server: Server, channel: str, reader: Reader) -> None:
    async with await aio_pika.connect(server.url) as connection:
        opened = await connection.channel()
        queue = await opened.declare_queue(channel, durable=True)
        reader.is_listening = True
        async with queue.iterator(no_ack=True) as messages:
            async for message in messages:
                reader.heard.append(Heard(message.body, message.correlation_id or ""))


def _send_nats(
    server: Server, source: str, bodies: Sequence[bytes], reply_to: str, tag: str
) -> None:
    async def run() -> None:
        client = await nats.connect(server.url)
        headers = {"reply_to": reply_to, "correlation_id": tag} if reply_to else None
        for body in bodies:
            await client.jetstream().publish(source, body, headers=headers)
        await client.close()

    asyncio.run(run())


async def _read_nats(server: Server, channel: str, reader: Reader) -> None:
    client = await nats.connect(server.url)
    subscription = await client.subscribe(channel)
    await client.flush()
    reader.is_listening = True
    try:
        async for message in subscription.messages:
            tag = (message.headers or {}).get("correlation_id", "")
            reader.heard.append(Heard(message.data, tag))
    finally:
        await client.close()


def _send_mqtt(
    server: Server, source: str, bodies: Sequence[bytes], reply_to: str, tag: str
) -> None:
    async def run() -> None:
        properties = zmqtt.PublishProperties(
            response_topic=reply_to or None, correlation_data=tag.encode() or None
        )
        async with zmqtt.create_client("127.0.0.1", server.port, version="5.0") as client:
            for body in bodies:
                await client.publish(source, body, qos=QoS.AT_LEAST_ONCE, properties=properties)

    asyncio.run(run())


async def _read_mqtt(server: Server, channel: str, reader: Reader) -> None:
    async with (
        zmqtt.create_client("127.0.0.1", server.port, version="5.0") as client,
        client.subscribe(channel, qos=QoS.AT_LEAST_ONCE) as subscription,
    ):
        reader.is_listening = True
        async for message in subscription:
            data = message.properties.correlation_data if message.properties else None
            reader.heard.append(Heard(message.payload, (data or b"").decode()))


_SENDERS: Final[dict[str, Callable[[Server, str, Sequence[bytes], str, str], None]]] = {
    "redis": _send_redis,
    "amqp": _send_rabbit,
    "nats": _send_nats,
    "mqtt": _send_mqtt,
}
_READERS: Final[dict[str, Callable[[Server, str, Reader], Any]]] = {
    "redis": _read_redis,
    "amqp": _read_rabbit,
    "nats": _read_nats,
    "mqtt": _read_mqtt,
}
