"""NATS JetStream: a durable pull consumer with explicit acknowledgement."""

import hashlib
import re

from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from faststream.nats.security import NatsSecurity, NatsToken, NatsUserPassword
from nats.js import JetStreamContext
from nats.js.api import AckPolicy as NatsAckPolicy
from nats.js.api import ConsumerConfig
from nats.js.errors import NotFoundError

from tflited.triggers.broker.access import Access
from tflited.triggers.broker.delivery import Reply, Take
from tflited.triggers.broker.handler import OPTIONS, hand_over

_ACK_WAIT_SECONDS = 30.0
_FETCH_SECONDS = 5.0
_CONNECT_SECONDS = 5
_LONGEST_NAME = 32


class NatsLink:
    """Implements ``Link`` over one subject; used once."""

    def __init__(self, access: Access) -> None:
        settings = access.settings
        self._settings = settings
        self._stream = ""
        self._durable = _name(settings.group)
        self._broker = NatsBroker(
            settings.url,
            security=_security(access),
            allow_reconnect=False,
            connect_timeout=_CONNECT_SECONDS,
            max_reconnect_attempts=1,
            **OPTIONS,
        )

    async def open(self, take: Take) -> None:
        """Connects, makes the stream where no stream holds the subject, and begins to read."""
        self._stream = await _stream_of(await self._jetstream(), self._settings.source)

        async def handle(message: NatsMessage) -> None:
            seen = message.raw_message.metadata
            identity = f"{self._stream} {seen.sequence.stream} {seen.timestamp.isoformat()}"
            await hand_over(message, take, identity)

        subscriber = self._broker.subscriber(
            self._settings.source,
            stream=JStream(self._stream, declare=False),
            durable=self._durable,
            config=ConsumerConfig(
                ack_policy=NatsAckPolicy.EXPLICIT,
                ack_wait=_ACK_WAIT_SECONDS,
                max_ack_pending=self._settings.prefetch,
            ),
            pull_sub=PullSub(batch_size=self._settings.prefetch, timeout=_FETCH_SECONDS),
            ack_policy=AckPolicy.MANUAL,
        )
        subscriber(handle)
        await self._broker.start()

    async def check(self) -> None:
        """Asks for the consumer: a lost connection and a deleted consumer both raise."""
        await (await self._jetstream()).consumer_info(self._stream, self._durable)

    async def publish(self, reply: Reply) -> None:
        """Publishes to a subject, and waits until the server has it."""
        await self._broker.publish(
            reply.body, subject=reply.channel, correlation_id=reply.correlation
        )
        await (await self._broker.connect()).flush(_CONNECT_SECONDS)

    async def close(self) -> None:
        """Ends the connection."""
        client = await self._broker.connect() if self._broker.running else None
        if client is not None:  # the broker's own stop would wait for messages that we hold
            await client.close()
        await self._broker.stop()

    async def _jetstream(self) -> JetStreamContext:
        return (await self._broker.connect()).jetstream()


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
