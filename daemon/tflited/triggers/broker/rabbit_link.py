"""RabbitMQ: one durable queue, a bounded prefetch, and an acknowledgement after the store."""

from aio_pika.abc import AbstractRobustChannel
from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitMessage, RabbitQueue
from faststream.security import BaseSecurity, SASLPlaintext

from tflited.errors import BrokerError
from tflited.triggers.broker.access import Access
from tflited.triggers.broker.delivery import Reply, Take
from tflited.triggers.broker.handler import OPTIONS, hand_over

_CONNECT_SECONDS = 5.0


class RabbitLink:
    """Implements ``Link`` over one queue; used once."""

    def __init__(self, access: Access) -> None:
        settings = access.settings
        self._settings = settings
        self._probe: AbstractRobustChannel | None = None
        self._channel = Channel(prefetch_count=settings.prefetch)
        self._broker = RabbitBroker(
            settings.url,
            security=_security(access),
            timeout=_CONNECT_SECONDS,
            default_channel=Channel(on_return_raises=True),
            **OPTIONS,
        )

    async def open(self, take: Take) -> None:
        """Connects, declares the queues that are missing, and begins to read."""

        async def handle(message: RabbitMessage) -> None:
            raw = message.raw_message
            identity, correlation = raw.message_id or "", raw.correlation_id or ""
            await hand_over(message, take, identity=identity, correlation=correlation)

        subscriber = self._broker.subscriber(
            RabbitQueue(self._settings.source, durable=True),
            channel=self._channel,
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
        )
        subscriber(handle)
        connection = await self._broker.connect()
        self._probe = await connection.channel()
        if self._settings.reply_to:
            await self._broker.declare_queue(RabbitQueue(self._settings.reply_to, durable=True))
        await self._broker.start()

    async def check(self) -> None:
        """Asks for the queue: a lost connection and a deleted queue both raise."""
        if self._probe is None or self._probe.is_closed:
            raise BrokerError("The connection is lost.")
        # Not robust: that one answers from memory, and says of a deleted queue that it is there.
        queue = await self._probe.declare_queue(self._settings.source, passive=True, robust=False)
        if not queue.declaration_result.consumer_count:
            raise BrokerError(f"Nobody reads the queue {self._settings.source} any more.")

    async def publish(self, reply: Reply) -> None:
        """Publishes to the default exchange; raises where there is no such queue."""
        await self._broker.publish(
            reply.body,
            routing_key=reply.channel,
            correlation_id=reply.correlation,
            content_type="application/json",
            persist=True,
            mandatory=True,
        )

    async def close(self) -> None:
        """Ends the connection."""
        await self._broker.stop()


def _security(access: Access) -> BaseSecurity | None:
    if access.password:
        return SASLPlaintext(access.user, access.password, ssl_context=access.tls)
    return BaseSecurity(ssl_context=access.tls) if access.tls else None
