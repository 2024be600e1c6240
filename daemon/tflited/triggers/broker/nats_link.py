"""NATS JetStream: a durable pull consumer with explicit acknowledgement."""

import asyncio
import hashlib
import re

from faststream.nats import JStream, NatsBroker
from faststream.nats.security import NatsSecurity, NatsToken, NatsUserPassword
from faststream.nats.subscriber.usecases import PullStreamSubscriber
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import AckPolicy as NatsAckPolicy
from nats.js.api import ConsumerConfig
from nats.js.errors import NotFoundError

from tflited.errors import BrokerError
from tflited.triggers.broker.access import Access
from tflited.triggers.broker.delivery import Reply, Take
from tflited.triggers.broker.handler import OPTIONS, hand_over

_ACK_WAIT_SECONDS = 10.0
"""After which the server takes a message for lost; longer holds are renewed."""
_FETCH_SECONDS = 5.0
_CONNECT_SECONDS = 5
_LONGEST_NAME = 32


class NatsLink:
    """Implements ``Link`` over one subject; used once."""

    def __init__(self, access: Access) -> None:
        settings = access.settings
        self._settings = settings
        self._stream = ""
        self._client: Client | None = None
        self._reader: asyncio.Task[None] | None = None
        self._durable = _name(settings.group)
        self._broker = NatsBroker(
            settings.url,
            security=_security(access),
            allow_reconnect=False,
            connect_timeout=_CONNECT_SECONDS,
            max_reconnect_attempts=1,
            reconnect_time_wait=1,
            **OPTIONS,
        )

    async def open(self, take: Take) -> None:
        """Connects, makes the stream where no stream holds the subject, and begins to read."""
        self._client = await self._broker.connect()
        jetstream = self._client.jetstream()
        self._stream = await _stream_of(jetstream, self._settings.source)
        config = ConsumerConfig(
            durable_name=self._durable,
            filter_subject=self._settings.source,
            ack_policy=NatsAckPolicy.EXPLICIT,
            ack_wait=_ACK_WAIT_SECONDS,
            max_ack_pending=self._settings.prefetch,
        )
        await jetstream.add_consumer(self._stream, config)
        subscriber = self._broker.subscriber(
            self._settings.source,
            stream=JStream(self._stream, declare=False),
            durable=self._durable,
            config=config,
            pull_sub=True,
        )
        await self._broker.start()
        self._reader = asyncio.create_task(self._read(subscriber, self._client, take))

    async def check(self) -> None:
        """Asks for the consumer: a lost connection and a deleted consumer both raise."""
        if self._client is None or not self._client.is_connected:
            raise BrokerError("The connection is lost.")
        if self._reader is not None and self._reader.done():
            await self._reader
        await self._client.jetstream().consumer_info(self._stream, self._durable)

    async def publish(self, reply: Reply) -> None:
        """Publishes to a subject, and waits until the server has it."""
        await self._broker.publish(
            reply.body, subject=reply.channel, correlation_id=reply.correlation
        )
        if self._client is not None:
            await self._client.flush(_CONNECT_SECONDS)

    async def close(self) -> None:
        """Ends the connection."""
        if self._reader is not None:
            self._reader.cancel()
        if self._client is not None:  # the broker's own stop would wait for messages that we hold
            await self._client.close()

    async def _read(self, subscriber: PullStreamSubscriber, client: Client, take: Take) -> None:
        """Takes one message after the other.

        FastStream's own loop asks a closed connection again without a pause, which would stop
        everything else on this thread.
        """
        while not client.is_closed:
            message = await subscriber.get_one(timeout=_FETCH_SECONDS)
            if message is not None:
                seen = message.raw_message.metadata
                identity = f"{self._stream} {seen.sequence.stream} {seen.timestamp.isoformat()}"
                correlation = message.headers.get("correlation_id", "")
                await hand_over(message, take, identity=identity, correlation=correlation)
        raise BrokerError("The connection was closed.")


async def _stream_of(jetstream: JetStreamContext, subject: str) -> str:
    try:
        return str(await jetstream.find_stream_name_by_subject(subject))
    except NotFoundError:
        name = _name(subject)
        await jetstream.add_stream(name=name, subjects=[subject])
        return name


def _name(text: str) -> str:
    """A name of JetStream, which has no dots, wildcards and spaces; a hash tells those apart."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", text)
    if plain == text and len(plain) <= _LONGEST_NAME:
        return plain
    return f"{plain[:_LONGEST_NAME]}_{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def _security(access: Access) -> NatsSecurity | None:
    if access.user:
        return NatsUserPassword(access.user, access.password, ssl_context=access.tls)
    if access.password:
        return NatsToken(access.password, ssl_context=access.tls)
    return NatsSecurity(ssl_context=access.tls) if access.tls else None
