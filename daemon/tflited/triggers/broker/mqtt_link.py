"""MQTT 5: a persistent session under a fixed client id, quality of service 1."""

from faststream import AckPolicy
from faststream.mqtt import MQTTBroker, MQTTMessage
from faststream.security import BaseSecurity, SASLPlaintext
from zmqtt import QoS, ReconnectConfig

from tflited.errors import BrokerError
from tflited.triggers.broker.access import Access
from tflited.triggers.broker.delivery import Reply, Take
from tflited.triggers.broker.handler import OPTIONS, hand_over

_CONNECT_SECONDS = 5.0
_KEEPALIVE_SECONDS = 30
_SESSION_SECONDS = 7 * 24 * 3600
"""How long the broker keeps messages for a daemon that is away."""


class MqttLink:
    """Implements ``Link`` over one topic filter; used once."""

    def __init__(self, access: Access) -> None:
        settings = access.settings
        self._settings = settings
        self._broker = MQTTBroker(
            settings.url,
            security=_security(access),
            version="5.0",
            client_id=access.consumer,
            clean_session=False,
            session_expiry_interval=_SESSION_SECONDS,
            # No receive maximum: Mosquitto 2.0.11 sends more, and the client would hang up on it.
            # What is read ahead is bounded by the client, which stops reading at 1000 messages.
            keepalive=_KEEPALIVE_SECONDS,
            mqtt_connect_timeout=_CONNECT_SECONDS,
            # The door makes a new link instead: one way to come back for all brokers.
            reconnect=ReconnectConfig(enabled=False, max_attempts=1),
            **OPTIONS,
        )

    async def open(self, take: Take) -> None:
        """Connects to the session, subscribes, and begins to read."""

        async def handle(message: MQTTMessage) -> None:
            properties = message.raw_message.properties
            data = properties.correlation_data if properties else None
            await hand_over(message, take, correlation=(data or b"").decode(errors="replace"))

        subscriber = self._broker.subscriber(
            self._settings.source,
            qos=QoS.AT_LEAST_ONCE,
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
        )
        subscriber(handle)
        await self._broker.start()

    async def check(self) -> None:
        """Asks for an echo."""
        _ = self._broker.connection_info  # raises at once where the connection is lost
        if not await self._broker.ping(_CONNECT_SECONDS):
            raise BrokerError("It does not answer any more.")

    async def publish(self, reply: Reply) -> None:
        """Publishes with quality of service 1; returns when the broker has acknowledged it."""
        await self._broker.publish(
            reply.body,
            topic=reply.channel,
            qos=QoS.AT_LEAST_ONCE,
            correlation_id=reply.correlation,
        )

    async def close(self) -> None:
        """Ends the connection and keeps the session."""
        if self._broker.running:
            # First the connection: FastStream's stop would unsubscribe, and the broker would keep
            # nothing for a daemon that is away.
            await (await self._broker.connect()).disconnect()
        await self._broker.stop()


def _security(access: Access) -> BaseSecurity | None:
    if access.password:
        return SASLPlaintext(access.user, access.password, ssl_context=access.tls)
    return BaseSecurity(ssl_context=access.tls) if access.tls else None
